"""The demonstration company on five start dates: everything that it promises to show is there, and the books are proven."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM, Role
from collect.reports import aging, untouched, worklist
from collect.reports.options import aging_options
from collect.runtime import Runtime, View
from collect.services import demo, users, verify
from collect.web import create_app
from collect.web.pages import NAVIGATION

# A leap day; the day of the Spring Festival; a Friday in high summer; the last day of a year; a day whose year no calendar knows yet.
DATES = ["2024-02-29T09:30", "2026-02-17T00:10", "2025-07-18T13:00", "2025-12-31T23:40", "2027-06-15T06:00"]
TWICE = "2025-07-18T13:00"


def each(text: str) -> object:
    """A date in a group of its own, so that two workers share them."""
    return pytest.param(text, marks=pytest.mark.xdist_group(f"demo {text}"), id=text[:10])


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def shanghai(text: str) -> datetime:
    """A local time there (UTC+8) as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=8)


def made(place: Path, text: str) -> Runtime:
    """The company of a moment, brought up to its day."""
    now = shanghai(text)
    demo.make(place, lambda: now)
    runtime = demo.open_at(place, lambda: now)
    done = demo.catch_up(runtime)
    assert done is not None
    assert done.as_of == date.fromisoformat(text[:10])
    return runtime


def column(view: View, query: str) -> list[object]:
    return [row[0] for row in view.session.execute(sa.text(query))]


@pytest.mark.parametrize("text", [each(text) for text in DATES])
def test_everything_is_there_and_proven_on_any_start_date(tmp_path: Path, text: str) -> None:
    runtime = made(tmp_path, text)
    assert verify.verify(runtime) == []
    with runtime.read(SYSTEM) as view:
        ledger_is_full(view)
        cases_are_full(view)
        ladder_is_full(view)
        contacts_are_full(view, tmp_path)
        once = told(view) if text == TWICE else None
    pages_are_full(runtime)
    runtime.engine.dispose()
    if once is not None:
        again = made(tmp_path / "again", text)
        with again.read(SYSTEM) as view:
            assert told(view) == once
        again.engine.dispose()


def told(view: View) -> list[list[tuple[object, ...]]]:
    """What is in the books, said and decided: the same today and seed make it anew; only secrets (passwords, Message-IDs) differ."""
    queries = (
        "SELECT document_no, part, due_date, amount_minor, open_minor FROM item ORDER BY id",
        "SELECT number, day, amount_minor, open_minor FROM credit ORDER BY id",
        "SELECT customer_id, kind, day, outcome, excuse, note FROM activity ORDER BY id",
        "SELECT customer_id, step, state, oldest_days, decision_note FROM proposal ORDER BY id",
        "SELECT customer_id, step, channel, day, state FROM notice ORDER BY id",
        "SELECT recipient, subject, state FROM message ORDER BY id",
    )
    return [[tuple(row) for row in view.session.execute(sa.text(query))] for query in queries]


def ledger_is_full(view: View) -> None:
    """At least 60 customers in both languages, 1,500 invoices, every bucket, provisional dates, money tied to nothing."""
    assert view.session.scalar(sa.text("SELECT count(*) FROM customer")) >= 60
    assert {"zh", "en"} == set(column(view, "SELECT DISTINCT language FROM customer"))
    assert view.session.scalar(sa.text("SELECT count(DISTINCT document_no) FROM item WHERE voided_on IS NULL")) >= 1500
    assert view.session.scalar(sa.text("SELECT count(*) FROM credit WHERE kind = 'receipt'")) >= 1000
    report = aging.build(view, ALL, aging_options(view, {"by": "currency"}))
    assert report.ties_out
    yuan = next(row for row in report.totals if row.currency == "CNY")
    assert {row.currency for row in report.totals} == {"CNY", "USD", "EUR", "HKD"}
    assert report.buckets.names[-1] == "1096+"
    assert all(amount > 0 for amount in yuan.amounts), dict(zip(report.buckets.names, yuan.amounts, strict=True))
    assert yuan.provisional > 0
    assert yuan.unapplied < 0
    assert yuan.disputed > 0
    assert yuan.promised > 0
    assert {"credit_note", "receipt"} <= set(column(view, "SELECT DISTINCT kind FROM credit"))
    assert len(column(view, "SELECT month FROM month_close")) >= 9


def cases_are_full(view: View) -> None:
    """Promises in every state that money or people bring about, checks that proved true, false and nothing, disputes in every state."""
    states = Counter(column(view, "SELECT state FROM promise"))
    assert states.keys() >= {"open", "awaiting_bank", "kept", "kept_late", "partly_kept", "broken", "renegotiated"}, states
    assert states["kept"] >= 10
    assert states["broken"] >= 3
    checks = set(column(view, "SELECT coalesce(result, state) FROM task WHERE kind = 'check'"))
    assert checks == {"true", "false", "unknown", "open"}
    assert set(column(view, "SELECT state FROM task WHERE kind <> 'check'")) >= {"done"}
    assert set(column(view, "SELECT state FROM dispute")) == {"raised", "accepted", "refused", "settled"}
    assert len(set(column(view, "SELECT excuse FROM activity WHERE excuse IS NOT NULL"))) >= 10
    outcomes = Counter(column(view, "SELECT outcome FROM activity"))
    assert outcomes.keys() >= {"promise", "excuse", "paid", "not_reached", "courtesy", "refused"}, outcomes
    marks = view.session.execute(sa.text("SELECT sum(do_not_contact), sum(insolvent) FROM standing")).one()
    assert tuple(marks) == (1, 1)


def ladder_is_full(view: View) -> None:
    """Accounts past every step of the ladder, proposals waiting at two levels, decided in every way, and holds of both kinds in force."""
    query = "SELECT c.customer_no, p.step, p.state, p.level FROM proposal p JOIN customer c ON c.id = p.customer_id"
    rows = [tuple(row) for row in view.session.execute(sa.text(query))]
    now = {(number, step): (state, level) for number, step, state, level in rows}
    assert now["K1003", "stop_credit"] == ("open", 1)
    assert now["K1005", "stop_credit"] == ("open", 2)
    assert now["K1007", "stop_credit"][0] == "refused"
    assert now["K1009", "stop_credit"][0] == "deferred"
    assert now["K1017", "referral"][0] == "open"
    assert now["K1019", "referral"][0] == "approved"
    assert now["K1021", "release"] == ("open", 1)
    assert now["K1023", "stop_supply"][0] == "open"
    assert now["K1025", "stop_supply"][0] == "open"
    assert now["K2009", "stop_supply"][0] == "open"
    holds = {tuple(row) for row in view.session.execute(sa.text("SELECT c.customer_no, h.rung FROM hold h JOIN customer c ON c.id = h.customer_id WHERE h.released_on IS NULL"))}
    assert {("K1011", "stop_credit"), ("K1013", "stop_supply"), ("E5003", "stop_credit"), ("E5009", "stop_supply")} <= holds
    assert ("K1013", "final_demand") not in now
    demand = "SELECT n.state FROM notice n JOIN customer c ON c.id = n.customer_id WHERE c.customer_no = 'K1015' AND n.step = 'final_demand'"
    assert column(view, demand) == ["sent"]
    assert ("K1015", "referral") not in now
    assert set(column(view, "SELECT answer FROM supply_answer")) == {"yes", "no", "refer"}


def contacts_are_full(view: View, place: Path) -> None:
    """Messages sent, one failed, one uncertain; contacts done, missed and planned; customers to be asked, held back and left alone; a policy that waits."""
    messages = Counter(column(view, "SELECT state FROM message"))
    assert (messages["failed"], messages["uncertain"]) == (1, 1), messages
    assert messages["sent"] >= 200
    assert messages["sent"] == len(list((place / "outbox").glob("*.eml")))
    told = Counter(tuple(row) for row in view.session.execute(sa.text("SELECT channel, state FROM notice")))
    assert all(told["call", state] + told["visit", state] >= 3 for state in ("done", "missed", "planned")), told
    assert told["email", "planned"]
    assert set(column(view, "SELECT decision FROM decision")) == {"planned", "held", "nothing"}
    neglect = untouched.neglect(view, ALL, worklist.Wish(view.today), 14)
    assert neglect.missed_total >= 1
    assert set(column(view, "SELECT state FROM policy_version")) == {"in_force", "waiting"}


UNFILLED = {"bank.index", "adjustments.index", "statements.index", "drafts.index"}
"""Pages of cash that the year of the demonstration does not fill yet."""


def pages_are_full(runtime: Runtime) -> None:
    """One of each role signs in with the password that is told, and no page of his navigation says that it is empty."""
    app = create_app(runtime)
    assert [person.role for person in demo.people()] == list(Role)
    for person in demo.people():
        browser = app.test_client()
        token = users.sign_in(runtime, person.username, person.password, "127.0.0.1", "test")
        with browser.session_transaction() as session:
            session["token"] = token
        for entry in NAVIGATION:
            with app.test_request_context():
                address = app.url_for(entry.endpoint)
            answer = browser.get(address)
            assert answer.status_code in (200, 303, 403), (address, person.username)
            assert answer.status_code == 403 or entry.endpoint in UNFILLED or 'class="empty"' not in answer.text, (address, person.username)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "collect.db").write_bytes(b"somebody's books")
    with pytest.raises(Refusal, match="demo_foreign"):
        demo.make(tmp_path)
    assert (tmp_path / "collect.db").read_bytes() == b"somebody's books"
