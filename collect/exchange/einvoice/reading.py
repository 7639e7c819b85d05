"""An e-invoice file of any form: XML, PDF with XML inside, or OFD; recognised by its content, within limits."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from collect.domain.errors import Refusal
from collect.exchange import xlsx_guard
from collect.exchange.cells import Limits, Source
from collect.exchange.einvoice import xml
from collect.exchange.einvoice.shape import EInvoice, Party, amount, day

_MOST = 32 << 20
"""An e-invoice with its attachments; more is no invoice of a business."""


def read(origin: Path | bytes, name: str, limits: Limits) -> tuple[EInvoice, str]:
    """The e-invoice of a file and the SHA-256 of its bytes; raises a Refusal with one sentence for everything else."""
    source = Source(origin, name, limits)
    if source.size > _MOST:
        raise Refusal("file_too_large", None, name=name, limit="32 MB")
    content = b"".join(source.chunks())
    if not content.strip():
        raise Refusal("empty_einvoice", None, name=name)
    if content[:1024].lstrip().startswith(b"%PDF"):
        found = xml.read(_from_pdf(content, name), name)
    elif content.startswith(b"PK\x03\x04"):
        found = _from_ofd(content, source)
    elif content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found = xml.read(content, name)
    else:
        raise Refusal("einvoice_unknown", None, name=name)
    return found, source.sha256()


def _from_pdf(content: bytes, name: str) -> bytes:
    """The XML that a Factur-X or ZUGFeRD PDF carries; Refusal `einvoice_no_xml` where it carries none."""
    from facturx import get_xml_from_pdf

    noisy = [logging.getLogger(each) for each in ("factur-x", "facturx", "pypdf")]
    levels = [logger.level for logger in noisy]
    try:
        for logger in noisy:
            logger.setLevel(logging.CRITICAL)
        _file, found = get_xml_from_pdf(content, check_xsd=False)
    except Exception:  # the reader of PDFs raises anything; whatever it is, the file cannot be read
        raise Refusal("einvoice_no_xml", None, name=name) from None
    finally:
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)
    if not found:
        raise Refusal("einvoice_no_xml", None, name=name)
    return bytes(found)


def _from_ofd(content: bytes, source: Source) -> EInvoice:
    """The invoice in an OFD archive (数电票 and older ones); a red invoice 红字 becomes a credit note."""
    import ofdkit

    try:
        xlsx_guard.inspect(source)
        found = ofdkit.extract_invoice(content)
    except (Refusal, ofdkit.OFDError, ValueError, KeyError, OSError, SyntaxError):
        raise Refusal("einvoice_archive", None, name=source.name) from None
    if found is None or not found.total_amount:
        raise Refusal("einvoice_unknown", None, name=source.name)
    total = re.sub(r"[^0-9.\-]", "", found.total_amount)
    gross = amount(total, "CNY", "TaxInclusiveTotalAmount")
    net = amount(found.amount_without_tax, "CNY", "TaxExclusiveTotalAmount") if found.amount_without_tax else None
    issued = day(found.issue_date or "", "IssueDate")
    if issued is None:
        raise Refusal("einvoice_incomplete", "issued", field_name="IssueDate")
    number = f"{found.invoice_code or ''}{found.invoice_number or ''}"
    size = abs(gross)
    return EInvoice(
        "ofd",
        "credit_note" if gross < 0 else "invoice",
        found.invoice_type or "",
        number,
        issued,
        None,
        "CNY",
        abs(net) if net is not None else None,
        size,
        0,
        size,
        0,
        _ofd_party(found.seller),
        _ofd_party(found.buyer),
        terms=(found.note or "")[:400],
    ).checked()


def _ofd_party(party: object) -> Party:
    name, tax_id, address = (getattr(party, field, None) or "" for field in ("name", "tax_id", "address_phone"))
    return Party(name.strip(), (tax_id.strip(),) if tax_id.strip() else (), "", address.strip()[:400], "CN")
