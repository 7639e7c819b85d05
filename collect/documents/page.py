"""The page frame of every document: paper, colours, header with company, title and facts, footer with page numbers."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from reportlab import rl_config
from reportlab.lib.pagesizes import A3, A4, landscape
from reportlab.pdfgen.canvas import Canvas

from collect import i18n
from collect.documents import embedding
from collect.documents import fonts as letters
from collect.documents.fonts import Fonts, Run
from collect.i18n import mark

Colour = tuple[float, float, float]
INK: Colour = (0.09, 0.13, 0.18)
MUTED: Colour = (0.38, 0.43, 0.49)  # 5.3:1 on white, 4.9:1 on the band
ACCENT: Colour = (0.08, 0.30, 0.43)
RULE: Colour = (0.78, 0.82, 0.86)
BAND: Colour = (0.957, 0.966, 0.975)
HEAD: Colour = (0.906, 0.933, 0.953)

DASHES, SOLID = "[3 2.5] 0 d", "[] 0 d"
MARGIN = 30.0
FOOT = 40.0
FACT_GAP = 26.0
FACT_LINE = 27.0
PRINTED = mark("Printed {printed}")
PAGE_OF = mark("Page {page} of {pages}")
NO_GLYPH = mark("{mark} stands for characters that the font of this document does not have: {characters}.")
NOT_EMBEDDED = mark("The font of this document is not embedded: Chinese text shows only where the reader's device has a font for it.")

# Streams as they are instead of as printable text: a fifth smaller, and every reader of the last decades takes them.
rl_config.useA85 = 0


@dataclass(frozen=True, slots=True)
class Paper:
    """Width and height of a page in points."""

    width: float
    height: float

    @property
    def usable(self) -> float:
        """The width between the margins."""
        return self.width - 2 * MARGIN


PORTRAIT = Paper(*A4)
LANDSCAPE = Paper(*landscape(A4))
WIDE = Paper(*landscape(A3))


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands at the top of every page; `facts` are finished label and value pairs."""

    company: str
    title: str
    facts: tuple[tuple[str, str], ...]
    printed: str
    language: str


@cache
def _filling(colour: Colour) -> str:
    """The colour of what is filled, in upper case that of lines."""
    return " ".join(f"{part:g}" for part in colour) + " rg"


@dataclass
class Sheets:
    """The pages of one document while it is drawn: text in any face of the chain, lines, bands, header and footer.

    Sizes and places are points from the lower left corner. `missing` gathers the characters that no face has,
    `stock` names by face the letters that stand in every document of this kind (they are cut out of the font once).
    """

    paper: Paper
    heading: Heading
    fonts: Fonts
    pages: int
    page: int = 0
    missing: set[str] = field(default_factory=set)
    stock: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._out = io.BytesIO()
        size = (self.paper.width, self.paper.height)
        language = {"zh": "zh-CN"}.get(self.heading.language, "en")
        # Without a first font of ours the file would name Helvetica, which it does not carry.
        first: Any = self.fonts.regular[0].name  # the stubs ask for a number here
        self.canvas = Canvas(self._out, pagesize=size, invariant=1, lang=language, initialFontName=first)
        embedding.stock(self.canvas._doc, self.stock)  # type: ignore[attr-defined]
        self.canvas.setTitle(self.heading.title)
        self.canvas.setAuthor(self.heading.company)
        self.canvas.setSubject(" · ".join(f"{label} {value}" for label, value in self.heading.facts))
        self.canvas.setCreator("collect")
        self._showers: dict[str, Callable[[str], embedding.Shown]] = {}
        self._begin_code()

    def _begin_code(self) -> None:
        """A page begins: nothing is drawn, no letter and no colour chosen."""
        self._code: list[str] = []
        self._writing = False
        self._face: tuple[str, float] = ("", 0.0)
        self._fill: Colour | None = None

    def text(self, x: float, y: float, runs: Sequence[Run], size: float, colour: Colour = INK, right: bool = False, wide: float | None = None) -> None:
        """Set a text with its base line at y, from x on or, if `right`, up to x (`wide` is its width in ems, where that is known)."""
        code = self._code
        if not self._writing:
            code.append("BT")
            self._writing = True
        if right:
            x -= (letters.width(runs) if wide is None else wide) * size
        if colour != self._fill:
            code.append(_filling(colour))
            self._fill = colour
        place = f"1 0 0 1 {x:.2f} {y:.2f} Tm"
        for face, piece in runs:
            show = self._showers.get(face.name)
            if show is None:
                show = self._showers[face.name] = embedding.shower(face.name, self.canvas._doc)  # type: ignore[attr-defined]
            for name, shown in show(piece):
                if self._face != (name, size):
                    place = f"{place} /{name} {size:.4g} Tf"
                    self._face = (name, size)
                code.append(f"{place} ({shown}) Tj")
                place = ""

    def say(self, x: float, y: float, text: str, size: float, colour: Colour = INK, bold: bool = False, right: bool = False) -> float:
        """Set a text given as it is; returns its width in points."""
        runs = self.runs(text, bold)
        wide = letters.width(runs)
        self.text(x, y, runs, size, colour, right, wide)
        return wide * size

    def runs(self, text: str, bold: bool = False) -> list[Run]:
        """The text in faces; what no face has is remembered."""
        runs, missing = self.fonts.runs(text, bold)
        self.missing |= missing
        return runs

    def band(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle; to be called before the text that stands on it."""
        self._end_text()
        if colour != self._fill:
            self._code.append(_filling(colour))
            self._fill = colour
        self._code.append(f"{x:.2f} {y:.2f} {width:.2f} {height:.2f} re f")

    def rule(self, x: float, y: float, width: float, thickness: float = 0.4, colour: Colour = RULE) -> None:
        """Draw a horizontal line."""
        self._pen(thickness, colour)
        self._code.append(f"{x:.2f} {y:.2f} m {x + width:.2f} {y:.2f} l S")

    def frame(self, x: float, y: float, width: float, height: float, colour: Colour = RULE, thickness: float = 0.6, dashed: bool = False) -> None:
        """Draw a rectangle around nothing; dashed where something is to be put by hand."""
        self._pen(thickness, colour)
        box = f"{x:.2f} {y:.2f} {width:.2f} {height:.2f} re S"
        self._code.append(f"{DASHES} {box} {SOLID}" if dashed else box)

    def cut(self, x: float, y: float, width: float) -> None:
        """Draw a line along which the paper is cut."""
        self._pen(0.6, MUTED)
        self._code.append(f"{DASHES} {x:.2f} {y:.2f} m {x + width:.2f} {y:.2f} l S {SOLID}")

    def _pen(self, thickness: float, colour: Colour) -> None:
        self._end_text()
        self._code.append(f"{_filling(colour).upper()} {thickness:g} w")

    def turn(self, heading: Heading, pages: int) -> None:
        """End the document that is being drawn and begin another one in the same file, with pages of its own."""
        if self.page:
            self._end_page()
        self.heading, self.pages, self.page = heading, pages, 0

    def _end_text(self) -> None:
        if self._writing:
            self._code.append("ET")
            self._writing = False

    def begin(self) -> float:
        """Start the next page with its header (the page before gets its footer); returns the y below the header."""
        if self.page:
            self._end_page()
        self.page += 1
        y = self.paper.height - header_height(self.fonts, self.heading, self.paper, self.page)
        if self.page == 1:
            self._first_header()
        else:
            self._running_header()
        self.rule(MARGIN, y, self.paper.usable, 1.1, ACCENT)
        return y

    def _first_header(self) -> None:
        """Company, title and facts, with room to breathe."""
        heading, y, room = self.heading, self.paper.height - MARGIN, self.paper.usable
        self.say(MARGIN, y - 8, fit(self.fonts, heading.company, room / 9, bold=True), 9, ACCENT, bold=True)
        self.say(MARGIN, y - 30, fit(self.fonts, heading.title, room / 17, bold=True), 17, INK, bold=True)
        y -= 50
        for line in fact_lines(self.fonts, heading.facts, room):
            x = MARGIN
            for label, value in line:
                used = max(self.say(x, y, label, 7, MUTED), self.say(x, y - 11.5, value, 9, INK))
                x += used + FACT_GAP
            y -= FACT_LINE

    def _running_header(self) -> None:
        """Title, facts and company in one line."""
        heading, y = self.heading, self.paper.height - MARGIN - 8
        facts = "  ·  ".join(f"{label} {value}" for label, value in heading.facts)
        room = self.paper.usable - 20
        company = fit(self.fonts, heading.company, room / 3 / 8, bold=True)
        used = self.say(self.paper.width - MARGIN, y, company, 8, ACCENT, bold=True, right=True)
        title = fit(self.fonts, heading.title, (room - used) / 8, bold=True)
        taken = self.say(MARGIN, y, title, 8, INK, bold=True)
        self.say(MARGIN + taken + 12, y, fit(self.fonts, facts, (room - used - taken - 12) / 7.5), 7.5, MUTED)

    def _end_page(self) -> None:
        """The footer comes last, as it is read."""
        language = self.heading.language
        self.rule(MARGIN, FOOT - 8, self.paper.usable)
        self.say(MARGIN, FOOT - 18, i18n.in_language(language, PRINTED, printed=self.heading.printed), 7, MUTED)
        of = i18n.in_language(language, PAGE_OF, page=self.page, pages=self.pages)
        self.say(self.paper.width - MARGIN, FOOT - 18, of, 7, MUTED, right=True)
        self._end_text()
        self.canvas.addLiteral("\n".join(self._code))
        self.canvas.showPage()
        self._begin_code()

    def finish(self) -> bytes:
        """The document; the same calls give the same bytes."""
        self._end_page()
        self.canvas.save()
        return self._out.getvalue()


def footer(language: str) -> tuple[str, str]:
    """The words of the footer, with the places where something stands."""
    return i18n.in_language(language, PRINTED, printed=""), i18n.in_language(language, PAGE_OF, page="", pages="")


def header_height(fonts: Fonts, heading: Heading, paper: Paper, page: int) -> float:
    """The height of the header of a page from the upper edge of the paper: in full on the first, one line on the others."""
    if page > 1:
        return MARGIN + 15
    return MARGIN + 42 + FACT_LINE * len(fact_lines(fonts, heading.facts, paper.usable)) + (2 if heading.facts else 0)


@lru_cache(maxsize=64)
def fact_lines(fonts: Fonts, facts: tuple[tuple[str, str], ...], room: float) -> list[list[tuple[str, str]]]:
    """Facts in as many lines as they need."""
    lines: list[list[tuple[str, str]]] = []
    left = 0.0
    for label, value in facts:
        label, value = fit(fonts, label, room / 7), fit(fonts, value, room / 9)
        need = max(letters.width(fonts.runs(label)[0]) * 7, letters.width(fonts.runs(value)[0]) * 9) + FACT_GAP
        if not lines or need - FACT_GAP > left:
            lines.append([])
            left = room
        lines[-1].append((label, value))
        left -= need
    return lines


def fit(fonts: Fonts, text: str, ems: float, bold: bool = False) -> str:
    """The text, cut short with an ellipsis where it is wider than that many ems."""
    if letters.width(fonts.runs(text, bold)[0]) <= ems:
        return text
    kept = text
    while kept and letters.width(fonts.runs(kept + "…", bold)[0]) > ems:
        kept = kept[:-1]
    return kept.rstrip() + "…" if kept else ""


def warnings(fonts: Fonts, missing: set[str], language: str) -> list[str]:
    """What the reader of a document must know about its letters: characters without a glyph, a font not embedded."""
    told = []
    if missing:
        characters = ", ".join(f"U+{ord(char):04X}" for char in sorted(missing)[:20]) + ("…" if len(missing) > 20 else "")
        told.append(i18n.in_language(language, NO_GLYPH, mark=letters.MARK, characters=characters))
    if not fonts.embedded:
        told.append(i18n.in_language(language, NOT_EMBEDDED))
    return told
