"""How much an item takes of a receipt, and from which day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import application
from collect.domain.errors import Refusal
from collect.domain.terms import EarlyPayment

amounts = st.integers(0, 10**15)


@given(rest=amounts, open_amount=amounts)
def test_nothing_asked_takes_the_smaller_of_both(rest: int, open_amount: int) -> None:
    assert application.share(None, rest, open_amount, "CNY") == min(rest, open_amount)


@given(asked=st.integers(-5, 10**15), rest=amounts, open_amount=amounts)
def test_what_is_asked_is_given_in_full_or_refused(asked: int, rest: int, open_amount: int) -> None:
    """S15: never beyond the receipt, never beyond the item, never a part of what was asked in silence."""
    fits = 0 < asked <= rest and asked <= open_amount
    try:
        assert application.share(asked, rest, open_amount, "CNY") == asked and fits
    except Refusal as refusal:
        assert not fits and refusal.code in ("allocation_not_positive", "allocation_beyond_receipt", "allocation_beyond_item")


def test_days_by_hand() -> None:
    """S6: at booking the later of receipt and issue; later the day it is made, unless an earlier one is entered."""
    received, issued, today = date(2026, 2, 10), date(2026, 2, 15), date(2026, 3, 5)
    assert application.effective_at_booking(received, issued) == issued
    assert application.effective_at_booking(issued, received) == issued
    assert application.effective_later(received, issued, today, None) == today
    assert application.effective_later(received, issued, today, date(2026, 2, 20)) == date(2026, 2, 20)
    with pytest.raises(Refusal, match="effective_too_early"):
        application.effective_later(received, issued, today, date(2026, 2, 14))
    with pytest.raises(Refusal, match="effective_in_future"):
        application.effective_later(received, issued, today, date(2026, 3, 6))


def test_room_by_hand() -> None:
    """1,000.00: settled on 1 March, taken back on 10 March, 300.00 settled on 12 March, so 700.00 are left in the end.

    Up to the 9th nothing was left, on the 10th and 11th all, from the 12th on 700.00: what fits from the 10th on counts
    from then; a later day than that stays; more than what is left in the end is refused elsewhere.
    """
    steps = [(date(2026, 3, 1), 100_000), (date(2026, 3, 10), -100_000), (date(2026, 3, 12), 30_000)]
    assert application.room_from(date(2026, 3, 2), 70_000, 70_000, steps) == date(2026, 3, 10)
    assert application.room_from(date(2026, 3, 2), 70_000, 1, steps) == date(2026, 3, 10)
    assert application.room_from(date(2026, 3, 11), 70_000, 70_000, steps) == date(2026, 3, 11)
    assert application.room_from(date(2026, 2, 1), 70_000, 70_000, []) == date(2026, 2, 1)


def test_an_item_is_settled_on_its_latest_allocation_day() -> None:
    assert application.closed_on(1, date(2026, 3, 1), None) is None
    assert application.closed_on(0, date(2026, 3, 1), None) == date(2026, 3, 1)
    assert application.closed_on(0, date(2026, 3, 1), date(2026, 3, 9)) == date(2026, 3, 9)


# An invoice of 1,000.00 that grants 20.00 through 11 March.
EARLY = EarlyPayment(date(2026, 3, 11), 2000)


@pytest.mark.parametrize(
    ("paid", "received", "off"),
    [
        (98_000, date(2026, 3, 11), 2000),  # its last day counts
        (98_000, date(2026, 3, 12), 0),  # a day late
        (98_001, date(2026, 3, 5), 1999),  # less taken off than granted
        (97_999, date(2026, 3, 5), 0),  # a minor unit short: a part payment
        (50_000, date(2026, 3, 5), 0),
        (99_999, date(2026, 3, 5), 1),
        (100_000, date(2026, 3, 5), 0),  # nothing is missing
    ],
)
def test_early_payment_takes_what_is_missing_up_to_the_discount(paid: int, received: date, off: int) -> None:
    assert application.discount(paid, 100_000, received, EARLY) == off
    assert application.discount(paid, 100_000, received, None) == 0


@given(paid=amounts, open_amount=amounts, off=st.integers(1, 10**14), days=st.integers(-3, 3))
def test_money_and_discount_never_settle_more_than_is_open(paid: int, open_amount: int, off: int, days: int) -> None:
    received = EARLY.until + timedelta(days=days)
    taken = application.discount(paid, open_amount, received, EarlyPayment(EARLY.until, off))
    assert 0 <= taken <= off
    assert taken == 0 or (paid + taken == open_amount and days <= 0)
