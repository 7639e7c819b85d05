"""PDFs made to keep a reader busy: what it costs to refuse them is bounded, and does not grow with what they unpack to."""

from __future__ import annotations

import io
import resource
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from collect.domain.errors import Refusal
from collect.exchange.einvoice import carrier, reading
from tests.exchange.test_einvoices import LIMITS

XML = b'<?xml version="1.0"?><rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"/>'


def pdf(names: bytes, stream: bytes, entries: bytes) -> bytes:
    """A PDF whose attachments, named in `names`, are all the same stream."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[%s]>>>>>>" % names,
        b"<</Type/Pages/Count 0/Kids[]>>",
        b"<</Type/Filespec/F(a.xml)/UF(a.xml)/EF<</F 4 0 R>>>>",
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(stream), entries, stream),
    )
    found = io.BytesIO()
    found.write(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(found.tell())
        found.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = found.tell()
    found.write(b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places))
    found.write(b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % table)
    return found.getvalue()


def a_filter_a_byte_at_a_time(millions: int) -> bytes:
    """Rows of one byte each: so many millions of them pack into a few kilobytes."""
    return pdf(b"(a.xml) 3 0 R", zlib.compress(b"\2 " * (millions << 20), 9), b"/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1>>")


def one_stream_of_many_names(names: int) -> bytes:
    """Each name unpacks the same 40 MB again; that it is no XML shows at its end."""
    return pdf(b"".join(b"(a%d.xml) 3 0 R " % n for n in range(names)), zlib.compress(b"<a>" + b" " * (40 << 20), 9), b"/Filter/FlateDecode")


def cost_and_code(content: bytes) -> tuple[float, str]:
    """Processor seconds of the children that it took, and why it was refused."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(Refusal) as told:
        reading.read(content, "x.pdf", LIMITS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, told.value.code


@pytest.mark.parametrize(("make", "sizes"), [(a_filter_a_byte_at_a_time, (5, 20)), (one_stream_of_many_names, (100, 400))])
def test_what_a_hostile_pdf_costs_is_bounded_and_does_not_grow(make: Callable[[int], bytes], sizes: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a limit of one second, for a file that asks for many and for one that asks for four times as much; both are below 200 KB."""
    monkeypatch.setattr(carrier, "SECONDS", 1)
    for size in sizes:
        content = make(size)
        assert len(content) < 200_000
        seconds, code = cost_and_code(content)
        assert code == "einvoice_costly" and seconds < 2.5


def test_memory_size_and_waiting_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte that is 1 MB packed is no gigabyte here; 16 MB are the end; a child that hangs is not waited for."""
    with pytest.raises(Refusal, match="file_too_large"):
        reading.read(b"%PDF-1.7\n" + b" " * carrier.MOST_PDF, "x.pdf", LIMITS)
    monkeypatch.setattr(carrier, "MEMORY", 1 << 20)
    with pytest.raises(Refusal) as told:
        reading.read(pdf(b"(a.xml) 3 0 R", XML, b""), "x.pdf", LIMITS)
    assert told.value.code in ("einvoice_costly", "einvoice_no_xml")
    monkeypatch.undo()
    monkeypatch.setattr(carrier, "WAIT", 0.01)
    before = time.monotonic()
    with pytest.raises(Refusal, match="einvoice_costly"):
        reading.read(a_filter_a_byte_at_a_time(20), "x.pdf", LIMITS)
    assert time.monotonic() - before < 5


def test_the_child_reads_and_says_how_it_ended(monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    """Here and now, so that its words can be seen: the XML, nothing where there is none, 3 where it is too large."""
    content = (shared / "einvoice" / "facturx_pdf" / "akretion__invoice_EN16931.pdf").read_bytes()
    found = carrier.found_in(content)
    assert b"CrossIndustryInvoice" in found and carrier.extract(content) == found and carrier.found_in(b"%PDF-1.4") == b""
    for data, most, status, told in ((content, carrier.MOST_XML, 0, found), (content, 10, 3, b""), (b"%PDF-1.4", 10, 0, b"")):
        out = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr(carrier, "MOST_XML", most)
        monkeypatch.setattr(sys, "argv", ["carrier", "1", "1"])
        monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        monkeypatch.setattr(sys, "stdout", out)
        assert carrier.main() == status
        out.flush()
        assert out.buffer.getvalue() == told  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("attached", "code"),
    [(b"<Cross", "xml_broken"), (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "xml_doctype"), (b"<a/>", "einvoice_unknown"), (b"", "einvoice_no_xml")],
)
def test_an_attachment_that_is_no_invoice_gets_its_own_reason(attached: bytes, code: str) -> None:
    """It is not true of these that the PDF carries nothing."""
    with pytest.raises(Refusal) as told:
        reading.read(pdf(b"(a.xml) 3 0 R", attached, b""), "x.pdf", LIMITS)
    assert told.value.code == code
