"""The demonstration company on three start dates: everything that it promises to show is there, and the books are proven."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from collect.domain.adjustments import parse_limits
from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM, Role
from collect.reports import aging, untouched, worklist
from collect.reports.options import aging_options
from collect.runtime import Runtime, View
from collect.services import demo, undo, users, verify
from collect.storage.adjustments import load_tails
from collect.storage.bank import BankAccount, BankLine, BankStatement
from collect.storage.cases import bank_through
from collect.storage.discounts import load_offers
from collect.storage.imports import load_runs
from collect.web import create_app
from collect.web.pages import NAVIGATION
from tests.demonstration import made_at, make, shanghai

# A leap day; the day of the Spring Festival; a day whose year no calendar knows yet.
DATES = ["2024-02-29T09:30", "2026-02-17T00:10", "2027-06-15T06:00"]
TWICE = "2024-02-29T09:30"


def each(text: str) -> object:
    """A moment, named by its date."""
    return pytest.param(text, id=text[:10])


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def caught_up(place: Path, text: str) -> Runtime:
    """The company of a moment that is in a folder, brought up to its day."""
    runtime = demo.open_at(place, lambda: shanghai(text))
    done = demo.catch_up(runtime)
    assert done is not None
    assert done.as_of == date.fromisoformat(text[:10])
    return runtime


def column(view: View, query: str) -> list[object]:
    return [row[0] for row in view.session.execute(sa.text(query))]


@pytest.mark.parametrize("text", [each(text) for text in DATES])
def test_everything_is_there_and_proven_on_any_start_date(tmp_path: Path, text: str) -> None:
    place = Path(shutil.copytree(made_at(text), tmp_path / "company"))
    runtime = caught_up(place, text)
    assert verify.verify(runtime) == []
    with runtime.read(SYSTEM) as view:
        ledger_is_full(view)
        cases_are_full(view)
        ladder_is_full(view)
        contacts_are_full(view, place)
        bank_is_full(view)
        finance_is_full(view)
        once = told(view) if text == TWICE else None
    pages_are_full(runtime)
    runtime.engine.dispose()
    if once is not None:
        make(tmp_path / "again", lambda: shanghai(text))
        again = caught_up(tmp_path / "again", text)
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
        "SELECT day, amount_minor, payer, narrative, state, score FROM bank_line ORDER BY id",
        "SELECT kind, amount_minor, reason, state FROM adjustment ORDER BY id",
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


def bank_is_full(view: View) -> None:
    """Five weeks of statements of two accounts, one through yesterday and one that lags; most lines matched, and eight that wait, each for another reason (S13)."""
    yesterday = view.today - timedelta(days=1)
    accounts = view.session.scalars(sa.select(BankAccount).order_by(BankAccount.currency)).all()
    assert [account.currency for account in accounts] == ["CNY", "USD"]
    assert (accounts[0].through, accounts[0].name[:2]) == (yesterday, "工商")
    assert bank_through(view.session, view.today) == accounts[1].through < yesterday
    for account in accounts:
        told = view.session.scalars(sa.select(BankStatement).where(BankStatement.account_id == account.id).order_by(BankStatement.id)).all()
        assert len(told) >= 3
        assert all(later.since == earlier.through + timedelta(days=1) and later.opening_minor == earlier.closing_minor for earlier, later in pairwise(told))
    states = Counter(column(view, "SELECT state FROM bank_line"))
    assert states["applied"] >= 40, states
    assert states["out"] >= 15, states
    assert states["ignored"] == 1, states
    applied = set(column(view, "SELECT json_extract(proposal, '$.kind') FROM bank_line WHERE state = 'applied'"))
    assert applied >= {"narrative", "reference", "one_item", "running", "advance"}, applied
    waiting = view.session.scalars(sa.select(BankLine).where(BankLine.state == "open")).all()
    reasons = {(line.proposal or {}).get("kind"): {code for code, _ in (line.proposal or {}).get("evidence", ())} for line in waiting}
    assert len(waiting) == 8
    assert reasons.keys() == {"narrative", "one_item", "subset", "oldest", "advance", None}
    codes = {code for line in waiting for code, _ in (line.proposal or {}).get("evidence", ())}
    assert codes >= {"names_in_text", "less_than_named", "needs_letter", "alike", "one_item", "one_sum", "oldest_first", "named_is_settled", "advance"}, codes
    assert len(column(view, "SELECT id FROM payer_alias WHERE ended_at IS NULL")) >= 3
    assert column(view, "SELECT count(*) FROM payer_alias WHERE third_party AND letter IS NOT NULL") == [1]
    assert column(view, "SELECT count(*) FROM running_account") == [2]
    assert column(view, "SELECT count(*) FROM credit WHERE prepaid_minor > 0 AND order_no IS NOT NULL") == [1]


def finance_is_full(view: View) -> None:
    """Requests in every state, tails, rebates, interest, rates, e-invoices that wait for three reasons, statements of account in every state, views, an undo."""
    asked = Counter(tuple(row) for row in view.session.execute(sa.text("SELECT kind, reason, state FROM adjustment")))
    assert asked.keys() >= {("write_off", "insolvent", "open"), ("credit", "goods", "open"), ("credit", "rebate", "approved"), ("credit", "price", "refused")}, asked
    assert column(view, "SELECT level FROM adjustment WHERE state = 'open' AND first_by IS NOT NULL") == [2]
    assert load_tails(view.session, ALL, parse_limits(view.settings.tail_limits), 10)
    rebates = view.session.execute(sa.text("SELECT c.customer_no, sum(r.amount_minor) FROM rebate r JOIN customer c ON c.id = r.customer_id GROUP BY 1 ORDER BY 1")).all()
    assert [tuple(row) for row in rebates] == [("K1002", 0), ("K1020", 512_000)]
    assert column(view, "SELECT kind FROM item WHERE kind <> 'invoice'") == ["interest"]
    assert set(column(view, "SELECT DISTINCT base FROM rate")) == {"USD", "EUR", "HKD", "LPR_1Y"}
    drafts = {tuple(row) for row in view.session.execute(sa.text("SELECT form, due_date IS NOT NULL, customer_id IS NOT NULL FROM draft WHERE state = 'waiting'"))}
    assert drafts == {("ubl", 1, 1), ("ofd", 0, 1), ("ubl", 1, 0)}
    life = Counter(tuple(row) for row in view.session.execute(sa.text("SELECT kind, state FROM statement")))
    assert life.keys() == {("demand", "sent"), *(("confirm", state) for state in ("made", "sent", "returned", "confirmed", "differing"))}
    assert sorted(column(view, "SELECT settled_on IS NULL FROM statement_difference")) == [0, 1]
    early_and_delivered_are_there(view)
    views = {tuple(row) for row in view.session.execute(sa.text("SELECT page, user_id IS NULL, id IN (SELECT view_id FROM view_choice) FROM saved_view"))}
    assert views >= {("aging", 1, 0), ("invoices", 0, 1)}
    runs = load_runs(view.session)
    assert len({run.kind for run in runs}) >= 2
    assert any(not undo.obstacles(view.session, run) for run in runs)


def early_and_delivered_are_there(view: View) -> None:
    """Of 2,480.00 a cheque over 2,430.40 took 49.60 (2 %) off, of 1,950.00 with its own due date 39.00 are still to be had; four customers wait for invoices."""
    query = (
        "SELECT i.po_no, i.id, i.open_minor, d.amount_minor FROM item i LEFT JOIN allocation a ON a.item_id = i.id LEFT JOIN credit d ON d.id = a.credit_id AND d.kind = 'discount'"
    )
    rows = {(order, left, off): key for order, key, left, off in view.session.execute(sa.text(f"{query} WHERE i.po_no IN ('SO-2260', 'SO-2314')"))}
    assert ("SO-2260", 0, 4960) in rows, rows
    key = rows["SO-2314", 195_000, None]
    offer = load_offers(view.session, ALL, [key], view.today)[key]
    assert offer.minor == 3900
    waits = view.session.execute(
        sa.text("SELECT c.customer_no, sum(d.amount_minor) FROM delivery d JOIN customer c ON c.id = d.customer_id WHERE d.ended IS NULL GROUP BY 1 ORDER BY 1")
    )
    assert [tuple(row) for row in waits] == [("E5005", 315_000), ("K1002", 2_784_000), ("K2011", 745_000), ("K3002", 538_000)]


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
            answer = browser.get(address, follow_redirects=True)
            assert answer.status_code in (200, 403), (address, person.username)
            assert answer.status_code == 403 or 'class="empty"' not in answer.text, (address, person.username)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "collect.db").write_bytes(b"somebody's books")
    with pytest.raises(Refusal, match="demo_foreign"):
        demo.make(tmp_path)
    assert (tmp_path / "collect.db").read_bytes() == b"somebody's books"
