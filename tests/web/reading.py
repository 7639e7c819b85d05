"""Reading our pages back as a program would: tables with their cells, amounts as decimal strings, links."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

INLINE = ("a", "b", "bdi", "code", "data", "del", "em", "ins", "kbd", "span", "strong", "time")
"""What stands in a line with the text around it; everything else ends a word."""


@dataclass
class Cell:
    """A cell: its visible text, the value of its amount if it has one, and where its first link leads."""

    text: str = ""
    value: str | None = None
    href: str | None = None


@dataclass
class Page:
    """The tables of a page (head cells, body rows, foot rows), its links with their text, and its visible text."""

    heads: list[list[Cell]] = field(default_factory=list)
    bodies: list[list[list[Cell]]] = field(default_factory=list)
    feet: list[list[list[Cell]]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    def rows(self, number: int = 0) -> list[dict[str, Cell]]:
        """A table's body rows by the text of their column heads."""
        return self._named(number, self.bodies[number])

    def totals(self, number: int = 0) -> list[dict[str, Cell]]:
        """A table's foot rows likewise."""
        return self._named(number, self.feet[number])

    def _named(self, number: int, rows: list[list[Cell]]) -> list[dict[str, Cell]]:
        names = [cell.text.rstrip(" ↓↑") for cell in self.heads[number]]
        return [dict(zip(names, row, strict=True)) for row in rows]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.part = ""
        self.cell: Cell | None = None
        self.link: list[str] | None = None
        self.deaf = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in INLINE:
            self.page.text += " "
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "style", "title"):
            self.deaf += 1
        if tag == "table":
            self.page.heads.append([])
            self.page.bodies.append([])
            self.page.feet.append([])
        if tag in ("thead", "tbody", "tfoot"):
            self.part = tag
        if tag == "tr" and self.part in ("tbody", "tfoot"):
            (self.page.bodies if self.part == "tbody" else self.page.feet)[-1].append([])
        if tag in ("th", "td"):
            self.cell = Cell()
        if tag == "data" and self.cell is not None:
            self.cell.value = given["value"]
        if tag == "a":
            self.link = [given.get("href", ""), ""]
            if self.cell is not None and self.cell.href is None:
                self.cell.href = given.get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self.page.text += " "
        if tag in ("script", "style", "title"):
            self.deaf -= 1
        if tag in ("th", "td") and self.cell is not None:
            self.cell.text = " ".join(self.cell.text.split())
            if self.part == "thead":
                self.page.heads[-1].append(self.cell)
            else:
                (self.page.bodies if self.part == "tbody" else self.page.feet)[-1][-1].append(self.cell)
            self.cell = None
        if tag == "a" and self.link is not None:
            self.page.links.append((self.link[0], " ".join(self.link[1].split())))
            self.link = None

    def handle_data(self, data: str) -> None:
        if self.deaf:
            return
        self.page.text += data
        if self.cell is not None:
            self.cell.text += data
        if self.link is not None:
            self.link[1] += data


def read(html: str) -> Page:
    """The page as data."""
    reader = _Reader()
    reader.feed(html)
    reader.page.text = " ".join(reader.page.text.split())
    return reader.page


def field_of(html: str, name: str) -> str:
    """The value of a form field of that name (an input, or the chosen option of a select)."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', html)
    if found:
        return found[1]
    select = re.search(rf'<select[^>]*name="{name}".*?</select>', html, re.S)
    assert select, f"no field {name}"
    option = re.search(r'<option selected[^>]*value="([^"]*)"', select[0]) or re.search(r'<option[^>]*value="([^"]*)"', select[0])
    assert option
    return option[1]
