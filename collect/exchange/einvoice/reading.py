"""An e-invoice file of any form: XML, PDF with XML inside, or OFD; recognised by its content, within limits."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from collect.domain.errors import Refusal
from collect.exchange.cells import Limits, Source
from collect.exchange.einvoice import ofd, xml
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
