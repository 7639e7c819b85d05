"""How a table lies on paper: where text may break, how wide each column is, and which paper and size take them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from collect.documents import page
from collect.documents.fonts import Face, Run, width
from collect.documents.page import Paper

# Sizes in points that are tried, from the best; below the last one the paper grows instead.
SIZES = {page.PORTRAIT: (8.5, 8.0), page.LANDSCAPE: (8.5, 8.25, 8.0, 7.75, 7.5, 7.25, 7.0, 6.75, 6.5, 6.25, 6.0)}
GAP = 0.5  # ems on either side of a cell
APART = 0.9  # more ems before a column of text that follows a column of figures
EASE, TIGHT = 14.0, 9.0  # ems for a column of names when there is room, and at least
SPREAD = 3.0  # ems a column may be wider than it needs
CLOSING = frozenset("，。、；：！？）》」』】〕”’…—,.;:!?)]}%％·")
OPENING = frozenset("（《「『【〔“‘([{￥¥$€£")


class Cell(NamedTuple):
    """A cell ready to be set: its lines, the width of the widest, and how far it stands in from the right (all in ems).

    A named tuple, not a dataclass: a document has tens of thousands of them.
    """

    lines: tuple[Sequence[Run], ...]
    width: float
    inset: float = 0.0
    muted: bool = False


EMPTY = Cell((), 0.0)


@dataclass(frozen=True, slots=True)
class Need:
    """What a column asks for, in ems without gaps: to show everything on one line, and at the very least.

    `head` is its heading on one line; a `right` column is set to the right.
    """

    natural: float
    least: float
    head: float
    right: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Columns on paper: the size of the text, each column's left edge and width in points, and its left gap in ems."""

    paper: Paper
    size: float
    edges: tuple[float, ...]
    widths: tuple[float, ...]
    gaps: tuple[float, ...]
    right: tuple[bool, ...]

    @property
    def span(self) -> float:
        """The width of the whole table in points."""
        return self.edges[-1] + self.widths[-1] - self.edges[0]

    def room(self, column: int) -> float:
        """The ems between the gaps of a column."""
        return self.widths[column] / self.size - self.gaps[column] - GAP


def need(head: Cell, widest: float, whole: bool, right: bool) -> Need:
    """What a column asks for: a heading may take two lines, a name as many as it needs, a `whole` cell only one."""
    label = max(head.width / 2, min(head.width, 2.5), longest_word(head.lines[0]) if head.lines else 0.0)
    return Need(max(widest, label), max(widest if whole else min(widest, TIGHT), label), head.width, right)


def plan(needs: Sequence[Need]) -> Plan:
    """The best way to show all columns: upright A4 if everything fits on one line, A4 across at the largest size that
    leaves names enough room, and when even its smallest size is too large, A3 at whatever size the columns allow."""
    gaps = sum(_gaps(needs)) + GAP * len(needs)
    natural = sum(each.natural for each in needs) + gaps
    easy = [max(each.least, min(each.natural, EASE)) for each in needs]
    least = sum(each.least for each in needs) + gaps
    for size in SIZES[page.PORTRAIT]:
        if natural * size <= page.PORTRAIT.usable:
            return _place(page.PORTRAIT, size, [each.natural for each in needs], needs)
    for size in SIZES[page.LANDSCAPE]:
        if (sum(easy) + gaps) * size <= page.LANDSCAPE.usable:
            return _place(page.LANDSCAPE, size, easy, needs)
    smallest = SIZES[page.LANDSCAPE][-1]
    paper = page.LANDSCAPE if least * smallest <= page.LANDSCAPE.usable else page.WIDE
    size = smallest if paper is page.LANDSCAPE else min(8.0, paper.usable / least)
    return _place(paper, size, [each.least for each in needs], needs)


def plan_upright(needs: Sequence[Need]) -> Plan:
    """The best way to show all columns on upright A4, for letters: at the largest size that shows everything on one line
    or leaves names enough room, else at whatever size the columns allow."""
    gaps = sum(_gaps(needs)) + GAP * len(needs)
    natural = [each.natural for each in needs]
    easy = [max(each.least, min(each.natural, EASE)) for each in needs]
    least = [each.least for each in needs]
    for widths in (natural, easy):
        for size in (8.5, 8.25, 8.0, 7.75, 7.5):
            if (sum(widths) + gaps) * size <= page.PORTRAIT.usable:
                return _place(page.PORTRAIT, size, widths, needs, spread=page.PORTRAIT.usable)
    return _place(page.PORTRAIT, min(7.5, page.PORTRAIT.usable / (sum(least) + gaps)), least, needs)


def _place(paper: Paper, size: float, widths: Sequence[float], needs: Sequence[Need], spread: float = SPREAD) -> Plan:
    """Columns on the paper; what is left over goes to headings first, then to names, then evenly to all, within reason."""
    given = list(widths)
    gaps = _gaps(needs)
    spare = paper.usable / size - sum(widths) - sum(gaps) - GAP * len(needs)
    for wish in ([each.head for each in needs], [each.natural for each in needs]):
        lacking = [max(0.0, want - has) for want, has in zip(wish, given, strict=True)]
        share = min(1.0, spare / sum(lacking)) if sum(lacking) > 0 else 0.0
        given = [has + part * share for has, part in zip(given, lacking, strict=True)]
        spare -= sum(lacking) * share
    each_more = min(max(spare, 0.0) / len(needs), spread)
    points = [(gap + has + GAP + each_more) * size for gap, has in zip(gaps, given, strict=True)]
    edges = [page.MARGIN]
    for taken in points[:-1]:
        edges.append(edges[-1] + taken)
    return Plan(paper, size, tuple(edges), tuple(points), gaps, tuple(each.right for each in needs))


def _gaps(needs: Sequence[Need]) -> tuple[float, ...]:
    """The ems before the text of each column."""
    return tuple(GAP + (APART if index and needs[index - 1].right and not each.right else 0.0) for index, each in enumerate(needs))


def wrap(runs: Sequence[Run], room: float, whole_dates: bool = False) -> list[Sequence[Run]]:
    """The runs in lines of at most `room` ems: at spaces, between ideographs, and inside a word only where it must be.

    A line does not begin with a closing mark nor end with an opening one (kinsoku) unless there is no other place; with
    `whole_dates` (running text) nor with the hyphen inside a date.
    """
    glyphs = [(face, char, face.widths[char]) for face, text in runs for char in text]
    lines: list[Sequence[Run]] = []
    start = 0
    while start < len(glyphs):
        end, pause, used = start, 0, 0.0
        while end < len(glyphs) and (used + glyphs[end][2] <= room + 0.001 or end == start):
            used += glyphs[end][2]
            end += 1
            if end < len(glyphs) and may_break(glyphs[end - 1][1], glyphs[end][1]) and not (whole_dates and _inside_date(glyphs, end)):
                pause = end
        if end < len(glyphs) and pause and glyphs[end][1] != " ":
            end = pause
        lines.append(_join(glyphs[start:end]))
        start = end
        while start < len(glyphs) and glyphs[start][1] == " ":
            start += 1
    return lines


def _inside_date(glyphs: Sequence[tuple[Face, str, float]], at: int) -> bool:
    """Whether a place is behind a hyphen between two figures, as in 2026-03-31."""
    return at > 1 and glyphs[at - 1][1] == "-" and glyphs[at - 2][1].isdigit() and glyphs[at][1].isdigit()


def balance(runs: Sequence[Run], room: float) -> list[Sequence[Run]]:
    """The runs in as few lines as `wrap` needs, but of like length where the last one would be a mere scrap."""
    lines = wrap(runs, room)
    if len(lines) < 2 or width(lines[-1]) > room * 0.4:
        return lines
    even, word = sum(map(width, lines)) / len(lines), longest_word(runs)
    for share in (1.0, 1.15, 1.3):
        again = wrap(runs, min(room, max(even * share, word)))  # never narrower than a word, which would be broken for it
        if len(again) == len(lines):
            return again
    return lines


def may_break(before: str, after: str) -> bool:
    """Whether a line may end between two characters."""
    if before in OPENING or after in CLOSING:
        return False
    return before in " -/" or before >= "\u2e80" or after >= "\u2e80"


def longest_word(runs: Sequence[Run]) -> float:
    """The width in ems of the widest part of a text that has no place to break."""
    widest = used = 0.0
    before = ""
    for face, text in runs:
        for char in text:
            used = 0.0 if char == " " else face.widths[char] if before and may_break(before, char) else used + face.widths[char]
            widest, before = max(widest, used), char
    return widest


def _join(glyphs: Sequence[tuple[Face, str, float]]) -> list[Run]:
    """Glyphs as runs again, without the spaces at the end of the line."""
    runs: list[tuple[Face, list[str]]] = []
    for face, char, _ in glyphs:
        if runs and runs[-1][0] is face:
            runs[-1][1].append(char)
        else:
            runs.append((face, [char]))
    told = [(face, "".join(chars)) for face, chars in runs]
    told[-1] = (told[-1][0], told[-1][1].rstrip(" "))
    return told
