"""A TrueType face cut to some glyphs, with the tables that a PDF needs of it and no others."""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack, unpack, unpack_from
from typing import Any

# What a composite glyph says of each of its parts (OpenType, table glyf).
_WORDS, _SCALE, _MORE, _TWO_SCALES, _MATRIX = 0x01, 0x08, 0x20, 0x40, 0x80


def cut(face: Any, letters: Sequence[str]) -> bytes:
    """The font program that has the letters at their codes; `face` is ReportLab's, read once and never changed.

    A code with an empty letter, or one that the face lacks, shows the glyph for what is not defined.
    """
    known = face.charToGlyph
    glyphs = [0]  # new glyph -> old glyph
    places = {0: 0}  # old glyph -> new glyph
    by_code = [_place(known.get(ord(letter), 0) if letter else 0, glyphs, places) for letter in letters]
    outlines, offsets = _outlines(face, glyphs, places)
    metrics = [face.hmetrics[glyph] for glyph in glyphs]
    long = offsets[-1] // 2 > 0xFFFF
    head = face.get_table("head")
    tables = {tag: face.get_table(tag) for tag in ("cvt ", "fpgm", "prep") if tag in face.table}
    tables |= {
        "cmap": pack(f">9H2H{len(by_code)}H", 0, 1, 1, 0, 0, 12, 6, 10 + 2 * len(by_code), 0, 0, len(by_code), *by_code),
        "glyf": outlines,
        # The sum over the whole file comes last, so the field for it is empty while it is reckoned.
        "head": head[:8] + bytes(4) + head[12:50] + pack(">H", long) + head[52:],
        "hhea": face.get_table("hhea")[:34] + pack(">H", len(metrics)),
        "hmtx": b"".join(pack(">HH", int(advance), int(bearing)) for advance, bearing in metrics),
        "loca": pack(f">{len(offsets)}L", *offsets) if long else pack(f">{len(offsets)}H", *(offset // 2 for offset in offsets)),
        "maxp": _patched(face.get_table("maxp"), 4, len(glyphs)),
    }
    return _file(tables)


def _place(glyph: int, glyphs: list[int], places: dict[int, int]) -> int:
    """The new number of a glyph, which it gets now if it has none."""
    if glyph not in places:
        places[glyph] = len(glyphs)
        glyphs.append(glyph)
    return places[glyph]


def _patched(table: bytes, at: int, value: int) -> bytes:
    """A table with another number at a place."""
    return table[:at] + pack(">H", value) + table[at + 2 :]


def _outlines(face: Any, glyphs: list[int], places: dict[int, int]) -> tuple[bytes, list[int]]:
    """The outlines of glyphs one after the other and where each begins; parts of composite ones are added to the glyphs."""
    start = face.get_table_pos("glyf")[0]
    data, where = face._ttf_data, face.glyphPos
    found: list[bytes] = []
    offsets = [0]
    # The list grows while it is read: a part of a glyph may have parts itself.
    for glyph in glyphs:
        outline = data[start + where[glyph] : start + where[glyph + 1]]
        if outline and outline[0] >= 0x80:
            outline = _renumbered(outline, glyphs, places)
        outline += bytes(-len(outline) % 4)
        found.append(outline)
        offsets.append(offsets[-1] + len(outline))
    return b"".join(found), offsets


def _renumbered(outline: bytes, glyphs: list[int], places: dict[int, int]) -> bytes:
    """A composite glyph whose parts have their new numbers."""
    made = bytearray(outline)
    at, flags = 10, _MORE
    while flags & _MORE:
        flags, part = unpack_from(">HH", outline, at)
        made[at + 2 : at + 4] = pack(">H", _place(part, glyphs, places))
        at += 8 if flags & _WORDS else 6
        at += 2 if flags & _SCALE else 4 if flags & _TWO_SCALES else 8 if flags & _MATRIX else 0
    return bytes(made)


def _file(tables: dict[str, bytes]) -> bytes:
    """The tables as a font file, with their checksums."""
    count = len(tables)
    power = count.bit_length() - 1
    directory = [pack(">L4H", 0x00010000, count, 16 << power, power, 16 * (count - (1 << power)))]
    body: list[bytes] = []
    place = 12 + 16 * count
    head = 0
    for tag in sorted(tables):
        table = tables[tag]
        padded = table + bytes(-len(table) % 4)
        directory.append(pack(">4s3L", tag.encode("ascii"), _sum(padded), place, len(table)))
        head = place if tag == "head" else head
        body.append(padded)
        place += len(padded)
    made = bytearray(b"".join((*directory, *body)))
    made[head + 8 : head + 12] = pack(">L", (0xB1B0AFBA - _sum(bytes(made))) & 0xFFFFFFFF)
    return bytes(made)


def _sum(padded: bytes) -> int:
    """The checksum of a table whose length is a multiple of four."""
    words: tuple[int, ...] = unpack(f">{len(padded) // 4}L", padded)
    return sum(words) & 0xFFFFFFFF
