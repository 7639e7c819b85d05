"""Late-payment interest against amounts worked out by hand (law-and-practice test vectors)."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain.errors import Refusal
from collect.domain.interest import Band, Quote, Rule, Step, accrue

SME = Rule("CN-SME", "daily", percent=Fraction("0.05"))
EU = Rule("EU", "reference", reference="ECB", points=Fraction(8), resets="half_year", bands=(Band("EUR", 0, 4000),))
UK = Rule("UK", "reference", reference="BOE", points=Fraction(8), resets="half_year", bands=(Band("GBP", 0, 4000), Band("GBP", 100000, 7000), Band("GBP", 1000000, 10000)))


def lpr(multiple: str, count: int = 365) -> Rule:
    return Rule("CN-LPR", "reference", reference="LPR_1Y", multiple=Fraction(multiple), day_count=count)


def test_the_statutory_daily_rate() -> None:
    """100,000.00 × 0.05 % × 45 days = 2,250.00 (State Council 802 art. 17)."""
    told = accrue(SME, "CNY", date(2026, 1, 31), date(2026, 3, 17), [Step(date(2025, 12, 1), 10_000_000)])
    assert (told.interest, told.compensation, [piece.days for piece in told.pieces]) == (225_000, 0, [45])


@pytest.mark.parametrize(("multiple", "count", "expected"), [("1.3", 365, 48082), ("1.5", 365, 55479), ("1.5", 360, 56250)])
def test_a_multiple_of_the_lpr(multiple: str, count: int, expected: int) -> None:
    """100,000 × 3.0 % × 1.3 × 45 / 365 = 480.82; × 1.5 = 554.79; over 360 days = 562.50."""
    told = accrue(lpr(multiple, count), "CNY", date(2026, 1, 31), date(2026, 3, 17), [Step(date(2025, 12, 1), 10_000_000)], [Quote(date(2025, 5, 20), Fraction(3))])
    assert told.interest == expected


def test_due_today_and_the_first_day_late() -> None:
    """Due 31 January: nothing on 31 January, one day (50.00) on 1 February."""
    step = [Step(date(2025, 12, 1), 10_000_000)]
    assert accrue(SME, "CNY", date(2026, 1, 31), date(2026, 1, 31), step).total == 0
    assert accrue(SME, "CNY", date(2026, 1, 31), date(2026, 2, 1), step).total == 5_000


def test_a_part_payment_lowers_the_principal_from_its_day() -> None:
    """100,000 for 10 days (1-10 February), 40,000 for 5 (11-15): 0.05 % × (1,000,000 + 200,000) = 600.00; settled after: nothing more."""
    steps = [Step(date(2025, 12, 1), 10_000_000), Step(date(2026, 2, 11), 4_000_000), Step(date(2026, 2, 16), 0)]
    told = accrue(SME, "CNY", date(2026, 1, 31), date(2026, 3, 31), steps)
    assert [(piece.since, piece.days, piece.principal) for piece in told.pieces] == [(date(2026, 2, 1), 10, 10_000_000), (date(2026, 2, 11), 5, 4_000_000)]
    assert told.interest == 60_000


def test_the_rate_of_each_half_year_and_the_fixed_sum() -> None:
    """EUR 1,000.00 due 31 May 2025; 2.40 + 8 from 1 January, 2.15 + 8 on 1 July: 30 days × 10.40 % + 31 × 10.15 %.

    1,000 × 0.1040 × 30/365 = 8.5479; 1,000 × 0.1015 × 31/365 = 8.6205; together 17.17, and EUR 40.
    """
    quotes = [Quote(date(2024, 12, 18), Fraction("2.40")), Quote(date(2025, 6, 11), Fraction("2.15")), Quote(date(2025, 7, 15), Fraction("9"))]
    told = accrue(EU, "EUR", date(2025, 5, 31), date(2025, 7, 31), [Step(date(2025, 5, 1), 100_000)], quotes)
    assert (told.interest, told.compensation, told.total) == (1_717, 4_000, 5_717)
    assert [(piece.days, piece.percent) for piece in told.pieces] == [(30, Fraction("10.40")), (31, Fraction("10.15"))]


@pytest.mark.parametrize(("principal", "fixed"), [(99_999, 4_000), (100_000, 7_000), (999_999, 7_000), (1_000_000, 10_000)])
def test_the_bands_of_the_uk(principal: int, fixed: int) -> None:
    assert accrue(UK, "GBP", date(2026, 1, 1), date(2026, 1, 2), [Step(date(2025, 1, 1), principal)], [Quote(date(2025, 1, 1), Fraction(4))]).compensation == fixed


def test_a_rate_that_nobody_entered_is_asked_for() -> None:
    with pytest.raises(Refusal) as told:
        accrue(lpr("1.5"), "CNY", date(2026, 1, 31), date(2026, 3, 1), [Step(date(2025, 1, 1), 100)], [Quote(date(2026, 2, 20), Fraction(3))])
    assert (told.value.code, told.value.params) == ("rate_unknown", {"name": "LPR_1Y", "day": "2026-02-01"})


@given(st.integers(1, 10**12), st.integers(1, 2000), st.integers(0, 2000))
def test_splitting_the_time_changes_only_the_rounding(principal: int, days: int, cut: int) -> None:
    """The exact pieces of two stretches add up to those of the whole."""
    due = date(2020, 1, 1)
    until = date.fromordinal(due.toordinal() + days)
    at = date.fromordinal(due.toordinal() + 1 + min(cut, days))
    whole = accrue(SME, "CNY", due, until, [Step(due, principal)])
    parts = accrue(SME, "CNY", due, until, [Step(due, principal), Step(at, principal)])
    assert sum(piece.exact for piece in parts.pieces) == sum(piece.exact for piece in whole.pieces)
    assert parts.interest == whole.interest
