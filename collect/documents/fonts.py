"""The fonts of documents: a chain that is asked in order for each text, so that no glyph is ever silently missing."""

from __future__ import annotations

import logging
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from zlib import crc32

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError

from collect import assets
from collect.documents.embedding import ASCII, Embedded

MARK = "〓"  # the compositor's mark for a sort that is not in the case
REGULAR = ("NotoSansSC-Regular.ttf", "NotoSans-Regular.ttf")  # the second for letters that the first lacks
BOLD = ("NotoSansSC-Bold.ttf", "NotoSans-Bold.ttf")
SYSTEM = ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc")
_log = logging.getLogger(__name__)
# A font registered a second time while a document is being set would lose the glyphs set so far.
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Face:
    """A font that ReportLab knows by `name`; `widths` are the characters it has, each with its width in ems."""

    name: str
    widths: Mapping[str, float] = field(repr=False, compare=False)
    embedded: bool = True
    ascii: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ascii", self.widths.keys() >= set(ASCII))


Run = tuple[Face, str]


@dataclass(frozen=True, slots=True)
class Fonts:
    """Two chains of faces: `regular`, and `bold`, which ends in the regular ones."""

    regular: tuple[Face, ...]
    bold: tuple[Face, ...]

    @property
    def embedded(self) -> bool:
        """Whether documents carry their font; with the last resort alone, a reader's machine must have one."""
        return self.regular[0].embedded

    def runs(self, text: str, bold: bool = False) -> tuple[list[Run], set[str]]:
        """The text cut into pieces of one face, and the characters no face has (a mark stands in their place).

        The first face that has every character takes the whole text; only a text that no face has whole is cut.
        """
        chain = self.bold if bold else self.regular
        # Figures, dates and numbers of documents are most of what is set.
        if chain[0].ascii and text.isascii() and text.isprintable():
            return [(chain[0], text)], set()
        if chain[0].widths.keys() >= set(text):
            return [(chain[0], text)], set()
        text = clean(text)
        for face in chain:
            if face.widths.keys() >= set(text):
                return [(face, text)], set()
        pieces: list[tuple[Face, list[str]]] = []
        missing: set[str] = set()
        for char in text:
            found = _find(chain, char)
            if found is None:
                missing.add(char)
            face, shown = (found, char) if found else _mark(chain)
            if pieces and pieces[-1][0] is face:
                pieces[-1][1].append(shown)
            else:
                pieces.append((face, [shown]))
        return [(face, "".join(chars)) for face, chars in pieces], missing


def _find(chain: Sequence[Face], char: str) -> Face | None:
    """The first face that has a character."""
    return next((face for face in chain if char in face.widths), None)


def _mark(chain: Sequence[Face]) -> Run:
    """What stands in place of a character that no face has."""
    face = _find(chain, MARK)
    return (face, MARK) if face else (chain[0], "?")


def clean(text: str) -> str:
    """The text as it can be set: white space as single spaces, marks joined to their letters, controls left out.

    Variation selectors, joiners and direction marks have no glyph of their own and are left out too.
    """
    if any(unicodedata.combining(char) for char in text):
        text = unicodedata.normalize("NFC", text)
    kept = (" " if char in "\t\n\r\v\f\x85\u2028\u2029" else char for char in text)
    return "".join(char for char in kept if unicodedata.category(char) not in ("Cc", "Cf", "Cs") and not "\ufe00" <= char <= "\ufe0f")


def width(runs: Sequence[Run]) -> float:
    """The width of a text in ems."""
    if len(runs) == 1:
        return sum(map(runs[0][0].widths.__getitem__, runs[0][1]))
    return sum(sum(map(face.widths.__getitem__, text)) for face, text in runs)


def load(configured: Sequence[Path] = ()) -> Fonts:
    """The fonts in force: the configured files, the shipped ones, WenQuanYi where the system has it, the CID font last.

    `configured` are TrueType files (regular, then bold if there is one); one that cannot be used is named in the log and
    left out, because a document in another font is better than none.
    """
    with _loading:
        return _load(tuple(path.resolve() for path in configured))


@cache
def _load(configured: tuple[Path, ...]) -> Fonts:
    folder = assets.folder("config") / "fonts"
    own = [_truetype(path) for path in configured]
    system = next((Path(path) for path in SYSTEM if Path(path).is_file()), None)
    plain = [*own[:1], *(_truetype(folder / name) for name in REGULAR), _truetype(system) if system else None]
    heavy = [*own[1:2], *(_truetype(folder / name) for name in BOLD if not own)]
    regular = [face for face in plain if face] or [_last_resort()]
    return Fonts(tuple(regular), (*(face for face in heavy if face), *regular))


def _truetype(path: Path) -> Face | None:
    """The face of a TrueType file, known to ReportLab from now on; None, and a line in the log, when it cannot be used."""
    # The name stands in the file: the shipped fonts have the same one wherever they are installed.
    shipped = path.parent == assets.folder("config") / "fonts"
    name = f"collect-{path.stem}" if shipped else f"collect-{crc32(str(path).encode()):08x}-{path.stem}"
    try:
        font = Embedded(name, str(path))
    except (OSError, TTFError, ValueError) as problem:
        _log.warning("font %s cannot be used: %s", path, problem)
        return None
    pdfmetrics.registerFont(font)
    shown = ((chr(code), units / 1000) for code, units in font.face.charWidths.items())
    # What `clean` leaves out or joins is not looked for, so that a text is cleaned before it is set.
    return Face(name, {char: ems for char, ems in shown if unicodedata.category(char)[0] not in "CM"})


def _last_resort() -> Face:
    """The CID font, not embedded: it shows only where the reader's program brings a Chinese font."""
    font = UnicodeCIDFont("STSong-Light")
    pdfmetrics.registerFont(font)
    pairs = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    chars = {chr(code) for code in range(0x20, 0x7F)} | {char for pair in pairs for char in pair.decode("gb2312", "ignore")}
    return Face("STSong-Light", {char: font.stringWidth(char, 1000) / 1000 for char in chars}, embedded=False)
