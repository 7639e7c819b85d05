"""Statements that follow one another, and one that is missing in between; the balances are worked out beside them."""

from __future__ import annotations

from datetime import date
from itertools import permutations

import pytest

from collect.domain.coverage import Gap, Stretch, reached


def june(day: int) -> date:
    return date(2026, 6, day)


def of(since: int | None, until: int, opening: int | None, closing: int | None, covers: int | None = None) -> Stretch:
    return Stretch(june(since) if since else None, june(until), june(covers or until), opening, closing)


# 1 to 5 June: 0 + 100 = 100; 8 to 12 June: 100 + 50 = 150; 15 to 19 June: 150 - 30 = 120.
FIRST, SECOND, THIRD = of(1, 5, 0, 100), of(8, 12, 100, 150), of(15, 19, 150, 120)


def test_nothing_is_known_of_an_account_without_statements() -> None:
    assert reached([]) == (None, None)


@pytest.mark.parametrize("order", list(permutations([FIRST, SECOND, THIRD])))
def test_statements_that_follow_one_another_reach_the_last_day_in_whatever_order_they_come(order: tuple[Stretch, ...]) -> None:
    assert reached(order) == (june(19), None)


def test_a_missing_statement_ends_what_is_known_until_it_comes() -> None:
    """100 after 5 June and 150 at the beginning of 15 June: 50 of the week between are missing."""
    assert reached([FIRST, THIRD]) == (june(5), Gap(june(5), 100, june(15), 150))
    assert reached([THIRD, FIRST, SECOND]) == (june(19), None)


def test_days_without_a_movement_need_no_statement() -> None:
    assert reached([FIRST, of(15, 19, 100, 70)]) == (june(19), None)


def test_what_overlaps_is_not_compared() -> None:
    """A month that begins within the week before it tells of all its days, whatever the balance was in between."""
    assert reached([FIRST, of(4, 30, 80, 120)]) == (june(30), None)
    assert reached([FIRST, THIRD, of(5, 30, 80, 120)]) == (june(30), None)


@pytest.mark.parametrize("one", [of(None, 19, 150, 120), of(15, 19, None, None), of(15, 19, None, 120)])
def test_without_its_opening_balance_or_first_day_nothing_shows_a_gap(one: Stretch) -> None:
    assert reached([FIRST, one]) == (june(19), None)
    assert reached([of(1, 5, None, None), THIRD]) == (june(19), None)


def test_a_day_that_was_not_over_goes_on_with_a_file_of_that_day_alone() -> None:
    """Taken on 5 June at noon with 100: the file from 5 June on goes on; one from 6 June on that begins with 130 lacks the afternoon."""
    noon = of(1, 5, 0, 100, covers=4)
    assert reached([noon]) == (june(4), None)
    assert reached([noon, of(5, 8, 90, 160)]) == (june(8), None)
    assert reached([noon, of(6, 8, 130, 160)]) == (june(4), Gap(june(5), 100, june(6), 130))


def test_one_of_several_forms_of_a_day_is_enough() -> None:
    """Of 5 June there are two statements, of which one was cut short at 90: the next day goes on from 100."""
    assert reached([FIRST, of(5, 5, 80, 90), of(6, 8, 100, 130)]) == (june(8), None)


def test_the_first_gap_is_told() -> None:
    fourth = of(22, 26, 999, 1000)
    assert reached([fourth, FIRST, THIRD]) == (june(5), Gap(june(5), 100, june(15), 150))
    assert reached([fourth, FIRST, SECOND, THIRD]) == (june(19), Gap(june(19), 120, june(22), 999))
