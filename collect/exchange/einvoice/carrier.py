"""The XML that a PDF carries, taken out in a process of its own: whatever the PDF is made of, it costs so many seconds and so much memory, not more.

A PDF of a hundred kilobytes can keep a reader busy for minutes (compressed within compressed, a filter a byte at a
time, one stream under a thousand names), and no list of such tricks is complete. The file is run by its path, without
this program around it: it needs the library alone.
"""

from __future__ import annotations

import contextlib
import io
import logging
import subprocess
import sys
from importlib.util import find_spec

MOST_PDF = 16 << 20
"""Bytes of a PDF that carries an invoice; those of businesses have a few hundred thousand."""
MOST_XML = 8 << 20
"""Bytes of the XML in it."""
SECONDS = 8
"""Processor time; a usual one takes half a second, most of it to start."""
MEMORY = 1 << 30
WAIT = 60
"""Seconds on the wall, on a machine that is busy with other work."""
_TOO_MUCH = 3


class TooCostly(Exception):
    """The PDF took more time or memory than an invoice does."""


def extract(content: bytes) -> bytes:
    """The XML of a Factur-X or ZUGFeRD PDF, empty where it carries none or cannot be read; raises TooCostly beyond its limits."""
    here = find_spec("collect.exchange.einvoice.carrier")
    command = [sys.executable, "-I", str((here and here.origin) or ""), str(SECONDS), str(MEMORY)]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=WAIT, check=False)
    except subprocess.TimeoutExpired:
        raise TooCostly from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode < 0 or done.returncode == _TOO_MUCH:
        raise TooCostly
    return b""


def found_in(content: bytes) -> bytes:
    """The XML, read here and now; empty where there is none. MemoryError where the limit is reached.

    Where no attachment is XML of a known kind it is the first one named so: whoever reads it says what is wrong with it.
    """
    from facturx import get_xml_from_pdf
    from facturx.facturx import PdfReader

    logging.disable(logging.CRITICAL)
    try:
        _file, found = get_xml_from_pdf(content, check_xsd=False)
        if not found:
            attached = PdfReader(io.BytesIO(content)).attachment_list
            found = next((one.content for one in attached if one.name.lower().endswith(".xml") and one.content), b"")
    except MemoryError:
        raise
    except Exception:  # the reader of PDFs raises anything; whatever it is, the file cannot be read
        return b""
    finally:
        logging.disable(logging.NOTSET)
    return bytes(found or b"")


def main() -> int:
    """Take a PDF from standard input and write its XML to standard output, within the limits given; 3 where memory or size is not enough."""
    seconds, memory = (int(text) for text in sys.argv[1:3])
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limits everywhere: then the clock of the caller is the only one
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = found_in(sys.stdin.buffer.read())
    except MemoryError:
        return _TOO_MUCH
    if len(found) > MOST_XML:
        return _TOO_MUCH
    sys.stdout.buffer.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
