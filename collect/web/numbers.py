"""Numbers of customers and documents in addresses: any text that people use as a number, as one part of a path, there and back."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.routing import BaseConverter, IntegerConverter, Map, ValidationError

LONGEST = 64
_SPECIAL = re.compile(r"[%/\\?#]|^\.+$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class NumberConverter(BaseConverter):
    """`<number:customer_no>`: what would end or bend a path (`INV/2024/7`, `..`) is escaped once more than usual.

    Control characters and more than 64 characters are no number: such an address is answered like a missing object.
    """

    def to_python(self, value: str) -> str:
        """The number that the part of the path stands for."""
        text = unquote(value)
        if not text or len(text) > LONGEST or _CONTROL.search(text):
            raise ValidationError
        return text

    def to_url(self, value: str) -> str:
        """The part of the path for a number."""
        return quote(_SPECIAL.sub(lambda found: "".join(f"%{ord(char):02X}" for char in found.group()), value), safe="")


class RowConverter(IntegerConverter):
    """`<int:run_id>`: a row's id; beyond what a database can keep there is no row, which is answered like a missing one."""

    def __init__(self, url_map: Map, fixed_digits: int = 0) -> None:
        super().__init__(url_map, fixed_digits, min=0, max=2**63 - 1)


def row_id(text: str) -> int | None:
    """A row's id as it stands in an address (the key of a page); None, which is the first page, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def register(state: BlueprintSetupState) -> None:
    """Make the converter known to the application, before the routes that use it."""
    state.app.url_map.converters.setdefault("number", NumberConverter)
