"""A bank file of any form: recognised by its content, never by its name, within the limits of the installation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from collect.domain.errors import Refusal
from collect.exchange.bank import camt, mt940, ofx, tables
from collect.exchange.bank.shape import Statement
from collect.exchange.cells import Limits, Source

_MOST = 64 << 20
"""No bank sends more for one day; XML and MT940 are held in memory."""


def read(origin: Path | bytes, name: str, limits: Limits, columns: Mapping[str, str] | None = None, currency: str | None = None) -> tuple[list[Statement], str]:
    """The statements of a file and the SHA-256 of its bytes; raises a Refusal with one sentence for everything else.

    `columns` is a saved mapping for a table whose heads are not known; `currency` that of a table that tells none.
    """
    source = Source(origin, name, limits)
    if source.size > _MOST:
        raise Refusal("file_too_large", None, name=name, limit="64 MB")
    content = b"".join(source.chunks())
    if not content.strip():
        raise Refusal("empty_file", None, name=name)
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"OFXHEADER" in head or b"<OFX>" in content[:16384]:
        found = ofx.read(content, name)
    elif head.startswith((b"<?xml", b"<Document")) or (head.startswith(b"<") and b"camt.05" in head):
        found = camt.read(content, name)
    elif not head.startswith((b"PK", b"\xd0\xcf")) and (b"\n:20:" in content or head.startswith(b":20:") or b"\n:25:" in content or b"\n:61:" in content or _is_fragment(head)):
        found = mt940.read(content, name)
    else:
        found = tables.read(content, source, columns, currency)
    return found, source.sha256()


def _is_fragment(head: bytes) -> bool:
    """A piece of an MT940: a line that begins with a tag of it."""
    return head.startswith(b":") and head[1:3].isalnum() and b":" in head[3:5]
