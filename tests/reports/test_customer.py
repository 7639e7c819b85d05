"""The read side of customers, documents and search on both engines: a scope decides what exists, pages by keys meet everything once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from collect.domain.aging import buckets
from collect.domain.errors import NotFound
from collect.domain.rights import ALL, SYSTEM, Role, Scope
from collect.reports import audit, customer, document, drill, invoices, search
from collect.runtime import Runtime, View
from collect.services import users
from collect.storage.listings import AuditWish, CustomerWish, DocumentWish
from tests.conftest import FixedClock
from tests.web import book

TODAY = date(2026, 3, 10)


@pytest.fixture
def reps(runtime: Runtime, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> dict[str, Scope]:
    """The small book of `tests.web.book` with its people; the scope of each rep by user name."""
    monkeypatch.setattr(users, "hash_password", lambda secret, field="password": "not a hash")

    def people(work: Any) -> dict[str, Scope]:
        made = {name: users.add(work, name, f"{name.title()} Rep", Role.REP, "seven tall sea horses") for name in ("rui", "rosa")}
        users.add(work, "fang", "Fang Finance", Role.FINANCE, "seven tall sea horses")
        return {name: Scope(frozenset({user.id})) for name, user in made.items()}

    scopes = runtime.write(SYSTEM, people)
    book.fill(runtime, clock)
    return scopes


def test_every_read_needs_the_scope(runtime: Runtime, reps: dict[str, Scope]) -> None:
    """Asked with Rosa's scope about Rui's C001 by its own id, each answers as if there were nothing."""
    with runtime.read(SYSTEM) as view:
        known = customer.profile(view, reps["rui"], "C001")
        assert (known.name, known.rep, known.collector) == ("同仁大药房", customer.Person("rui", "Rui Rep"), customer.Person("fang", "Fang Finance"))
        reads: list[Callable[[Scope], Any]] = [
            lambda scope: customer.open_items(view, scope, known.id, 10),
            lambda scope: customer.settled_items(view, scope, known.id, None, 10),
            lambda scope: customer.unapplied(view, scope, known.id),
            lambda scope: customer.contacts(view, scope, known.id),
            lambda scope: customer.duties(view, scope, known.id),
            lambda scope: customer.timeline(view, scope, known.id, None, 10),
            lambda scope: customer.lines(view, scope, CustomerWish(TODAY, "c001"), None, 10),
            lambda scope: invoices.entries(view, scope, DocumentWish(TODAY, customer_id=known.id), None, 10),
            lambda scope: search.find(view, scope, "A1").invoices,
            lambda scope: search.find(view, scope, "同仁").customers,
            lambda scope: search.find(view, scope, "王莉").contacts,
            lambda scope: search.find(view, scope, "R-1").credits,
            lambda scope: audit.changes(view, scope, AuditWish(kind="credit_note"), None, 10),
            lambda scope: drill.members(view, scope, "rep", "rui", TODAY),
        ]
        for number, read in enumerate(reads):
            assert read(reps["rui"]), number
            assert not read(reps["rosa"]), number
        for refused in (
            lambda: customer.profile(view, reps["rosa"], "C001"),
            lambda: customer.balance(view, reps["rosa"], "C001", buckets([30])),
            lambda: document.invoice(view, reps["rosa"], "A1"),
            lambda: document.credit(view, reps["rosa"], "receipt", "R-1"),
            lambda: customer.profile(view, reps["rosa"], "nobody"),
        ):
            with pytest.raises(NotFound):
                refused()


def test_todays_balances(runtime: Runtime, reps: dict[str, Scope]) -> None:
    """Worked out in tests/web/test_aging.py; 59 days from 10 January to 10 March 2026."""
    with runtime.read(SYSTEM) as view:
        told = [
            (line.entry.customer_no, line.balance.open, line.balance.overdue, line.balance.unapplied, line.oldest_days)
            for line in customer.lines(view, ALL, CustomerWish(TODAY), None, 10)
        ]
        assert told == [("C003", 100001, 0, 0, 0), ("C/2", 10000, 10000, 2500, 9), ("C001", 134050, 104000, 6000, 59)]
        table = customer.as_table(list(customer.all_lines(view, ALL, CustomerWish(TODAY))), TODAY)
        assert [row[0] for row in table.rows] == ["C003", "C/2", "C001"]
        assert table.rows[2][table.currency :] == ("CNY", 134050, 104000, 59, -6000)
        row = customer.balance(view, ALL, "C001", buckets([30, 60])).rows[0]
        assert (row.amounts, row.unapplied, row.total) == ((30050, 0, 104000, 0), -6000, 128050)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_timeline_page_by_page_is_the_timeline(runtime: Runtime, reps: dict[str, Scope], size: int) -> None:
    """Nine entries, from four sources whose instants partly coincide (one import), in the same order whatever the page."""
    with runtime.read(SYSTEM) as view:
        key = customer.profile(view, ALL, "C001").id
        whole = customer.timeline(view, ALL, key, None, 100)
        assert [(entry.mark.day.isoformat(), entry.what, entry.number, entry.amount) for entry in whole] == [
            ("2026-03-05", "allocation", "A1", 1000),
            ("2026-03-01", "credit_note", "CN-1", 2000),
            ("2026-02-10", "allocation", "A1", 15000),
            ("2026-02-10", "allocation", "A3", 8000),
            ("2026-02-10", "receipt", "R-1", 28000),
            ("2026-02-08", "invoice", "A2", 30050),
            ("2026-01-06", "invoice", "A4", 900),
            ("2026-01-05", "invoice", "A3", 8000),
            ("2025-12-11", "invoice", "A1", 120000),
        ]
        met: list[Any] = []
        while page := customer.timeline(view, ALL, key, met[-1].mark if met else None, size):
            met += page
        assert met == whole


def test_changes_from_the_audit_log_stand_on_the_companys_day(runtime: Runtime, reps: dict[str, Scope], clock: FixedClock) -> None:
    """At 23:30 in Shanghai on 11 March, which is 15:30 in UTC; the change of the phone belongs to the 11th, before what is dated the 11th earlier."""
    clock.set("2026-03-11T15:30:00")
    assert book.take_in(runtime, "customers", "customer_no,name,phone\nC001,同仁大药房,010-1\n").changed == 1
    clock.set("2026-03-11T16:30:00")
    assert book.take_in(runtime, "customers", "customer_no,name,phone\nC001,同仁大药房,010-2\n").changed == 1
    with runtime.read(SYSTEM) as view:
        key = customer.profile(view, ALL, "C001").id
        met: list[Any] = []
        while page := customer.timeline(view, ALL, key, met[-1].mark if met else None, 1):
            met += page
        assert [(entry.mark.day.isoformat(), entry.what) for entry in met[:3]] == [("2026-03-12", "change"), ("2026-03-11", "change"), ("2026-03-05", "allocation")]
        assert met == customer.timeline(view, ALL, key, None, 100) and len(met) == 11


def test_pages_of_customers_meet_each_once_in_either_order(runtime: Runtime, reps: dict[str, Scope]) -> None:
    more = "".join(f"D{number:02},{name},CNY\n" for number, name in enumerate(["同仁大药房", "Ärzte", "ärzte", "zebra", "Zebra", "北京协和", "a b", "ab"] * 3))
    assert book.take_in(runtime, "customers", "customer_no,name,currency\n" + more, encoding="utf-8").new == 24
    with runtime.read(SYSTEM) as view:
        for by_number in (False, True):
            wish = CustomerWish(TODAY, by_number=by_number)
            whole = [line.entry for line in customer.lines(view, ALL, wish, None, 100)]
            assert len({entry.customer_no for entry in whole}) == 27
            met: list[Any] = []
            while page := customer.lines(view, ALL, wish, (met[-1].sort_key, met[-1].customer_no) if met else None, 4):
                met += [line.entry for line in page]
            assert met == whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a1", {"A1"}),
        ("NORTH", {"C/2"}),
        ("söhne", {"C/2"}),
        ("tongren", {"C001"}),
        ("trdyf", {"C001"}),
        ("6512 3456", {"C001"}),
        ("1040.00", {"A1"}),
        ("po-7", set()),
        ("PO-7", {"A1"}),
        ("x1", {"X1"}),
        ("100%", set()),
    ],
)
def test_search_is_the_same_on_both_engines(runtime: Runtime, reps: dict[str, Scope], text: str, expected: set[str]) -> None:
    with runtime.read(SYSTEM) as view:
        answer = search.find(view, ALL, text)
        found = {hit.customer_no for hit in (*answer.customers, *answer.contacts)} | {hit.number for hit in (*answer.invoices, *answer.credits)}
        assert found == expected


def test_amounts_are_looked_for_in_the_minor_units_of_each_currency() -> None:
    """1,500 is 150000 fen, 1500 yen (no decimals) and 1500000 fils; 1.5 is no amount in yen; a mark leaves the currencies it can mean."""
    currencies = ["CNY", "JPY", "KWD"]
    assert search.amounts_of("1,500", currencies) == {"CNY": 150000, "JPY": 1500, "KWD": 1500000}
    assert search.amounts_of("1.5", currencies) == {"CNY": 150, "KWD": 1500}
    assert search.amounts_of("¥12", currencies) == {"CNY": 1200, "JPY": 12}
    assert search.amounts_of("0", currencies) == search.amounts_of("-3", currencies) == search.amounts_of("1e3", currencies) == {}


def test_an_invoices_history_follows_the_order_recorded(runtime: Runtime, reps: dict[str, Scope]) -> None:
    """What was open after each step ends at what is open now, for every invoice and every receipt of the book."""
    with runtime.read(SYSTEM) as view:
        for number in ("A1", "A2", "A3", "A4", "B/1", "X1"):
            found = document.invoice(view, ALL, number)
            steps = found.history
            assert steps[-1].open == found.open or found.voided_on
            assert [step.at for step in steps] == sorted(step.at for step in steps)
            assert all(posting.receivable + posting.unapplied + posting.contra == 0 for posting in found.postings)
        for kind, number in (("receipt", "R-1"), ("receipt", "R-2"), ("credit_note", "CN-1")):
            credit = document.credit(view, ALL, kind, number)
            assert credit.history[-1].open == credit.open


def test_who_belongs_to_a_row_of_the_aging(runtime: Runtime, reps: dict[str, Scope]) -> None:
    def of(view: View, kind: str, key: str) -> frozenset[str]:
        return drill.members(view, ALL, kind, key, TODAY)

    with runtime.read(SYSTEM) as view:
        assert of(view, "rep", "rui") == {"C001"} and of(view, "rep", "-") == {"C003"} and of(view, "collector", "fang") == {"C001"}
        assert of(view, "segment", "dealer") == {"C001", "C003"} and of(view, "segment", "-") == frozenset()
        assert of(view, "group", "C/2") == {"C/2"} and of(view, "rep", "nobody") == frozenset()
        # The first assignment holds for the time before it too; as known before it was recorded, there is none (S6, S9).
        assert drill.members(view, ALL, "rep", "rui", date(2026, 3, 9)) == {"C001"}
        assert drill.members(view, ALL, "rep", "rui", date(2026, 3, 9), datetime(2026, 3, 9, tzinfo=UTC)) == frozenset()
