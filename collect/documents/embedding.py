"""Fonts inside a PDF: a face cut to the letters that a document sets, those of its form cut once for all documents of it.

ReportLab cuts a font anew for each document, which took three quarters of the time of a short letter. Here a document
may name a stock: the letters that stand in every document of its kind. They are cut and compressed once, and only what
is left, mostly the letters of a customer's name, is cut for the one document. The bytes depend on the document alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.pdfdoc import PDFDocument, PDFObject
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from collect.documents import truetype

ASCII = "".join(map(chr, range(0x20, 0x7F)))
MOST = 256  # codes of one byte
SPACE = 0x20
SHORT = 4096  # bytes; to compress fewer for one letter saves some hundred of them and takes a tenth of its time
_SYMBOLIC, _NONSYMBOLIC = 1 << 2, 1 << 5
_PRINTABLE = frozenset(range(0x20, 0x7F)) - {ord(char) for char in "()\\"}
_SPECIAL = str.maketrans({char: f"\\{char}" for char in "()\\"})
Shown = list[tuple[str, str]]
"""What is shown in which font of a file: its name there, and a text as it stands between parentheses in a page."""


def _escaped(code: int) -> str:
    """A code as it stands in a text of a page."""
    return chr(code) if code in _PRINTABLE else f"\\{code:03o}"


class _Ready(PDFObject):
    """An object of a file whose bytes are known but for the objects it points to, which are named behind them."""

    def __init__(self, content: bytes, **references: Any) -> None:
        self.content = content
        self.references = references

    def format(self, document: PDFDocument) -> bytes:
        """The bytes, with the numbers that the objects have in this file."""
        if not self.references:
            return self.content
        pointers = b"".join(b"/%s %s\n" % (name.encode(), reference.format(document)) for name, reference in self.references.items())
        return self.content + pointers + b">>\n"


class Cut(NamedTuple):
    """A face cut to at most 256 letters: name and objects as they stand in a file."""

    name: str
    program: bytes
    unicode: bytes
    descriptor: bytes
    font: bytes


def _stream(content: bytes, short: int, more: str = "") -> bytes:
    """A stream as it stands in a file, compressed if it is not short."""
    packed, how = (content, "") if len(content) < short else (zlib.compress(content), "/Filter /FlateDecode ")
    return f"<<{how}/Length {len(packed)}{more}>>\nstream\n".encode("ascii") + packed + b"\nendstream\n"


def _cut(face: Any, letters: Sequence[str], short: int = SHORT) -> Cut:
    """A face cut to letters by their codes, an empty one where a code is not used."""
    program = truetype.cut(face, letters)
    # Two files that are put together must not take one cut for the other.
    mark = zlib.crc32(program)
    tag = "".join(chr(65 + mark // 26**place % 26) for place in range(6))
    name = f"{tag}+{(face.name + face.subfontNameX).decode('ascii')}"
    number = "{:g}".format
    box = " ".join(map(number, face.bbox))
    flags = face.flags & ~_NONSYMBOLIC | _SYMBOLIC
    metrics = f"/Ascent {face.ascent:g} /CapHeight {face.capHeight:g} /Descent {face.descent:g} /ItalicAngle {face.italicAngle:g} /StemV {face.stemV:g}"
    descriptor = f"<</Type /FontDescriptor /FontName /{name} /Flags {flags} /FontBBox [{box}] {metrics} /MissingWidth {face.defaultWidth:g}\n"
    widths = " ".join(number(face.getCharWidth(ord(letter)) if letter else face.defaultWidth) for letter in letters)
    font = f"<</Type /Font /Subtype /TrueType /BaseFont /{name} /FirstChar 0 /LastChar {len(letters) - 1} /Widths [{widths}]\n"
    return Cut(name, _stream(program, short, f" /Length1 {len(program)}"), _stream(_unicode(name, letters), short), descriptor.encode("ascii"), font.encode("ascii"))


def _unicode(name: str, letters: Sequence[str]) -> bytes:
    """The table by which a text is copied out of a file; UTF-16 also beyond U+FFFF."""
    pairs = [f"<{code:02X}> <{letter.encode('utf-16-be').hex().upper()}>" for code, letter in enumerate(letters) if letter]
    # A section has at most 100 entries.
    sections = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap",
            f"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n/CMapName /{name} def\n/CMapType 2 def",
            "1 begincodespacerange\n<00> <FF>\nendcodespacerange",
            *("\n".join([f"{len(section)} beginbfchar", *section, "endbfchar"]) for section in sections),
            "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend",
        ]
    ).encode("ascii")


@dataclass(frozen=True, slots=True)
class _Stock:
    """The letters of a form in one face: by cut, the letters by code; where each is, and how it is written in the first."""

    cuts: tuple[tuple[str, ...], ...]
    places: dict[str, tuple[int, str]]
    first: dict[str, str]


@lru_cache(maxsize=64)
def _stock(font: Embedded, letters: str) -> _Stock:
    """The places of ASCII (at its own codes) and of a form's other letters in their order; what the face lacks is left out."""
    has = font.face.charToGlyph
    cuts = [["" for _ in range(MOST)]]
    for char in ASCII:
        cuts[0][ord(char)] = char if ord(char) in has else ""
    free = [(0, code) for code in (*range(1, SPACE), *range(0x7F, MOST))]
    for char in sorted(set(letters) - set(ASCII)):
        if ord(char) not in has:
            continue
        if not free:
            cuts.append(["" for _ in range(MOST)])
            free = [(len(cuts) - 1, code) for code in range(1, MOST) if code != SPACE]
        cut, code = free.pop(0)
        cuts[cut][code] = char
    places = {char: (number, _escaped(code)) for number, cut in enumerate(cuts) for code, char in enumerate(cut) if char}
    return _Stock(tuple(_trimmed(cut) for cut in cuts), places, {char: shown for char, (number, shown) in places.items() if number == 0})


def _trimmed(letters: Sequence[str]) -> tuple[str, ...]:
    """Letters by code, without the codes behind the last one."""
    last = max((code for code, letter in enumerate(letters) if letter), default=0)
    return tuple(letters[: last + 1])


@lru_cache(maxsize=64)
def _stock_cut(font: Embedded, letters: tuple[str, ...]) -> Cut:
    """A cut of a stock, made once."""
    return _cut(font.face, letters, 0)


class _Used:
    """What one document sets in one face: letters of the stock, and others, which get codes in the order in which they come."""

    def __init__(self, font: Embedded, letters: str, name: str) -> None:
        self.font = font
        self.name = name
        self.first = f"{name}+0"
        self.stock = _stock(font, letters)
        self.used: set[int] = set()
        self.own: list[list[str]] = []
        self.places: dict[str, tuple[int, str]] = {}

    def show(self, text: str) -> Shown:
        """A text, every letter of which the face has, as it is shown."""
        if text.isascii():
            self.used.add(0)
            return [(self.first, text.translate(_SPECIAL))]
        text = text.replace("\xa0", " ")
        try:
            whole = "".join(map(self.stock.first.__getitem__, text))
        except KeyError:
            return self._pieces(text)
        self.used.add(0)
        return [(self.first, whole)]

    def _pieces(self, text: str) -> Shown:
        """A text that not only the first cut shows."""
        shown: list[tuple[int, list[str]]] = []
        for char in text:
            place, escaped = self.stock.places.get(char) or self.places.get(char) or self._add(char)
            if shown and shown[-1][0] == place:
                shown[-1][1].append(escaped)
            else:
                shown.append((place, [escaped]))
        self.used |= {place for place, _ in shown}
        return [(f"{self.name}+{place}", "".join(parts)) for place, parts in shown]

    def _add(self, char: str) -> tuple[int, str]:
        """A place for one more letter."""
        if not self.own or len(self.own[-1]) >= MOST:
            self.own.append([""])
        code = len(self.own[-1])
        if code == SPACE:
            self.own[-1].append("")
            code += 1
        self.own[-1].append(char)
        self.places[char] = (len(self.stock.cuts) + len(self.own) - 1, _escaped(code))
        return self.places[char]

    def cuts(self) -> list[tuple[str, Cut]]:
        """The cuts that the document needs, each with its name there."""
        found = []
        for number in sorted(self.used):
            stocked = number < len(self.stock.cuts)
            cut = _stock_cut(self.font, self.stock.cuts[number]) if stocked else _cut(self.font.face, self.own[number - len(self.stock.cuts)])
            found.append((f"{self.name}+{number}", cut))
        return found


class Embedded(TTFont):
    """A TrueType font whose documents carry what they use of it."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name, path)
        face: Any = self.face
        if face._full_font:
            raise TTFError(f"{path} may not be embedded in part")

    def used(self, doc: PDFDocument) -> _Used:
        """What a document sets in this face."""
        faces = doc.__dict__.setdefault("collect_faces", {})
        found: _Used | None = faces.get(self.fontName)
        if found is None:
            name = f"F{len(doc.fontMapping) + 1}"
            doc.fontMapping[self.fontName] = f"/{name}"
            doc.delayedFonts.append(self)
            found = faces[self.fontName] = _Used(self, doc.__dict__.get("collect_stock", {}).get(self.fontName, ""), name)
        return found

    def splitString(self, text: str | bytes, doc: PDFDocument, encoding: str = "utf-8") -> list[tuple[int, bytes]]:
        """For ReportLab's own drawing: a text by cut, as bytes."""
        plain = text if isinstance(text, str) else text.decode(encoding)
        return [(int(name.rpartition("+")[2]), _bytes(shown)) for name, shown in self.used(doc).show(plain)]

    def getSubsetInternalName(self, subset: int, doc: PDFDocument) -> str:
        """The name of a cut in a file."""
        used = self.used(doc)
        used.used.add(subset)
        return f"/{used.name}+{subset}"

    def addObjects(self, doc: Any) -> None:
        """Put what the document has used into its file."""
        fonts = doc.idToObject["BasicFonts"].dict
        for name, cut in self.used(doc).cuts():
            program = doc.Reference(_Ready(cut.program), f"program:{name}")
            unicode = doc.Reference(_Ready(cut.unicode), f"unicode:{name}")
            descriptor = doc.Reference(_Ready(cut.descriptor, FontFile2=program), f"descriptor:{name}")
            fonts[name] = doc.Reference(_Ready(cut.font, FontDescriptor=descriptor, ToUnicode=unicode), name)


def _bytes(shown: str) -> bytes:
    """A text as it stands in a page, as the codes it means."""
    codes = bytearray()
    at = 0
    while at < len(shown):
        if shown[at] != "\\":
            codes.append(ord(shown[at]))
            at += 1
        elif shown[at + 1].isdigit():
            codes.append(int(shown[at + 1 : at + 4], 8))
            at += 4
        else:
            codes.append(ord(shown[at + 1]))
            at += 2
    return bytes(codes)


def stock(doc: PDFDocument, letters: dict[str, str]) -> None:
    """Name the letters of a document's form by face, before anything is set in it."""
    doc.__dict__["collect_stock"] = letters


def shower(name: str, doc: PDFDocument) -> Callable[[str], Shown]:
    """How texts of a face are shown in a document."""
    font: Any = pdfmetrics.getFont(name)
    if isinstance(font, Embedded):
        return font.used(doc).show
    inside = doc.getInternalFontName(name)[1:]
    return lambda text: [(inside, font.formatForPdf(text))]
