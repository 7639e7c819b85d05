"""What each event posts: balanced lines, and the aging of every day in between."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import ledger
from collect.domain.errors import Refusal

MARCH_1, MARCH_10, MARCH_20, APRIL_5 = date(2026, 3, 1), date(2026, 3, 10), date(2026, 3, 20), date(2026, 4, 5)


def balance(lines: list[ledger.Line], as_of: date) -> dict[date | None, int]:
    """Receivable by due date as of a day, without the zeros."""
    found: dict[date | None, int] = {}
    for line in lines:
        if line.day <= as_of and line.receivable:
            found[line.due] = found.get(line.due, 0) + line.receivable
    return {due: amount for due, amount in found.items() if amount}


def test_issue_settle_and_void_balance_by_hand() -> None:
    """1,000.00 issued; 400.00 received and settled on 10 March; the rest, 600.00, stays under its own due date."""
    lines = [ledger.issue(MARCH_1, APRIL_5, 100000), ledger.settle("receipt", MARCH_10, APRIL_5, MARCH_1, 40000)]
    assert lines[0] == ("issue", MARCH_1, APRIL_5, MARCH_1, 100000, 0, -100000, "sales")
    assert lines[1] == ("settle", MARCH_10, APRIL_5, MARCH_1, -40000, 0, 40000, "bank")
    assert balance(lines, MARCH_20) == {APRIL_5: 60000}
    assert balance([ledger.issue(MARCH_1, APRIL_5, 5), ledger.void(MARCH_20, APRIL_5, MARCH_1, 5)], MARCH_20) == {}


def test_money_waits_as_unapplied_and_is_taken_later() -> None:
    """Received on 10 March (unapplied -300), taken on 20 March: in between the customer is 300 to the good."""
    lines = [ledger.receive("receipt", MARCH_10, 300), *ledger.allocate(MARCH_20, [ledger.Due(None, APRIL_5)], MARCH_1, 300)]
    assert sum(line.unapplied for line in lines if line.day <= MARCH_10) == -300
    assert sum(line.unapplied for line in lines) == 0
    assert balance(lines, MARCH_20) == {APRIL_5: -300}


def test_an_allocation_before_a_later_redating_keeps_every_day_exact() -> None:
    """Issued 1 March for 1,000 without a date; accepted on 20 March, due 5 April; then 400 that came on 10 March are entered.

    On 10 March 600 stand in the provisional column, on 20 March the same 600 under 5 April.
    """
    lines = [ledger.issue(MARCH_1, None, 1000), *ledger.redate(MARCH_20, None, APRIL_5, MARCH_1, 1000)]
    lines += [ledger.receive("receipt", MARCH_10, 400), *ledger.allocate(MARCH_10, [ledger.Due(None, None), ledger.Due(MARCH_20, APRIL_5)], MARCH_1, 400)]
    assert balance(lines, MARCH_1) == {None: 1000}
    assert balance(lines, MARCH_10) == {None: 600}
    assert balance(lines, MARCH_20) == {APRIL_5: 600}


@given(
    amount=st.integers(1, 10**12),
    parts=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 10**12)), max_size=6),
    redated=st.none() | st.integers(0, 200),
    looked=st.integers(0, 250),
)
def test_any_allocations_and_a_redating_leave_amount_less_allocations_under_the_date_in_force(amount: int, parts: list[tuple[int, int]], redated: int | None, looked: int) -> None:
    """Whatever the order of days, as of any day: one due date holds amount - Σ allocations so far, every line balances."""
    start = MARCH_1
    due, new = start + timedelta(days=30), start + timedelta(days=90)
    history = [ledger.Due(None, due)]
    lines = [ledger.issue(start, due, amount)]
    if redated is not None:
        history.append(ledger.Due(start + timedelta(days=redated), new))
        lines += ledger.redate(start + timedelta(days=redated), due, new, start, amount)
    for day, part in parts:
        lines += [ledger.receive("receipt", start + timedelta(days=day), part), *ledger.allocate(start + timedelta(days=day), history, start, part)]
    as_of = start + timedelta(days=looked)
    expected = amount - sum(part for day, part in parts if day <= looked)
    in_force = new if redated is not None and redated <= looked else due
    assert balance(lines, as_of) == ({in_force: expected} if expected else {})
    assert all(line.receivable + line.unapplied + line.contra == 0 for line in lines)


def test_allocating_and_taking_back_leaves_nothing() -> None:
    history = [ledger.Due(None, None), ledger.Due(MARCH_20, APRIL_5)]
    lines = ledger.allocate(MARCH_10, history, MARCH_1, 77) + ledger.allocate(MARCH_10, history, MARCH_1, -77)
    assert balance(lines, APRIL_5) == {} and sum(line.unapplied for line in lines) == 0


def test_a_closed_month_takes_no_entry() -> None:
    ledger.check_open(MARCH_1, frozenset({"2026-02"}))
    with pytest.raises(Refusal, match="month_closed"):
        ledger.check_open(date(2026, 2, 28), frozenset({"2026-02"}))
