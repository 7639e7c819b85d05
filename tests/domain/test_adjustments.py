"""What may be taken off a debt, and whose decision it needs, by hand (S12, S29)."""

from __future__ import annotations

from datetime import date

import pytest

from collect.domain import adjustments, ledger
from collect.domain.errors import Refusal


@pytest.mark.parametrize(
    ("amount", "rest", "limit", "tail"),
    [
        (800000, 8000, 10000, True),  # 80.00 of 8,000.00: exactly 1 %, under 100.00
        (800000, 8001, 10000, False),  # a cent more than 1 %
        (1200000, 10000, 10000, True),  # exactly the limit
        (1200000, 10001, 10000, False),
        (99, 1, 10000, False),  # 1 % of 0.99 is less than a cent
        (100, 1, 10000, True),
        (800000, 0, 10000, False),
        (800000, 8000, None, False),  # a currency without a limit has no tails
        (2**63 - 1, 100, 10000, True),
    ],
)
def test_a_tail_is_small_by_share_and_by_limit(amount: int, rest: int, limit: int | None, tail: bool) -> None:
    assert adjustments.is_tail(amount, rest, limit) is tail


def test_limits_read_as_the_currency_has_decimals() -> None:
    assert adjustments.parse_limits("CNY 100, JPY 2000, KWD 1.5,") == {"CNY": 10000, "JPY": 2000, "KWD": 1500}
    for wrong in ("CNY", "CNY x", "CNY 1.005"):
        with pytest.raises(Refusal, match="bad_setting"):
            adjustments.parse_limits(wrong)


def test_one_manager_up_to_the_limit_two_beyond_or_where_there_is_none() -> None:
    assert [adjustments.level_of("write_off", amount, 1000000) for amount in (1000000, 1000001)] == [1, 2]
    assert (adjustments.level_of("refund", 1, None), adjustments.level_of("tail", 1, None)) == (2, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "tail"}, "not_a_choice"),
        ({"reason": "overpaid"}, "not_a_choice"),
        ({"note": "  "}, "missing_reason"),
        ({"parts": []}, "nothing_asked"),
        ({"parts": [(1, 0)]}, "nothing_asked"),
        ({"parts": [(1, 5), (1, 6)]}, "part_twice"),
        ({"kind": "set_off", "reason": "payables"}, "document_number_missing"),
        ({"document": "9" * 65}, "document_number_missing"),
    ],
)
def test_a_request_says_what_it_must(change: dict[str, object], code: str) -> None:
    told: dict[str, object] = {"kind": "write_off", "reason": "insolvent", "note": "court file 7", "document": "", "parts": [(1, 5)]}
    adjustments.check(**told)  # type: ignore[arg-type]
    with pytest.raises(Refusal, match=code):
        adjustments.check(**(told | change))  # type: ignore[arg-type]


def test_nobody_decides_his_own_request() -> None:
    adjustments.check_decider(7, 8)
    adjustments.check_decider(None, 8)  # the program's own list of tails
    for asked, decides in ((7, 7), (7, None)):
        with pytest.raises(Refusal, match="own_proposal"):
            adjustments.check_decider(asked, decides)


def test_what_is_kept_for_an_order_and_what_crosses_a_group_balances() -> None:
    """500 come in for an order and stay apart: nothing unapplied; 200 of them settle: -500 + 500 - 200 + 200 = 0.

    Across a group 200 leave the item's customer against the group account, and come out of the payer's money there.
    """
    day, due = date(2026, 3, 5), date(2026, 3, 1)
    kept = [ledger.receive("receipt", day, 500), ledger.set_apart(day, 500), ledger.set_apart(day, -200), *ledger.allocate(day, [ledger.Due(None, due)], due, 200)]
    assert (sum(line.unapplied for line in kept), sum(line.receivable for line in kept)) == (0, -200)
    assert sum(line.contra for line in kept if line.account == ledger.PREPAID) == -300
    ours, theirs = ledger.allocate_across(day, [ledger.Due(None, due)], due, 200)
    assert ours == [("allocate", day, due, due, -200, 0, 200, "group")] and theirs == ("transfer", day, None, None, 0, 200, -200, "group")
    assert ledger.issue(day, day, 300, "refund").account == "bank" and ledger.void(day, day, day, 300, "taken_over").account == "payables"
    for line in (*kept, *ours, theirs):
        assert line.receivable + line.unapplied + line.contra == 0
