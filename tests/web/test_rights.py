"""Every route with every role, with an object of one's own, somebody else's, and none at all: foreign and missing are one answer (S28)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.runtime import Runtime, Work
from collect.services import adjustments, bank, bank_tables, cases, deliveries, drafts, dunning, escalation, invoices, matching, rebates, receipts, statements, uploads, users
from collect.storage import uploads as kept
from collect.storage.bank import BankStatement
from collect.storage.cases import Task
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer, find_customer
from collect.storage.database import next_ids
from collect.storage.notices import Notice
from collect.storage.outbox import Message
from collect.storage.receivables import Item
from collect.storage.users import Token, User
from collect.web import pages
from tests.bank_lines import add_lines
from tests.exchange.test_einvoices import ubl
from tests.web import book
from tests.web.conftest import ROLE_NAMES, SignIn, browser, token

TODAY = date(2026, 3, 10)
# Own, foreign, missing, as rui (and his team lead lan) sees them: C001 is his, C/2 is Rosa's.
OBJECTS: dict[tuple[str, str], tuple[Any, Any, Any]] = {
    ("customers", "number"): ("C001", "C/2", "no such customer"),
    ("invoices", "number"): ("A1", "B/1", "no/such"),
    ("receipt", "number"): ("R-1", "R-2", "R-none"),
    ("credit_note", "number"): ("CN-1", "CN-2", "CN-none"),
    ("cash", "allocation_id"): ("of R-1", "of CN-2", 999_999_999),
    ("imports", "run_id"): ("a run", "a run", 999_999_999),
    ("policy", "version"): (1, 1, 999_999_999),
    ("cases", "number"): ("C001", "C/2", "no such customer"),
    ("cases", "promise_id"): ("of C001", "of C/2", 999_999_999),
    ("cases", "task_id"): ("about C001", "about C/2", 999_999_999),
    ("cases", "dispute_id"): ("about A1", "about B/1", 999_999_999),
    ("reminders", "number"): ("to C001", "to C/2", 999_999_999),
    ("reminders.history", "number"): ("C001", "C/2", "no such customer"),
    ("decisions", "number"): ("C001", "C/2", "no such customer"),
    ("decisions", "proposal_id"): ("about C001", "about C/2", 999_999_999),
    ("api_customers", "no"): ("C001", "C/2", "no such customer"),
    ("api_proposals", "id"): ("about C001", "about C/2", 999_999_999),
    ("outbox", "message_id"): ("to C001", "to C/2", 999_999_999),
    ("matching", "line_id"): ("a bank line", "another", 999_999_999),
    ("matching", "alias_id"): ("a payer of C001", "of C/2", 999_999_999),
    ("matching", "number"): ("C001", "C/2", "no such customer"),
    ("ordering", "number"): ("C001", "C/2", "no such customer"),
    ("statements", "statement_id"): ("of C001", "of C/2", 999_999_999),
    ("invoice", "number"): ("A1", "B/1", "no/such"),
    ("interest", "number"): ("A1", "B/1", "no/such"),
    ("billing", "number"): ("C001", "C/2", "no such customer"),
    ("bank", "account_id"): ("an account", "another", 999_999_999),
    ("bank", "statement_id"): ("of it", "of the other", 999_999_999),
    ("imports", "token"): ("a file that waits", "the same", "none"),
    ("imports.drop", "token"): ("another file", "and another", "none"),
    ("bank_tables", "token"): ("a table that waits", "the same", "none"),
    ("bank_tables.drop", "token"): ("another table", "and another", "none"),
    ("drafts", "draft_id"): ("an e-invoice", "another", 999_999_999),
    ("adjustments", "number"): ("A1", "B/1", "no/such"),
    ("adjustments", "key"): ("about A1", "about B/1", 999_999_999),
    ("write_off", "number"): ("WO-A1", "WO-B1", "WO-none"),
    ("set_off", "number"): ("SO-A1", "SO-B1", "SO-none"),
    ("discount", "number"): ("of A9", "of B9", "ED-none"),
    ("deliveries", "number"): ("C001", "C/2", "no such customer"),
    ("deliveries.cancel", "number"): ("L-1", "L-2", "L-none"),
    ("receipts", "number"): ("R-1", "R-2", "R-none"),
    ("receipts.new", "number"): ("C001", "C/2", "no such customer"),
    ("rebates", "number"): ("C001", "C/2", "no such customer"),
    ("rebates", "key"): ("of C001", "of C/2", 999_999_999),
    ("users", "username"): ("rui", "rui", "nobody"),
    ("users", "token_id"): ("a token of rui", "another", 999_999_999),
}
# Routes that name an object in their query.
QUERIES = {"aging.index": "customer", "invoices.index": "customer", "api_reports.aging_report": "customer"}
FOREIGN_WORDS = ("Northwind", "Frau Fremd", "their own word", "said by C/2")
FOREIGN_MARKS = (*FOREIGN_WORDS, "B/1", "R-2", "CN-2", "B%252F1", "3.21")
PUBLIC = ("static", "bootstrap.static")
SCOPED = (Role.REP, Role.LEAD)
LAST = ("auth.sign_out",)


@pytest.fixture
def walked(filled: Runtime) -> dict[tuple[str, str], tuple[Any, Any, Any]]:
    """The book with a credit note of the foreign customer, half of it applied; objects that have ids with their ids."""
    credit = "credit_no,customer_no,date,currency,amount,invoice_no,reason\nCN-2,C/2,2026-03-02,EUR,3.21,B/1,foreign\n"
    assert book.take_in(filled, "credits", credit).new == 1
    assert book.take_in(filled, "credits", credit.replace("CN-2", "CN-3").replace("EUR", "moon")).refused == 1
    for _ in range(2):
        filled.write(SYSTEM, lambda work: users.issue_token(work, "rui", ["reports:read"]))
    made: dict[tuple[str, str], tuple[Any, Any, Any]] = {key: (ids[0], ids[1], 999_999_999) for key, ids in happenings(filled).items()}
    made["discount", "number"] = (*made["discount", "number"][:2], "ED-none")
    with filled.read(SYSTEM) as view:
        tokens = list(view.session.scalars(sa.select(Token.id).order_by(Token.id)))
        ids = list(view.session.scalars(sa.select(Allocation.id).order_by(Allocation.id)))
        run = view.session.execute(sa.text("SELECT max(id) FROM import_run")).scalar_one()
    ids_of: dict[tuple[str, str], tuple[Any, Any, Any]] = {
        ("cash", "allocation_id"): (ids[0], ids[-1], 999_999_999),
        ("imports", "run_id"): (run, run, 999_999_999),
        ("users", "token_id"): (tokens[0], tokens[1], 999_999_999),
    }
    return OBJECTS | made | ids_of


def happenings(runtime: Runtime) -> dict[tuple[str, str], list[Any]]:
    """What happens with customers, once to C001 and once to C/2, by the argument that names it; to C/2 in words that are no one else's."""
    dunning.remind(runtime, SYSTEM, TODAY)
    with runtime.read(SYSTEM) as view:
        query = sa.select(Notice.id).join(Customer, Customer.id == Notice.customer_id)
        notices = [view.session.scalars(query.where(Customer.customer_no == number)).one() for number in ("C001", "C/2")]
    found = runtime.write(SYSTEM, cases_of)
    proposals = [runtime.write(SYSTEM, partial(escalation.propose, customer_no=number, step="stop_credit", note=f"said by {number}")) for number in ("C001", "C/2")]
    found |= payers_of(runtime)
    found |= files_of(runtime)
    found |= adjustments_of(runtime)
    found |= discounts_of(runtime)
    found["statements", "statement_id"] = [runtime.write(SYSTEM, partial(statements.make, customer_no=number, wish=statements.Wish()))[0].id for number in ("C001", "C/2")]
    found |= {("decisions", "proposal_id"): proposals, ("api_proposals", "id"): proposals}
    return found | {("reminders", "number"): notices, ("outbox", "message_id"): runtime.write(SYSTEM, add_messages)}


def files_of(runtime: Runtime) -> dict[tuple[str, str], list[Any]]:
    """Two bank accounts with a statement each, and two e-invoices."""
    for number in ("62220001", "62220002"):
        bank.take_in(runtime, SYSTEM, f"账号：{number}\n交易日期,收入,支出,币种\n2026-03-09,,7.00,CNY\n".encode(), "bank.csv")
    made = [drafts.take_in(runtime, SYSTEM, ubl(number=number), "e.xml").draft_id for number in ("E1", "E2")]
    with runtime.read(SYSTEM) as view:
        statements_in = list(view.session.execute(sa.select(BankStatement.account_id, BankStatement.id).order_by(BankStatement.id.desc()).limit(2)))
    fang = Actor("fang", None, Role.FINANCE, ALL)

    def waiting() -> str:
        return uploads.receive(runtime, fang, "customers", "c.csv", lambda path: path.write_text("customer_no,name\nC8,x\n")).token

    def table() -> str:
        return bank_tables.receive(runtime, fang, "t.csv", lambda path: path.write_text("Wann,Wieviel\n2026-03-09,7\n"), "62220001").token

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "MOST_OF_ONE", 6)
        tokens, tables = [waiting() for _ in range(3)], [table() for _ in range(3)]
    return {
        ("imports", "token"): [tokens[0], tokens[0]],
        ("imports.drop", "token"): tokens[1:],
        ("bank_tables", "token"): [tables[0], tables[0]],
        ("bank_tables.drop", "token"): tables[1:],
        ("bank", "account_id"): [row.account_id for row in statements_in],
        ("bank", "statement_id"): [row.id for row in statements_in],
        ("drafts", "draft_id"): made,
    }


def adjustments_of(runtime: Runtime) -> dict[tuple[str, str], list[int]]:
    """A write-off and a set-off of a few cents, a request that waits and a rebate, of each of the two customers."""
    found: dict[tuple[str, str], list[int]] = {("adjustments", "key"): [], ("rebates", "key"): []}
    with runtime.read(SYSTEM) as view:
        manager = Actor("ming", view.session.scalars(sa.select(User.id).where(User.username == "ming")).one(), Role.MANAGER, ALL)
        items = {name: view.session.scalars(sa.select(Item.id).where(Item.document_no == name)).one() for name in ("A1", "B/1")}
    for customer, invoice, currency in (("C001", "A1", "CNY"), ("C/2", "B/1", "EUR")):
        for kind, reason, stem in (("write_off", "other", "WO"), ("set_off", "payables", "SO"), ("credit", "price", "")):
            paper = f"{stem}-{invoice.replace('/', '')}" if stem else ""
            asked = adjustments.Ask(kind, ((items[invoice], 1),), reason, f"said by {customer}", paper)
            key = runtime.write(SYSTEM, lambda work, customer=customer, asked=asked: adjustments.request(work, customer, asked).id)
            if stem:
                runtime.write(manager, lambda work, key=key: adjustments.approve(work, key, 1).id)
        found["adjustments", "key"].append(key)
        entered = partial(rebates.enter, customer_no=customer, day=date(2026, 3, 1), currency=currency, amount=100, note=f"said by {customer}")
        found["rebates", "key"].append(runtime.write(SYSTEM, entered).id)
    return found


def discounts_of(runtime: Runtime) -> dict[tuple[str, str], list[str]]:
    """An invoice paid in time less its discount, and a delivery without an invoice, of each of the two customers."""
    for customer, invoice, currency, delivery in (("C001", "A9", "CNY", "L-1"), ("C/2", "B9", "EUR", "L-2")):
        bill = invoices.Bill(invoice, TODAY, currency, 5_000, terms="2/10 NET30", description=f"said by {customer}")
        (item,) = runtime.write(SYSTEM, partial(invoices.issue, customer_no=customer, bill=bill))
        paid = receipts.Receipt(item.customer_id, f"R-{invoice}", TODAY, currency, 4_900, payer=f"said by {customer}")
        runtime.write(SYSTEM, partial(receipts.receive, receipt=paid, parts=[(item.id, 4_900)]))
        draft = deliveries.Draft(delivery, TODAY, currency, 500, description=f"said by {customer}")
        runtime.write(SYSTEM, partial(deliveries.enter, customer_no=customer, draft=draft))
    with runtime.read(SYSTEM) as view:
        return {("discount", "number"): list(view.session.scalars(sa.select(Credit.number).where(Credit.kind == "discount").order_by(Credit.id)))}


def payers_of(runtime: Runtime) -> dict[tuple[str, str], list[int]]:
    """Two waiting bank lines, and a learned payer of each of the two customers."""
    lines = add_lines(runtime, {"amount_minor": 1_200, "payer": "Frau Fremd"}, {"amount_minor": 1_300, "payer": "Frau Fremd"})
    learned = [runtime.write(SYSTEM, partial(matching.learn, name=f"Frau Fremd {number}", account=None, customer_no=number)) for number in ("C001", "C/2")]
    return {("matching", "line_id"): lines, ("matching", "alias_id"): learned}


def cases_of(work: Work) -> dict[tuple[str, str], list[int]]:
    """A promise of all that is asked, our own word as a task, and a dispute, with each of the two customers."""
    found: dict[tuple[str, str], list[int]] = {("cases", name): [] for name in ("promise_id", "task_id", "dispute_id")}
    for number, invoice, currency, amount, person, word in (("C001", "A1", "CNY", 98_000, "Li", "a word"), ("C/2", "B/1", "EUR", 7_500, "Frau Fremd", "their own word")):
        draft = cases.PromiseDraft(amount, currency, date(2026, 3, 20), person=person)
        found["cases", "promise_id"].append(cases.promise(work, number, draft))
        cases.log(work, number, cases.Contact("call", person=person, own=cases.OwnWord(word, date(2026, 3, 12)), note=f"said by {number}"))
        found["cases", "task_id"].append(work.session.scalars(sa.select(sa.func.max(Task.id))).one() or 0)
        found["cases", "dispute_id"].append(cases.raise_dispute(work, invoice, 2_000, "quality", f"said by {number}"))
    return found


def add_messages(work: Work) -> list[int]:
    """An uncertain message to C001 and one to C/2."""
    ids = []
    for number in ("C001", "C/2"):
        customer = find_customer(work.session, ALL, number)
        assert customer is not None
        (key,) = next_ids(work.session, 1)
        values = {"recipient": "x@buyer.example", "language": "en", "subject": f"To {customer.name}", "body": "Pay.", "state": "uncertain", "attempts": 1}
        work.session.add(Message(id=key, customer_id=customer.id, message_id=f"<{key}@ours.example>", next_try_at=work.now, recorded_at=work.now, **values))
        ids.append(key)
    return ids


def addresses(app: Flask, rule: Rule, objects: dict[tuple[str, str], tuple[Any, Any, Any]], which: int) -> str:
    """The path of a rule for the own (0), foreign (1) or missing (2) object; a rule with an object nobody described fails."""
    name = str((rule.defaults or {}).get("kind") or rule.endpoint.partition(".")[0])
    values: dict[str, Any] = dict(rule.defaults or {})
    for argument in rule.arguments - set(values):
        known = objects.get((rule.endpoint, argument)) or objects.get((name, argument)) or objects.get((rule.endpoint.partition(".")[0], argument))
        assert known, f"say in OBJECTS what the own, foreign and missing {argument} of {rule.rule} are"
        values[argument] = known[which]
    if rule.endpoint in QUERIES:
        values[QUERIES[rule.endpoint]] = objects["customers", "number"][which]
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        return str(adapter.build(rule.endpoint, values, method=next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))))


def routes(app: Flask) -> Iterator[tuple[Rule, str, list[str]]]:
    """Each rule with each method and the roles that may use it, as the matrix publishes them; what ends the session comes last."""
    matrix = {(row["path"], row["endpoint"]): row["roles"] for row in pages.route_matrix(app)}
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in PUBLIC]
    for rule in sorted(rules, key=lambda rule: (rule.endpoint in LAST, rule.rule)):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, matrix[rule.rule, rule.endpoint]


def ask(client: FlaskClient, method: str, path: str, bearer: str, mark: str) -> tuple[int, str, bytes]:
    """Status, target and body of a request; POST carries the form token and nothing else."""
    headers = {"Authorization": f"Bearer {bearer}"} if path.startswith("/api/") else {}
    fields = {"csrf_token": mark} if method == "POST" and not path.startswith("/api/") else None
    answer = client.open(path, method=method, data=fields, headers=headers)
    if fields:
        with client.session_transaction() as session:
            session.pop("_flashes", None)  # what a change says on the next page
    return answer.status_code, answer.headers.get("Location", ""), answer.data


@pytest.mark.parametrize("role", list(Role))
def test_foreign_is_like_missing_on_every_route(app: Flask, walked: Any, filled: Runtime, sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    mark = token(client, "/account")
    bearer = filled.write(SYSTEM, lambda work: users.issue_token(work, ROLE_NAMES[role], list(users.SCOPES)))
    seen = 0
    for rule, method, roles in routes(app):
        own, foreign, missing = (ask(client, method, addresses(app, rule, walked, which), bearer, mark) for which in range(3))
        told = f"{method} {rule.rule} as {role.value}: {own[0]}, {foreign[0]}, {missing[0]}"
        seen += 1
        if "anyone" in roles:
            assert own[0] < 500, told
            continue
        if role.value not in roles:
            assert own[0] == 403, told
            assert own == foreign == missing, told
            continue
        assert own[0] not in (403, 404) and own[0] < 500, told
        named = bool(rule.arguments - set(rule.defaults or {})) or rule.endpoint in QUERIES
        if named:
            assert missing[0] == 404, told
        if role in SCOPED:
            assert foreign == missing or not named, told
            if method == "GET":
                text = own[2].decode("utf-8", "replace")
                assert not [sign for sign in FOREIGN_MARKS if sign in text], told
        elif named:
            assert foreign[0] == own[0] or rule.endpoint in ("invoices.record_event",), told
    assert seen > 40


def test_nobody_sees_nothing(app: Flask, walked: Any) -> None:
    """Without a session every page sends to the sign-in page, every API route asks for a token; nothing tells objects apart."""
    client = browser(app)
    mark = token(client)
    for rule, method, roles in routes(app):
        if "anyone" in roles:
            continue
        own, foreign, missing = (ask(client, method, addresses(app, rule, walked, which), "", mark) for which in range(3))
        if rule.rule.startswith("/api/"):
            assert own[0] == 401 and own == foreign == missing, rule.rule
        else:
            assert {answer[0] for answer in (own, foreign, missing)} == {303}, rule.rule
            assert all(answer[1].startswith("/login") for answer in (own, foreign, missing)), rule.rule


def test_lists_counts_sums_and_files_of_a_rep_hold_nothing_foreign(app: Flask, walked: Any, sign_in: SignIn) -> None:
    """Everything a rep can read without naming an object, in every form it comes in."""
    for who in (Role.REP, Role.LEAD):
        client = sign_in(who)
        paths = [f"/aging?by={by}" for by in ("customer", "item", "rep", "collector", "segment", "group", "currency")]
        paths += ["/aging?rep=rosa", "/aging?segment=hospital", "/aging?group=C/2", "/customers", "/customers?q=north", "/customers?rep=rosa", "/customers?segment=hospital"]
        paths += ["/my-day", "/my-day?day=2026-03-12", "/my-day?view=untouched", "/promises", "/promises?q=north", "/promises?state=soon", "/disputes", "/disputes?state=raised"]
        paths += ["/decisions", "/outbox", "/outbox?customer=C/2", "/outbox?state=uncertain", *(f"/reminders?show={shown}" for shown in ("planned", "made", "held", "ended"))]
        paths += [
            "/adjustments",
            "/bank/lines?state=all",
            "/invoices",
            "/invoices?q=B",
            "/invoices?state=open",
            "/search?q=3.21",
            "/search?q=north",
            "/search?q=R-2",
            "/search?q=foreign",
        ]
        for path in paths:
            text = client.get(path).get_data(as_text=True)
            held = text.split('<main id="main"', 1)[1]
            assert not [sign for sign in (*FOREIGN_WORDS, "EUR", "3.21\n", "96.79", "100.00") if sign in held], path
        for form in ("csv", "json"):
            for path in ("/aging?by=item", "/customers", "/invoices", "/promises"):
                if form == "json" and not path.startswith("/aging"):
                    continue
                text = client.get(f"{path}{'&' if '?' in path else '?'}format={form}").get_data(as_text=True)
                assert "A1" in text or "C001" in text
                assert not [sign for sign in (*FOREIGN_WORDS, "B/1", "EUR") if sign in text], path
