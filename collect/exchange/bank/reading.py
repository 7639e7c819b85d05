"""A bank file of any form: recognised by its content, never by its name, within the limits of the installation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from collect.domain.errors import Refusal
from collect.exchange.bank import camt, mt940, ofx, tables
from collect.exchange.bank.layout import Placing
from collect.exchange.bank.shape import Statement
from collect.exchange.cells import Limits, Source

_MOST = 64 << 20
"""No bank sends more for one day; XML and MT940 are held in memory."""


def read(
    origin: Path | bytes, name: str, limits: Limits, placing: Placing | None = None, saved: Iterable[Placing] = (), currency: str | None = None, sheet: str | None = None
) -> tuple[list[Statement], str]:
    """The statements of a file and the SHA-256 of its bytes; raises a Refusal with one sentence for everything else.

    `placing` says which column of a table is which, `saved` are the mappings of which one may fit; `currency` is that of
    a table that tells none, `sheet` the sheet of a workbook that is meant.
    """
    content, source = _content(origin, name, limits)
    form = _form(content)
    if form == "ofx":
        found = ofx.read(content, name)
    elif form == "camt":
        found = camt.read(content, name)
    elif form == "mt940":
        found = mt940.read(content, name)
    else:
        found = tables.read(content, source, placing, saved, currency, sheet)
    return found, source.sha256()


def rows_of_table(origin: Path | bytes, name: str, limits: Limits, saved: Iterable[Placing] = ()) -> list[list[str]]:
    """The rows of a file that is a table, of a workbook those of the sheet that `read` takes.

    Refusal `statement_no_table` for every other form, whose fields nobody has to name.
    """
    content, source = _content(origin, name, limits)
    if _form(content) != "table":
        raise Refusal("statement_no_table", None, name=name)
    return tables.rows_of(content, source, saved)


def _content(origin: Path | bytes, name: str, limits: Limits) -> tuple[bytes, Source]:
    source = Source(origin, name, limits)
    if source.size > _MOST:
        raise Refusal("file_too_large", None, name=name, limit="64 MB")
    content = b"".join(source.chunks())
    if not content.strip():
        raise Refusal("empty_file", None, name=name)
    return content, source


def _form(content: bytes) -> str:
    """ofx, camt, mt940, or a table: what is none of the others."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"OFXHEADER" in head or b"<OFX>" in content[:16384]:
        return "ofx"
    if (head.startswith(b"<") and head[1:2] in b"?!" + _LETTERS) or head[:4] in _WIDE_XML:
        return "camt"  # no table begins so, and what is no camt is refused as XML with its reason
    if head.startswith((b"PK", b"\xd0\xcf")):
        return "table"
    if b"\n:20:" in content or head.startswith(b":20:") or b"\n:25:" in content or b"\n:61:" in content or _is_fragment(head):
        return "mt940"
    return "table"


_WIDE_XML = (b"\xff\xfe<\x00", b"\xfe\xff\x00<", b"<\x00?\x00", b"\x00<\x00?")
"""How XML in UTF-16 begins."""
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _is_fragment(head: bytes) -> bool:
    """A piece of an MT940: a line that begins with a tag of it."""
    return head.startswith(b":") and head[1:3].isalnum() and b":" in head[3:5]
