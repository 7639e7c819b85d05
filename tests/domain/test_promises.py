"""Promises, judged by hand: what counts as money, who takes it first, and what reliability comes to (P9, P17, S22, S23)."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import promises
from collect.domain.calendar import Calendar
from collect.domain.errors import Refusal
from collect.domain.policy import PromiseRules
from collect.domain.promises import Promised, Received, Record, Verdict, check, judge, record, reliability

RULES = PromiseRules()
WEEKDAYS = Calendar()


def day(number: int) -> date:
    """A day of March 2026: the 1st is a Sunday, the 10th a Tuesday."""
    return date(2026, 3, number)


def promised(amount: int, due: int, made: int = 2, method: str = "transfer", key: int = 1) -> Promised:
    """A promise for a day of March, with one business day of grace."""
    return Promised(key, amount, day(made), day(due), WEEKDAYS.add_business_days(day(due), 1), method)


def refused(due: date, amount: int = 100, overdue: int = 0, reason: str | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check(due, amount, overdue, reason, day(10), WEEKDAYS, RULES)
    return caught.value


# What is a promise


def test_until_is_the_due_date_plus_grace_in_business_days() -> None:
    """Friday the 13th plus one business day is Monday the 16th; a promise for the very day is one."""
    assert check(day(13), 100, 100, None, day(10), WEEKDAYS, RULES) == day(16)
    assert check(day(10), 100, 100, None, day(10), WEEKDAYS, RULES) == day(11)


def test_grace_skips_holidays() -> None:
    """The 30th is a Monday; with the 31st and 1 April as holidays the next business day is 2 April."""
    calendar = Calendar("XX", {day(31): "One", date(2026, 4, 1): "Two"}, frozenset(), date(2026, 1, 1), date(2026, 12, 31))
    assert check(day(30), 100, 100, None, day(10), calendar, RULES) == date(2026, 4, 2)


def test_a_promise_in_the_past_is_none() -> None:
    found = refused(day(9))
    assert (found.code, found.field, found.params["value"]) == ("promise_in_past", "due", "2026-03-09")


def test_a_promise_for_a_sunday_names_the_next_business_day() -> None:
    found = refused(day(15))
    assert (found.code, found.field, found.params["next"]) == ("promise_not_business_day", "due", "2026-03-16")


def test_a_make_up_sunday_is_a_business_day() -> None:
    calendar = Calendar("CN", {}, frozenset({day(15)}), date(2026, 1, 1), date(2026, 12, 31))
    assert check(day(15), 100, 100, None, day(10), calendar, RULES) == day(16)


def test_a_promise_is_at_most_ninety_days_away() -> None:
    """10 March + 90 days = 8 June, a Monday; the 9th is too far."""
    assert check(date(2026, 6, 8), 100, 100, None, day(10), WEEKDAYS, RULES) == date(2026, 6, 9)
    found = refused(date(2026, 6, 9))
    assert (found.code, found.params["most"], found.params["last"]) == ("promise_too_far", 90, "2026-06-08")


def test_less_than_everything_overdue_needs_a_reason() -> None:
    assert refused(day(13), 999, 1000).code == "promise_needs_reason"
    assert refused(day(13), 999, 1000, "  ").code == "promise_needs_reason"
    assert check(day(13), 999, 1000, "the rest is in dispute", day(10), WEEKDAYS, RULES) == day(16)
    assert refused(day(13), 0).code == "promise_not_positive"


# Judged by the money that arrives: 10,000.00 promised for Tuesday the 10th, grace until Wednesday the 11th, 95 % = 9,500.00


@pytest.mark.parametrize(
    ("money", "state", "received"),
    [
        ([Received(day(11), 960_000)], "kept_late", 960_000),
        ([Received(day(11), 940_000)], "partly_kept", 940_000),
        ([Received(day(10), 960_000)], "kept", 960_000),
        ([Received(day(10), 950_000)], "kept", 950_000),
        ([Received(day(10), 949_999)], "partly_kept", 949_999),
        ([Received(day(10), 949_999), Received(day(11), 1)], "kept_late", 950_000),
        ([Received(day(12), 1_000_000)], "broken", 0),
        ([Received(day(1), 1_000_000)], "broken", 0),
        ([Received(day(2), 1_000_000)], "kept", 1_000_000),
        ([Received(day(5), 1_500_000)], "kept", 1_000_000),
        ([Received(day(11), 1)], "partly_kept", 1),
        ([], "broken", 0),
    ],
)
def test_the_verdict(money: list[Received], state: str, received: int) -> None:
    assert judge([promised(1_000_000, 10)], money, day(12), day(12), RULES) == [Verdict(state, received, day(12))]


def test_nothing_is_judged_before_its_grace_is_over() -> None:
    """On the 11th, the last day of grace, it is open still, even with all of the money here; what came in is told."""
    assert judge([promised(1_000_000, 10)], [Received(day(10), 1_000_000)], day(31), day(11), RULES) == [Verdict("open", 1_000_000, None)]


@pytest.mark.parametrize("through", [None, day(10)])
def test_without_the_banks_data_it_waits(through: date | None) -> None:
    assert judge([promised(1_000_000, 10)], [], through, day(20), RULES) == [Verdict("awaiting_bank", 0, None)]


def test_the_banks_data_through_the_last_day_of_grace_are_enough() -> None:
    assert judge([promised(1_000_000, 10)], [], day(11), day(20), RULES) == [Verdict("broken", 0, day(20))]


def test_the_oldest_promise_takes_first_and_money_counts_once() -> None:
    """100 for the 10th and 100 for the 12th; 150 on the 9th: the first takes 100, 50 are left for the second, which is partly kept."""
    two = [promised(100, 10), promised(100, 12, key=2)]
    assert [(one.state, one.received) for one in judge(two, [Received(day(9), 150)], day(31), day(31), RULES)] == [("kept", 100), ("partly_kept", 50)]


def test_money_before_the_second_promise_was_made_does_not_count_for_it() -> None:
    two = [promised(100, 10), promised(100, 12, made=9, key=2)]
    assert [(one.state, one.received) for one in judge(two, [Received(day(5), 200)], day(31), day(31), RULES)] == [("kept", 100), ("broken", 0)]


def test_paper_is_no_money_unless_it_was_promised() -> None:
    bill, cheque = Received(day(10), 100, "bill"), Received(day(10), 100, "cheque")
    assert [one.state for one in judge([promised(100, 10)], [bill, cheque], day(31), day(31), RULES)] == ["broken"]
    assert [one.state for one in judge([promised(100, 10, method="bill")], [cheque], day(31), day(31), RULES)] == ["broken"]
    assert [one.state for one in judge([promised(100, 10, method="bill")], [bill], day(31), day(31), RULES)] == ["kept"]
    assert [one.state for one in judge([promised(100, 10, method="bill")], [Received(day(10), 100, "transfer")], day(31), day(31), RULES)] == ["kept"]


def test_a_payment_that_is_reversed_counts_no_more() -> None:
    one = [promised(100, 10)]
    assert judge(one, [Received(day(10), 100)], day(31), day(12), RULES)[0].state == "kept"
    assert judge(one, [], day(31), day(13), RULES)[0] == Verdict("broken", 0, day(13))


PROMISES = st.lists(st.tuples(st.integers(1, 500), st.integers(2, 20), st.integers(0, 8)), max_size=5)
MONEY = st.lists(st.tuples(st.integers(1, 31), st.integers(1, 800)), max_size=8)


@given(PROMISES, MONEY)
def test_no_money_counts_twice(given_promises: list[tuple[int, int, int]], money: list[tuple[int, int]]) -> None:
    """However they overlap: together no more than came in, each no more than promised, and more money never makes a verdict worse in sum."""
    asked = sorted((promised(amount, made + ahead, made) for amount, made, ahead in given_promises), key=lambda one: one.due)
    receipts = [Received(day(number), amount) for number, amount in money]
    found = judge(asked, receipts, date(2026, 5, 1), date(2026, 5, 1), RULES)
    assert sum(one.received for one in found) <= sum(one.amount for one in receipts)
    assert all(one.received <= promise.amount for one, promise in zip(found, asked, strict=True))
    assert all((one.received == 0) == (one.state == "broken") for one in found)


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_kept_is_ninety_five_percent_exactly(amount: int, paid: int) -> None:
    """In whole numbers: paid ÷ amount ≥ 95 ÷ 100."""
    found = judge([promised(amount, 10)], [Received(day(10), paid)], day(31), day(31), RULES)[0]
    assert (found.state == "kept") == (Fraction(min(paid, amount), amount) >= Fraction(95, 100))


def test_a_long_time_is_quick() -> None:
    """A thousand promises and a thousand payments of one customer are judged, the first money to the first promise."""
    start = date(2020, 1, 1)
    asked = [Promised(n, 10, start + timedelta(days=n), start + timedelta(days=n), start + timedelta(days=n + 1)) for n in range(1000)]
    found = judge(asked, [Received(start + timedelta(days=n), 10) for n in range(1000)], date(2026, 1, 1), date(2026, 1, 1), RULES)
    assert {one.state for one in found} == {"kept"}


# Reliability


def test_records_add_up_what_ended() -> None:
    """Kept 1000 of 1000, 400 of 1000 came, nothing of 500; half of a re-dated 200 counts as promised; withdrawn and open ones do not count."""
    told = [("kept", 1, 1000, 1000), ("partly_kept", 1, 1000, 400), ("broken", 1, 500, 0), ("renegotiated", 1, 200, 0), ("withdrawn", 1, 900, 0), ("open", 1, 7, 7)]
    assert record(told) == Record(4, 2600, 1400)


def test_few_promises_are_shrunk_towards_the_portfolio() -> None:
    """One kept promise beside a portfolio of 80 %: (1 × 1 + 0.8 × 3) ÷ 4 = 85 %; thirty kept ones: (30 + 2.4) ÷ 33 = 98 %."""
    everybody = [Record(100, 1000, 800)]
    assert reliability([Record(1, 100, 100)], everybody) == Fraction(85, 100)
    assert promises.percent(reliability([Record(30, 300, 300)], everybody) or Fraction(0)) == 98
    assert reliability([], everybody) == Fraction(80, 100)
    assert reliability([], []) is None


def test_currencies_weigh_by_their_number_of_promises() -> None:
    """2 promises all kept in one currency, 1 broken in the other: own share 2/3; with a portfolio of 0: (2/3 × 3 + 0) ÷ 6 = 1/3."""
    assert reliability([Record(2, 10**9, 10**9), Record(1, 5, 0)], [Record(9, 100, 0)]) == Fraction(1, 3)


@pytest.mark.parametrize(("share", "told"), [(Fraction(1, 3), 33), (Fraction(2, 3), 67), (Fraction(1, 200), 1), (Fraction(0), 0), (Fraction(1), 100)])
def test_percent(share: Fraction, told: int) -> None:
    assert promises.percent(share) == told
