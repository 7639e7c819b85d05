"""What a payer wrote to the bank: the invoice numbers in a text, however they are spaced, and the words that mark an advance or the principal alone (S13, S14)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

MOST_RUNS = 240
"""So many runs of letters and digits of one text are read; the rest of a longer text is not looked at."""
LONGEST = 8
"""So many runs at most make one number (`INV-2026-03-001` is four)."""

_RUN = re.compile(r"[A-Z]+|[0-9]+")
_TIGHT, _SOFT, _HARD = 1, 2, 3
_TIGHT_GAPS = frozenset("-/._\\–")
_SOFT_GAP = re.compile(r"[ \t\r\n:#№'*~]{0,3}(?:[-/._\\–][ \t\r\n]{1,2})?")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
# Letters that may stand right before a number of digits alone without being part of it.
_ANNOUNCES = frozenset("INV INVOICE NO NR NUM RE RG RNR RECHNUNG FAC FACT FACTURE FATTURA FP FAPIAO BILL REF".split())  # noqa: SIM905
_ADVANCE = re.compile(
    "预付|预收|定金|订金|PREPAY|PRE-PAY|ADVANCE PAY|PAYMENT IN ADVANCE|IN ADVANCE|DOWN ?PAYMENT|DEPOSIT FOR|ANZAHLUNG|VORKASSE|VORAUSZAHLUNG|ACOMPTE|ANTICIPO|ACCONTO|AANBETALING"
)
_PRINCIPAL = re.compile(
    "本金|不含利息|不含违约金|PRINCIPAL ONLY|PRINCIPAL AMOUNT ONLY|WITHOUT INTEREST|(?:NUR|AUSSCHLIESSLICH) (?:DIE )?HAUPTFORDERUNG|OHNE ZINSEN|SANS INTERETS|SANS INTÉRÊTS"
)
_ORDER = re.compile(
    r"(?:订单号?|合同号?|采购单号?|\bPO\b|\bP/O\b|\bORDER\b|\bBESTELLUNG\b|\bCOMMANDE\b)\s*(?:NO|NR|NUMBER)?\.?\s*[:#：-]?\s*(?P<number>[A-Z0-9][A-Z0-9./_-]{0,62}[A-Z0-9]|[A-Z0-9])"
)


class Number(NamedTuple):
    """A document number as it is looked for: letters and digits alone (`key`), and without leading zeros (`loose`).

    `strong`: long enough that finding it in a text says something by itself; a short one, a date or a year counts only
    for a payer who is known.
    """

    key: str
    loose: str
    strong: bool


class Found(NamedTuple):
    """A number found in a text: runs `start` to `end` of it, and whether leading zeros had to be forgiven."""

    number: Number
    start: int
    end: int
    exact: bool

    @property
    def strong(self) -> bool:
        """Whether it says something by itself as the payer wrote it."""
        return self.number.strong if self.exact else _strong(self.number.loose)


class _Run(NamedTuple):
    text: str
    gap: int
    """How it is joined to the run before: 0 at once, 1 by a hyphen or slash, 2 by a space, 3 not at all."""


def fold(text: str) -> str:
    """Full-width forms folded, capitals."""
    return unicodedata.normalize("NFKC", text).upper()


def number(document_no: str) -> Number | None:
    """How a document number is looked for in texts; None where it holds no digit, or no more than one sign."""
    key = "".join(_RUN.findall(fold(document_no)))
    if len(key) < 2 or not any(char.isdigit() for char in key):
        return None
    return Number(key, _loose(key), _strong(key))


def _loose(key: str) -> str:
    """Without the zeros that lead the first digits; a number of zeros alone keeps one."""
    return re.sub(r"^([A-Z]*)0+(?=[0-9])", r"\1", key)


def _strong(key: str) -> bool:
    digits = sum(char.isdigit() for char in key)
    if digits == len(key):
        return digits >= 6 and not (digits == 8 and _DATE.fullmatch(key))
    return len(key) >= 5 and digits >= 3


def runs(text: str) -> list[_Run]:
    """The runs of letters and of digits in a text, each with how it is joined to the one before."""
    folded, at = fold(text), 0
    found: list[_Run] = []
    for match in _RUN.finditer(folded):
        found.append(_Run(match.group(), _gap(folded[at : match.start()]) if found else _HARD))
        at = match.end()
        if len(found) == MOST_RUNS:
            break
    return found


def _gap(between: str) -> int:
    if not between:
        return 0
    if between in _TIGHT_GAPS:
        return _TIGHT
    return _SOFT if _SOFT_GAP.fullmatch(between) else _HARD


def spans(text_runs: list[_Run]) -> list[tuple[int, int, str]]:
    """Every piece of the text that could be a number: (first run, run after the last, letters and digits), no judgement yet."""
    found = []
    for start in range(len(text_runs)):
        key, digits = "", False
        for end in range(start, min(len(text_runs), start + LONGEST)):
            run = text_runs[end]
            if end > start and run.gap == _HARD:
                break
            key += run.text
            digits = digits or run.text[0] <= "9"
            if len(key) > 64:
                break
            if digits and len(key) > 1 and _bounded(text_runs, start, end):
                found.append((start, end + 1, key))
    return found


def _bounded(text_runs: list[_Run], start: int, end: int) -> bool:
    """Whether the piece begins and ends where a number may: never inside a longer one."""
    first, last = text_runs[start], text_runs[end]
    before = text_runs[start - 1] if start else None
    after = text_runs[end + 1] if end + 1 < len(text_runs) else None
    joined_digits = end > start and all(_is_digits(run) for run in text_runs[start : end + 1])
    if before is not None and first.gap != _HARD:
        if first.gap < _SOFT and not (before.text in _ANNOUNCES or (first.gap == _TIGHT and _is_digits(before) and (not _is_digits(first) or _listed(first, before)))):
            return False
        if joined_digits and _is_digits(before):
            return False
    if after is not None and after.gap != _HARD:
        if after.gap < _SOFT and not (_listed(last, after) if _is_digits(after) else len(after.text) >= 3 and _is_digits(last)):
            return False
        if joined_digits and _is_digits(after):
            return False
    return True


def _is_digits(run: _Run) -> bool:
    return run.text[0] <= "9"


def _listed(one: _Run, other: _Run) -> bool:
    """Whether two runs joined by a slash or hyphen are numbers of one kind in a list (`2026001/2026002`), not parts of one number."""
    return other.gap + one.gap > 0 and _is_digits(one) and _is_digits(other) and len(one.text) >= 6 and abs(len(one.text) - len(other.text)) <= 1


def find(text: str, known: Callable[[str, bool], Iterable[Number]]) -> list[Found]:
    """The known numbers in a text, the longest first where they overlap; each place of the text counts once.

    `known(key, loose)` gives our numbers of that key (with `loose` those that differ in leading zeros alone).
    """
    text_runs = runs(text)
    found: list[Found] = []
    for start, end, key in spans(text_runs):
        exact = list(known(key, False))
        for one in exact:
            found.append(Found(one, start, end, True))
        near = [] if exact else list(known(_loose(key), True))
        if len(near) == 1:  # two that differ in zeros alone: neither was named
            found.append(Found(near[0], start, end, False))
    taken: set[int] = set()
    chosen: list[Found] = []
    for piece in sorted(found, key=lambda piece: (-len(piece.number.key), not piece.exact, piece.start)):
        if taken.isdisjoint(range(piece.start, piece.end)):
            taken.update(range(piece.start, piece.end))
            chosen.append(piece)
    return sorted(chosen, key=lambda piece: piece.start)


def wanted(text: str) -> set[str]:
    """The keys that would have to be known for this text: for one look at the books for many texts at once."""
    keys = {key for _, _, key in spans(runs(text))}
    return keys | {_loose(key) for key in keys}


def is_advance(text: str) -> bool:
    """Whether the payer marks the money as paid in advance (预付, deposit for, …): a prepayment, whatever the amount (S13)."""
    return bool(_ADVANCE.search(fold(text)))


def is_principal(text: str) -> bool:
    """Whether the payer writes that he pays the principal and no interest or costs (本金, principal only, Hauptforderung) (S14)."""
    return bool(_PRINCIPAL.search(fold(text)))


def order_of(text: str) -> str | None:
    """The order or contract number a payer names (`订单 SO-2026-7`, `PO 4711`), as he wrote it; None where there is none."""
    found = _ORDER.search(fold(text))
    return found["number"] if found and any(char.isdigit() for char in found["number"]) else None
