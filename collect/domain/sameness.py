"""Whether two bank lines are one line told in two forms, whether one takes the other back, and whether two numbers name one account (S16)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

SAME, PERHAPS, OTHER = "same", "perhaps", "other"
LONGEST_TRACE = 300
LATEST_RETURN = 400
"""So many days after a credit a bank may still take it back; more than a year covers what banks' rules allow."""
_SAYS_NOTHING = frozenset(["NOTPROVIDED", "NONREF", "NOREF", "NOTAVAILABLE", "UNKNOWN"])
_RETURNED = re.compile(r"冲正|冲回|退汇|退票|退回|抹账|REVERSAL|REVERSED|RETURN|RÜCKLASTSCHRIFT|RUECKLASTSCHRIFT|STORNO|REJECT")
_SHORTEST = 6


class Told(NamedTuple):
    """A line as far as its form does not matter; `amount` minor units. `trace` is that of `trace_of`."""

    day: date
    value_day: date | None
    amount: int
    currency: str
    trace: str
    payer: str
    account: str
    text: str


def trace_of(end_to_end: str, *numbers: str) -> str:
    """What payer and bank number a payment with, in a form that does not depend on the file's: `E:` the payer's own, `B:` the bank's.

    Only what has a digit and six signs counts: shorter numbers are not unique.
    """
    ends = [f"E:{token}" for token in tokens(end_to_end)]
    banks = [f"B:{token}" for number in numbers for token in tokens(number)]
    told = ""
    for one in dict.fromkeys(ends + banks):
        if len(told) + len(one) + 1 > LONGEST_TRACE:
            break
        told = f"{told} {one}".strip()
    return told


def tokens(text: str) -> list[str]:
    """The numbers in a text, as capitals and digits alone."""
    found = (re.sub(r"[^0-9A-Z]", "", word) for word in _fold(text).split())
    return [word for word in found if len(word) >= _SHORTEST and any(sign.isdigit() for sign in word) and word not in _SAYS_NOTHING]


def compare(one: Told, other: Told) -> str:
    """Whether two lines of one account, told in two forms, are the same movement: same, perhaps, or other.

    Amount, currency and a day have to agree. The payer's own number settles it when both have one; a number of the
    bank, or payer and text word for word, makes it the same; payers who are clearly two make it another. Everything
    else is for a person.
    """
    if (one.amount, one.currency) != (other.amount, other.currency):
        return OTHER
    if one.day != other.day and (one.value_day is None or one.value_day != other.value_day):
        return OTHER
    ends, others = _of(one.trace, "E:"), _of(other.trace, "E:")
    if ends and others:
        return SAME if ends & others else OTHER
    if shared(one.trace, other.trace):
        return SAME
    text, payer = _tight(one.text), _tight(one.payer)
    if one.day == other.day and text and payer and (text, payer) == (_tight(other.text), _tight(other.payer)):
        return SAME
    return OTHER if _strangers(one, other) else PERHAPS


def shared(one: str, other: str) -> bool:
    """Whether two traces have a number in common, whoever gave it."""
    return bool({part[2:] for part in one.split()} & {part[2:] for part in other.split()})


def taken_back(line: Told, reversal: bool, earlier: Sequence[Told]) -> int | None:
    """The place of the credit that a line with money out takes back, or None (S13): a person is asked, nothing happens by itself.

    `reversal`: the bank says that it takes something back. Else it must have a number in common with the credit, or say
    so in words about the same payer. Among several, a common number goes first, then the payer, then the latest.
    """
    said = reversal or bool(_RETURNED.search(_fold(line.text)))
    best: tuple[bool, bool, date, int] | None = None
    for place, credit in enumerate(earlier):
        if credit.amount <= 0 or (credit.amount, credit.currency) != (-line.amount, line.currency) or not 0 <= (line.day - credit.day).days <= LATEST_RETURN:
            continue
        number, payer = shared(line.trace, credit.trace), _same_payer(line, credit)
        if number or reversal or (said and payer):
            best = max(best, (number, payer, credit.day, place)) if best else (number, payer, credit.day, place)
    return best[3] if best else None


def compare_numbers(one: str, other: str) -> str:
    """Whether two ways to write the number of an account name one account: SAME, PERHAPS, or OTHER.

    An IBAN is the country, two check digits and the account's number at home, where the bank's code stands before the
    account's own (ISO 13616). A number at home that tells both parts is the same account or another one; one that tells
    the account alone, and ends the IBAN, is perhaps the same: another bank may have given the same number.
    """
    ibans = [_iban(number) for number in (one, other)]
    if (ibans[0] is None) == (ibans[1] is None):
        return OTHER
    home, local = (ibans[0], other) if ibans[0] else (ibans[1], one)
    bank, _, account = re.sub(r"(?<=\d)[A-Z]{3}$", "", local.upper().strip()).rpartition("/")
    bank, account = _tight(bank), _tight(account).lstrip("0")
    if home is None or len(account) < _SHORTEST:
        return OTHER
    if bank.isdigit():
        return SAME if re.fullmatch(rf"[A-Z]{{0,4}}0*{bank.lstrip('0')}0*{account}", home) else OTHER
    return PERHAPS if home.endswith(account) else OTHER


def _iban(number: str) -> str | None:
    """The account's number at home within an IBAN; None where the number is none, or its check digits are wrong (ISO 7064, 97-10)."""
    told = number.upper().replace(" ", "")
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", told):
        return None
    rearranged = "".join(str(int(sign, 36)) for sign in told[4:] + told[:4])
    return told[4:] if int(rearranged) % 97 == 1 else None


def _same_payer(one: Told, other: Told) -> bool:
    if one.account and one.account == other.account:
        return True
    return bool(_tight(one.payer)) and _tight(one.payer) == _tight(other.payer)


def _strangers(one: Told, other: Told) -> bool:
    """Whether two lines have payers that are clearly two: other accounts and other names, neither cut short from the other."""
    first, second = re.sub(r"\D", "", one.account), re.sub(r"\D", "", other.account)
    if "*" in one.account + other.account or len(first) < _SHORTEST or len(second) < _SHORTEST or first[-_SHORTEST:] == second[-_SHORTEST:]:
        return False
    names = _tight(one.payer), _tight(other.payer)
    return all(names) and not names[0].startswith(names[1]) and not names[1].startswith(names[0])


def _of(trace: str, kind: str) -> set[str]:
    return {part for part in trace.split() if part.startswith(kind)}


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).upper()


def _tight(text: str) -> str:
    """Letters and digits alone."""
    return "".join(sign for sign in _fold(text) if sign.isalnum())
