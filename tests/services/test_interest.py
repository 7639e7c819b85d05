"""Late-payment interest of invoices in the books: reckoned through dated payments, claimed as an item once (S14)."""

from __future__ import annotations

from datetime import date

import pytest

from collect.domain.errors import Forbidden, Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.runtime import Runtime
from collect.services import interest, rates, verify
from collect.storage.receivables import find_items
from tests.conftest import FixedClock
from tests.taking_in import take_in

# I1: 100,000.00 due 31 January 2026; 60,000.00 come in on 11 February.
CUSTOMERS = "customer_no,name,currency\nC1,甲公司,CNY\n"
INVOICES = "invoice_no,customer_no,issue_date,due_date,currency,amount\nI1,C1,2025-12-01,2026-01-31,CNY,100000.00\n"
PAYMENTS = "payment_ref,customer_no,date,currency,amount,invoice_no\nR1,C1,2026-02-11,CNY,60000.00,I1\n"


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-10T04:00:00")
    for kind, text in (("customers", CUSTOMERS), ("invoices", INVOICES), ("payments", PAYMENTS)):
        assert not take_in(runtime, kind, text).refused
    return runtime


def reckoned(runtime: Runtime, code: str, as_of: str) -> int:
    with runtime.read(SYSTEM) as view:
        return interest.reckon(view.session, SYSTEM.scope, "I1", interest.rules()[code].rule, date.fromisoformat(as_of)).interest


def test_interest_follows_the_payments_of_the_books(books: Runtime) -> None:
    """0.05 % a day: 10 days of 100,000 = 500.00; then 40,000 from 11 February: 27 days through 9 March = 540.00."""
    assert reckoned(books, "sme", "2026-02-10") == 50_000
    assert reckoned(books, "sme", "2026-03-09") == 104_000


def test_a_claim_is_an_item_and_the_next_one_only_the_rest(books: Runtime, clock: FixedClock) -> None:
    """Claimed on 10 March through that day: 500.00 + 28 × 20.00 = 1,060.00; on 20 March ten days more: 200.00."""
    first = books.write(SYSTEM, lambda work: interest.claim(work, "I1", "sme", "I1-INT", date(2026, 3, 10)).amount_minor)
    with pytest.raises(Refusal, match="interest_nothing"):
        books.write(SYSTEM, lambda work: interest.claim(work, "I1", "sme", "I1-INT2", date(2026, 3, 10)) and None)
    clock.set("2026-03-20T04:00:00")
    second = books.write(SYSTEM, lambda work: interest.claim(work, "I1", "sme", "I1-INT2", date(2026, 3, 20)).amount_minor)
    assert (first, second) == (106_000, 20_000)
    with books.read(SYSTEM) as view:
        item = find_items(view.session, SYSTEM.scope, "I1-INT")[0]
        assert (item.kind, item.due_date, item.about_id) == ("interest", date(2026, 3, 10), find_items(view.session, SYSTEM.scope, "I1")[0].id)
    assert verify.verify(books) == []


def test_a_reference_rate_is_entered_with_its_source_before_it_counts(books: Runtime) -> None:
    """LPR 3.0 % × 1.5 over 365 days: 10 days of 100,000 = 123.29 (12,328.77 fen)."""
    with pytest.raises(Refusal, match="rate_unknown"):
        reckoned(books, "lpr_15", "2026-02-10")
    books.write(SYSTEM, lambda work: rates.enter(work, "LPR_1Y", "%", date(2025, 5, 20), "3.5", "typed wrong"))
    books.write(SYSTEM, lambda work: rates.enter(work, "LPR_1Y", "%", date(2025, 5, 20), "3.0", "全国银行间同业拆借中心"))
    assert reckoned(books, "lpr_15", "2026-02-10") == 12_329
    for given, code in ((("USD", "USD", "7"), "rate_pair"), (("LPR_9Y", "%", "3"), "rate_pair"), (("USD", "CNY", "-7"), "bad_rate"), (("USD", "CNY", "1e3"), "bad_rate")):
        with pytest.raises(Refusal, match=code):
            books.write(SYSTEM, lambda work, given=given: rates.enter(work, given[0], given[1], date(2026, 1, 1), given[2], "x"))  # type: ignore[misc]
    with pytest.raises(Refusal, match="rate_source_missing"):
        books.write(SYSTEM, lambda work: rates.enter(work, "USD", "CNY", date(2026, 1, 1), "7", " "))
    with pytest.raises(Forbidden):
        books.write(Actor("rui", 1, Role.REP, Scope(None)), lambda work: rates.enter(work, "USD", "CNY", date(2026, 1, 1), "7", "x"))
    assert verify.verify(books) == []


def test_what_a_contract_agrees_comes_first(books: Runtime) -> None:
    """0.03 % a day: 10 days of 100,000 = 300.00. 6 % a year of 360 days: 100,000 × 0.06 × 10 / 360 = 166.67. Then nothing any more."""
    for told, expected in ((interest.Agreement("0.0300", True, 365, "合同第8条"), 30_000), (interest.Agreement("6%", False, 360, "合同第8条"), 16_667)):
        books.write(SYSTEM, lambda work, told=told: interest.agree(work, "C1", told))
        with books.read(SYSTEM) as view:
            customer = find_items(view.session, SYSTEM.scope, "I1")[0].customer_id
            first = next(iter(interest.rules_of(view.session, customer).values()))
            assert interest.reckon(view.session, SYSTEM.scope, "I1", first.rule, date(2026, 2, 10)).interest == expected
    assert first.names["zh"] == "合同约定：年利率 6%（按 360 天）"
    claimed = books.write(SYSTEM, lambda work: interest.claim(work, "I1", interest.AGREED, "I1-INT", date(2026, 2, 10)).amount_minor)
    assert claimed == 16_667
    books.write(SYSTEM, lambda work: interest.end_agreement(work, "C1"))
    with pytest.raises(Refusal, match="unknown_rule"):
        books.write(SYSTEM, lambda work: interest.claim(work, "I1", interest.AGREED, "I1-INT2", date(2026, 3, 10)) and None)
    assert verify.verify(books) == []


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (interest.Agreement("0", True, 365, "x"), "bad_percent"),
        (interest.Agreement("0.3", True, 365, "x"), "bad_percent"),  # 109.5 % a year
        (interest.Agreement("1e1", False, 365, "x"), "bad_percent"),
        (interest.Agreement("6", False, 364, "x"), "bad_day_count"),
        (interest.Agreement("6", False, 365, "  "), "clause_missing"),
    ],
)
def test_what_no_contract_agrees_is_refused(sqlite_runtime: Runtime, told: interest.Agreement, code: str) -> None:
    assert not take_in(sqlite_runtime, "customers", CUSTOMERS).refused
    with pytest.raises(Refusal, match=code):
        sqlite_runtime.write(SYSTEM, lambda work: interest.agree(work, "C1", told))
