"""The invoice in an OFD file 数电票: an archive of XML, looked through before anything that believes it reads it."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange import xlsx_guard
from collect.exchange.cells import Source
from collect.exchange.einvoice.shape import EInvoice, Party, amount, day

_MOST_XML = 8 << 20
"""Bytes of XML in all: a real invoice has some hundred thousand."""
_MOST_TAGS = 200_000
_MOST_PARTS = 2_000
_SPACES = re.compile(rb"[ \t\r\n]{200}")
_ENCODING = re.compile(rb"""^\s{0,80}<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}["']([^"']{0,40})["']""")
_ENCODINGS = frozenset([b"utf-8", b"utf8", b"gbk", b"gb2312", b"gb18030"])
_LOCKED = 0x1 | 0x20 | 0x40
"""Flags of a part that is encrypted (1), a patch of another (0x20), or strongly encrypted (0x40): nothing we could read."""
_DAMAGED = (ValueError, NotImplementedError, EOFError, struct.error, zipfile.BadZipFile, zlib.error)
"""What looking through raises: ours (ValueError), and `zipfile` on parts that are broken or newer than it knows."""


def read(content: bytes, source: Source) -> EInvoice:
    """The invoice in an OFD archive (数电票 and older ones); a red invoice 红字, with a negative total, is a credit note.

    Refusals: `einvoice_archive` for what cannot be opened or unpacks to too much, `einvoice_unknown` where the archive
    holds no invoice, `einvoice_sum` where net and tax are not the total, and those of its fields.
    """
    import ofdkit

    try:
        xlsx_guard.inspect(source)
        _look_through(source)
    except (Refusal, *_DAMAGED):
        raise Refusal("einvoice_archive", None, name=source.name) from None
    try:
        found = ofdkit.extract_invoice(content)
    except Exception:  # the reader of OFD raises anything; whatever it is, the file cannot be read
        raise Refusal("einvoice_archive", None, name=source.name) from None
    if found is None:
        raise Refusal("einvoice_unknown", None, name=source.name)
    issued = day(found.issue_date or "", "IssueDate")
    for value, name in ((found.invoice_number, "InvoiceNo"), (issued, "IssueDate"), (found.total_amount, "TaxInclusiveTotalAmount")):
        if not value:
            raise Refusal("einvoice_incomplete", "number", field_name=name)
    gross = _amount(found.total_amount, "TaxInclusiveTotalAmount")
    net, tax = _amount(found.amount_without_tax, "TaxExclusiveTotalAmount"), _amount(found.tax_amount, "TaxTotalAmount")
    number = f"{found.invoice_code or ''}{found.invoice_number}"
    if gross is None or issued is None:
        raise Refusal("einvoice_incomplete", "amount", field_name="TaxInclusiveTotalAmount")
    if net is not None and tax is not None and net + tax != gross:
        told = {name: money.plain(value, "CNY") for name, value in (("net", net), ("tax", tax), ("gross", gross))}
        raise Refusal("einvoice_sum", "amount", number=number[:64], **told)
    sign = -1 if gross < 0 else 1
    return EInvoice(
        form="ofd",
        kind="credit_note" if gross < 0 else "invoice",
        type_code=(found.invoice_type or "")[:40],
        number=number,
        issued=issued,
        due=None,
        currency="CNY",
        net=sign * net if net is not None else None,
        gross=sign * gross,
        prepaid=0,
        payable=sign * gross,
        rounding=0,
        seller=_party(found.seller),
        buyer=_party(found.buyer),
        terms=(found.note or "").strip()[:400],
        lines=len(found.items),
    ).checked()


def _look_through(source: Source) -> None:
    """Whether the parts are what an invoice may be made of; raises ValueError.

    The library that reads them mends broken XML with patterns that take the square of a run of blanks, and believes
    any encoding that a part names: blanks, encodings, tags and bytes are bounded here, after the archive's own sizes.
    """
    left, tags = _MOST_XML, 0
    with source.open() as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > _MOST_PARTS:
            raise ValueError("parts")
        for entry in entries:
            if not entry.filename.lower().endswith(".xml"):
                continue
            if entry.file_size > left:
                raise ValueError("size")
            if entry.flag_bits & _LOCKED or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("part")
            data = archive.read(entry)
            left, tags = left - len(data), tags + data.count(b"<")
            named = _ENCODING.search(data[:400])
            if tags > _MOST_TAGS or _SPACES.search(data) or (named and named[1].lower() not in _ENCODINGS):
                raise ValueError("content")


def _amount(text: str | None, name: str) -> int | None:
    """An amount in yuan with its marks and groups taken off; None where there is none."""
    if not text:
        return None
    return amount(re.sub(r"[¥,，\s元]", "", money.fold(text[:80])), "CNY", name)


def _party(party: object) -> Party:
    """Name, tax number and the printed line of address and telephone."""
    name, tax_id, address = ((getattr(party, field, None) or "").strip() for field in ("name", "tax_id", "address_phone"))
    return Party(name[:400], (tax_id[:64],) if tax_id else (), "", address[:400], "CN")
