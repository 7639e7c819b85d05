"""The order of a day's work: each rule's points worked out by hand, what stands behind the others, and that order depends on nothing else."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain.worklist import Entry, Ranked, age_points, amount_points, rank

TODAY = date(2026, 3, 10)


def days(count: int) -> date:
    """A day so many days before today."""
    return TODAY - timedelta(days=count)


def told(ranked: Ranked) -> list[tuple[str, int]]:
    return [(reason.code, reason.points) for reason in ranked.reasons]


def one(**facts: object) -> Ranked:
    """The only entry of a list, with these facts."""
    return rank([Entry("C1", "CNY", **facts)], TODAY)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minor", "currency", "points"),
    [
        # 10 x log10: 1 -> 0, 10 -> 10, 1,000 -> 30; log10(1,200) = 3.079 -> 30; log10(2,000) = 3.301 -> 33; log10(9,999) = 3.9999 -> 39.
        (100, "CNY", 0),
        (1_000, "CNY", 10),
        (100_000, "CNY", 30),
        (120_000, "CNY", 30),
        (200_000, "CNY", 33),
        (999_900, "CNY", 39),
        (1_000_000, "CNY", 40),
        # Yen have no decimals, dinars three: 1,000 of each is 30.
        (1_000, "JPY", 30),
        (1_000_000, "KWD", 30),
        # Less than a unit, nothing, or money in the customer's favour.
        (99, "CNY", 0),
        (0, "CNY", 0),
        (-500, "CNY", 0),
    ],
)
def test_points_for_the_amount(minor: int, currency: str, points: int) -> None:
    assert amount_points(minor, currency) == points


@given(st.integers(min_value=1, max_value=2**63 // 100))
def test_points_for_the_amount_are_the_logarithm(whole: int) -> None:
    """Against the decimal module with 60 digits; exact powers of ten are where a rounded logarithm would go wrong."""
    with localcontext() as context:
        context.prec = 60
        expected = int(Decimal(whole).log10() * 10)
    assert amount_points(whole * 100, "CNY") == expected


@pytest.mark.parametrize(("late", "points"), [(-3, 0), (0, 0), (1, 5), (30, 5), (31, 10), (60, 10), (61, 20), (90, 20), (91, 30), (180, 30), (181, 35), (2000, 35)])
def test_points_for_the_age(late: int, points: int) -> None:
    assert age_points(late) == points


def test_a_sum_worked_out_by_hand() -> None:
    """12,345.67 CNY overdue: log10(12,345) = 4.0915 -> 40. Oldest 75 days: 20. Two promises broken, 5 and 30 days ago: 25 + 10
    (the one of 31 days ago is forgotten). Promise due tomorrow: 15. Two tasks, one due: 15. A call planned today: 10. One
    contact missed 3 days ago, after the last one 20 days ago: 10. 20 days silent: 10. 95 of 100 of the limit: 10. Sum: 165."""
    ranked = one(
        overdue={"CNY": 1_234_567},
        oldest_days=75,
        broken=(days(5), days(30), days(31)),
        promises_due=(days(-1),),
        promised={"CNY": 500_00},
        tasks=(days(0), days(-4)),
        planned=(TODAY,),
        missed=(days(3), days(25)),
        last_contact=days(20),
        owed=9_500,
        credit_limit=10_000,
    )
    assert told(ranked) == [
        ("overdue_amount", 40),
        ("oldest_days", 20),
        ("promise_broken", 35),
        ("promise_due", 15),
        ("task_due", 15),
        ("contact_planned", 10),
        ("contact_missed", 10),
        ("long_silent", 10),
        ("limit_used", 10),
    ]
    assert ranked.points == 165
    assert (ranked.held, ranked.no_next_action) == (None, False)
    assert [reason.params for reason in ranked.reasons[:3]] == [{"amount": 1_234_567, "currency": "CNY"}, {"days": 75}, {"count": 2, "days": 30}]


@pytest.mark.parametrize(("count", "points"), [(1, 25), (2, 35), (3, 45), (4, 45)])
def test_broken_promises_add_up_to_a_limit(count: int, points: int) -> None:
    assert told(one(broken=(days(1),) * count)) == [("promise_broken", points)]


def test_currencies_are_never_added_up() -> None:
    """500.00 EUR gives 26 (log10(500) = 2.69), 70,000 JPY 48 (4.845): the higher one counts, alone."""
    ranked = one(overdue={"EUR": 50_000, "JPY": 70_000})
    assert [(reason.points, reason.params) for reason in ranked.reasons] == [(48, {"amount": 70_000, "currency": "JPY"})]


@pytest.mark.parametrize(("last", "found"), [(14, []), (15, [("long_silent", 10)])])
def test_silence_counts_after_a_fortnight(last: int, found: list[tuple[str, int]]) -> None:
    assert told(one(oldest_days=1, last_contact=days(last)))[1:] == found


def test_silence_counts_for_what_is_overdue_only() -> None:
    assert told(one(last_contact=days(400))) == []
    assert told(one(oldest_days=14))[1:] == [] and told(one(oldest_days=15))[1:] == [("never_contacted", 10)]


def test_a_planned_contact_that_went_by_counts_as_missed() -> None:
    assert told(one(planned=(days(1),))) == [("contact_missed", 10)]
    assert told(one(planned=(days(1),), last_contact=days(0))) == []
    assert told(one(missed=(days(30),))) == [("contact_missed", 10)] and told(one(missed=(days(31),))) == []


@pytest.mark.parametrize(("owed", "limit", "found"), [(90, 100, False), (91, 100, True), (1, 0, True), (0, 0, False), (10**9, None, False), (-5, 100, False)])
def test_the_credit_limit_counts_above_ninety_percent(owed: int, limit: int | None, found: bool) -> None:
    assert bool(told(one(owed=owed, credit_limit=limit))) is found


def test_what_stands_behind_all_others() -> None:
    """However many points: never to be contacted, insolvent, and promised in full before the day of the promise."""
    large = {"overdue": {"CNY": 10**12}, "oldest_days": 400}
    entries = [
        Entry("silent", "CNY", **large, do_not_contact=True),  # type: ignore[arg-type]
        Entry("insolvent", "CNY", **large, insolvent=True),  # type: ignore[arg-type]
        Entry("promised", "CNY", **large, promised={"CNY": 10**12}, promises_due=(days(-2),)),  # type: ignore[arg-type]
        Entry("small", "CNY", overdue={"CNY": 100}, oldest_days=1),
    ]
    ranked = rank(entries, TODAY)
    assert ranked[0].entry.customer_no == "small"
    assert {each.entry.customer_no: each.held for each in ranked} == {"small": None, "silent": "do_not_contact", "insolvent": "insolvent", "promised": "promised_in_full"}


@pytest.mark.parametrize(
    ("promised", "due", "held"),
    [
        ({"CNY": 1_000}, -2, "promised_in_full"),
        ({"CNY": 999}, -2, None),
        ({"EUR": 5_000}, -2, None),
        # On the day of the promise, and the day before, one asks whether the money is on its way.
        ({"CNY": 1_000}, -1, None),
        ({"CNY": 1_000}, 0, None),
        # The day is over and nobody has judged it yet: it waits for the bank.
        ({"CNY": 1_000}, 1, "promised_in_full"),
    ],
)
def test_a_promise_of_everything_holds_back(promised: dict[str, int], due: int, held: str | None) -> None:
    assert one(overdue={"CNY": 1_000}, oldest_days=5, promised=promised, promises_due=(days(due),)).held == held


def test_every_currency_must_be_promised() -> None:
    assert one(overdue={"CNY": 100, "EUR": 100}, promised={"CNY": 100}).held is None
    assert one(overdue={"CNY": 100, "EUR": 100}, promised={"CNY": 100, "EUR": 100}).held == "promised_in_full"


def test_overdue_without_a_next_action_is_a_fault() -> None:
    assert one(overdue={"CNY": 1}, has_next=False).no_next_action
    assert not one(overdue={"CNY": 1}).no_next_action
    assert not one(overdue={"CNY": 0}, has_next=False).no_next_action


def test_age_decides_between_equals() -> None:
    """35 points each: log10(320) = 2.505 gives 25 and 31 days 10; 1,000.00 gives 30 and 30 days 5."""
    older = Entry("B", "CNY", overdue={"CNY": 32_000}, oldest_days=31, last_contact=TODAY)
    newer = Entry("A", "CNY", overdue={"CNY": 100_000}, oldest_days=30, last_contact=TODAY)
    same = Entry("C", "CNY", overdue={"CNY": 32_000}, oldest_days=31, last_contact=TODAY)
    assert [(each.entry.customer_no, each.points) for each in rank([same, newer, older], TODAY)] == [("B", 35), ("C", 35), ("A", 35)]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 400), st.booleans()), max_size=12), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_given(facts: list[tuple[int, int, bool]], dice: random.Random) -> None:
    entries = [Entry(f"C{n}", "CNY", overdue={"CNY": amount}, oldest_days=age, insolvent=held) for n, (amount, age, held) in enumerate(facts)]
    first = rank(entries, TODAY)
    dice.shuffle(entries)
    assert rank(entries, TODAY) == first
    assert all(sum(reason.points for reason in each.reasons) == each.points for each in first)
