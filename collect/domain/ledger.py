"""The balanced journal of receivables: what each event posts, as lines whose three sides add up to nothing (S9).

Every line moves three sides: `receivable` (the aged balance of one item), `unapplied` (cash and credits no item took
yet; negative is the customer's favour) and `contra` (the account on the other side). They add up to zero in each line,
so any set of lines balances. A line repeats the due and issue date of the item it moves: an item settled in full
cancels inside its own bucket, and the aging of any day is a sum over lines alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from collect.domain.errors import Refusal

SALES, RETURNS, BANK, REDATING, BAD_DEBT, PAYABLES = "sales", "returns", "bank", "redating", "bad_debt", "payables"
DISCOUNTS = "discounts"
"""What customers took off for paying early, as their terms allow."""
PREPAID, GROUP = "prepaid", "group"
"""Money kept for an order, which is no part of the receivables (S9); and what one customer of a group paid for another."""

CONTRA_OF = {"receipt": BANK, "credit_note": RETURNS, "write_off": BAD_DEBT, "set_off": PAYABLES, "discount": DISCOUNTS}
"""The account on the other side of each kind of credit."""

ISSUED_AGAINST = {"refund": BANK, "taken_over": PAYABLES}
"""The account on the other side of a kind of item, where it is not sales: money paid back, a debt taken over from another (S12)."""


class Line(NamedTuple):
    """One effect; amounts are minor units of the account's currency. `due` None is the provisional column (S7)."""

    event: str
    day: date
    due: date | None
    issued: date | None
    receivable: int
    unapplied: int
    contra: int
    account: str | None


class Due(NamedTuple):
    """From `since` on (None: from the start) an item was due on `due` (None: provisional)."""

    since: date | None
    due: date | None


def issue(day: date, due: date | None, amount: int, kind: str = "invoice") -> Line:
    """A new item: receivables up, sales on the other side (or what `ISSUED_AGAINST` says)."""
    return Line("issue", day, due, day, amount, 0, -amount, ISSUED_AGAINST.get(kind, SALES))


def void(day: date, due: date | None, issued: date, amount: int, kind: str = "invoice") -> Line:
    """An item taken back in full on a day: the issue turned round."""
    return Line("void", day, due, issued, -amount, 0, amount, ISSUED_AGAINST.get(kind, SALES))


def receive(kind: str, day: date, amount: int) -> Line:
    """A receipt or credit note of which nothing is allocated yet: unapplied, in the customer's favour (S8)."""
    return Line("receive", day, None, None, 0, -amount, amount, CONTRA_OF[kind])


def settle(kind: str, day: date, due: date | None, issued: date, amount: int) -> Line:
    """A part of a receipt that settles an item on the receipt's own day: no stop in the unapplied column."""
    return Line("settle", day, due, issued, -amount, 0, amount, CONTRA_OF[kind])


def allocate(day: date, history: Sequence[Due], issued: date, amount: int) -> list[Line]:
    """Unapplied money takes `amount` of an item on `day`; a negative amount gives it back (S5).

    `history` is the item's due dates in order, the first with `since` None. An allocation that takes effect before
    a later change of the due date moves out of the old date, and the change itself is corrected by as much, so that
    the aging of every day in between stays exact.
    """
    at = max(index for index, entry in enumerate(history) if entry.since is None or entry.since <= day)
    lines = [Line("allocate", day, history[at].due, issued, -amount, amount, 0, None)]
    for before, after in zip(history[at:], history[at + 1 :], strict=False):
        lines += redate(after.since or day, before.due, after.due, issued, -amount)
    return lines


def allocate_across(day: date, history: Sequence[Due], issued: date, amount: int) -> tuple[list[Line], Line]:
    """One customer's money takes `amount` of an item of another of its group: the lines of the item's customer, and the payer's.

    Both meet in the account between the companies of the group, so that each customer's own control ties.
    """
    first, *moved = allocate(day, history, issued, amount)
    return [first._replace(unapplied=0, contra=amount, account=GROUP), *moved], Line("transfer", day, None, None, 0, amount, -amount, GROUP)


def set_apart(day: date, amount: int) -> Line:
    """So much of a customer's money is kept for an order from `day` on: out of the unapplied column; negative brings it back (S9)."""
    return Line("prepay", day, None, None, 0, amount, -amount, PREPAID)


def redate(day: date, old: date | None, new: date | None, issued: date, amount: int) -> list[Line]:
    """What is open of an item moves from one due date to another on a day; no money moves."""
    return [Line("redate", day, old, issued, -amount, 0, amount, REDATING), Line("redate", day, new, issued, amount, 0, -amount, REDATING)]


def month_of(day: date) -> str:
    """The month of the books that a day belongs to: `2012-02`."""
    return f"{day.year:04d}-{day.month:02d}"


def check_open(day: date, closed: frozenset[str], field: str = "date") -> None:
    """Refuse an entry effective in a closed month (S9): Refusal `month_closed`."""
    if closed and month_of(day) in closed:
        raise Refusal("month_closed", field, month=month_of(day))
