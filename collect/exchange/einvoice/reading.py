"""An e-invoice file of any form: XML, PDF with XML inside, or OFD; recognised by its content, within limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from collect.domain.errors import Refusal
from collect.exchange.cells import Limits, Source
from collect.exchange.einvoice import carrier, ofd, xml
from collect.exchange.einvoice.shape import EInvoice

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
        found = replace(xml.read(_from_pdf(content, name), name), form="pdf")
    elif content.startswith(b"PK\x03\x04"):
        found = ofd.read(content, source)
    elif content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found = xml.read(content, name)
    else:
        raise Refusal("einvoice_unknown", None, name=name)
    return found, source.sha256()


def _from_pdf(content: bytes, name: str) -> bytes:
    """The XML that a Factur-X or ZUGFeRD PDF carries.

    Refusals: `einvoice_no_xml` where it carries none, `file_too_large`, `einvoice_costly` where taking it out costs more
    than that of any invoice.
    """
    if len(content) > carrier.MOST_PDF:
        raise Refusal("file_too_large", None, name=name, limit="16 MB")
    try:
        found = carrier.extract(content)
    except carrier.TooCostly:
        raise Refusal("einvoice_costly", None, name=name) from None
    if not found:
        raise Refusal("einvoice_no_xml", None, name=name)
    return found
