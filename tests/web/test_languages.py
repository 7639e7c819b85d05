"""A walk over every page in Chinese and in English: no word of the other language but names, codes and what somebody entered."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from collect import i18n, sentences
from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime, View, Work
from collect.services import adjustments, bank, cash, deliveries, drafts, imports, invoices, matching, months, rebates, receivables, statements, uploads, users
from collect.storage.adjustments import Adjustment, Rebate
from collect.storage.bank import BankAccount, BankStatement
from collect.storage.cases import Dispute, Promise, Task
from collect.storage.cash import Allocation
from collect.storage.drafts import Draft
from collect.storage.escalations import Proposal
from collect.storage.imports import ImportRun
from collect.storage.notices import Notice
from collect.storage.outbox import Message
from collect.storage.policy import PolicyVersion
from collect.storage.receivables import Item
from collect.storage.statements import Statement
from collect.web import create_app
from scripts import translations
from tests import happenings
from tests.conftest import FixedClock, make_runtime
from tests.exchange.test_einvoices import digital
from tests.web.conftest import PASSWORD, browser, token
from tests.web.entered import AGENT, CONTACTS, CREDITS, CUSTOMERS, INVOICES, PAYMENTS, PEOPLE, WRONG, WRONG_COUNTRY
from tests.web.test_imports import look, upload

DATA = frozenset(
    {"K", "KF", "BK", "KH", "FP", "SK", "HZ", "DD", "LS", "MA", "DZ", "XYZ", "Q", "SH", "ED", "ofd", "Zhongmei", "Zhongguo", "wangli", "remark", "x", "csv"}
    | {word for pair in PEOPLE.values() for word in pair[0].split(".")}
    | {"k", "mai", "caiwu", "wang", "tongren", "cn", "admin", "ours", "bu", "zai"}
    | set(re.findall("[A-Za-z]+", AGENT))
)
"""What people entered, or sent with their browser; none of it may be a word of the program."""
_ENTERED = [
    "华北医疗器械有限公司",
    "华北",
    "管理员",
    "三月",
    "何不在",
    "新民药店",
    "验收单已签",
    "核错发票",
    "年审",
    "补记",
    "列一",
    "列二",
    "客户编号",
    "客户编码",
    "客户名称",
    "澄远医疗",
]
_ENTERED += ["催收策略（中国）", *happenings.names_of(), CUSTOMERS, CONTACTS, INVOICES, PAYMENTS, CREDITS, *(name for _username, name in PEOPLE.values()), i18n.NAMES["zh"]]
CHINESE = frozenset(re.findall("[\u3400-\u9fff]+", " ".join(_ENTERED)))
"""The same in Chinese, for the walk in English; and the name of the language itself."""
NAMED = {"CII", "Factur", "OFD", "UBL", "XML", "ZUGFeRD", "camt", "MT", "OFX", "EU", "LPR", "BOE", "ECB", "Y", "utf", "j", "s", "u"}
"""Names of forms and rates, and keys."""
REVIEWED = frozenset(
    {"collect", "English", "API", "OpenAPI", "HTTP", "RFC", "JSON", "CSV", "XLSX", "PDF", "Excel", "MB", "UTF", "GB"}
    | {"CNY", "USD", "EUR", "CN", "zh", "en", "ISO"}
    | {"NET", "EOM", "COD", "PREVIOUS", "ACCEPTANCE"}
    | NAMED
    | {"Asia", "Shanghai", "Enter", "GET", "POST", "T", "null"}
)
"""Names and codes that stand in a Chinese text as they are: forms of files, currencies, countries, payment terms, a time zone, keys, options."""
STATES = (
    *(f"/aging?by={by}" for by in ("item", "rep", "collector", "segment", "group", "currency")),
    *("/aging?as_of=2026-13-01", "/aging?buckets=9,3", "/aging?customer=KH999", "/aging?basis=issue&known_at=2026-03-04", "/aging?as_of=2020-01-01", "/nothing/here"),
    *("/customers?q=9999", "/customers?overdue=y", "/customers/KH002", "/customers/KH003/settled", "/customers/KH999"),
    *("/invoices/FP1", "/invoices/FP3", "/invoices/FP4", "/invoices/FP6", "/invoices?q=9999", "/invoices?state=void", "/invoices?limit=1"),
    *("/my-day?view=untouched", "/my-day?day=2026-03-11", "/my-day?day=2026-13-01", "/my-day?what=visit", "/my-day?what=task", "/my-day?person=-queue", "/my-day?person=rui.sun"),
    *(f"/reminders?show={shown}" for shown in ("made", "held", "ended")),
    *(f"/reminders/customers/K{number}" for number in ("07", "08", "09", "13", "16")),
    *("/reminders/preview?as_of=2026-03-17", "/reminders/preview?as_of=2026-02-30", "/reminders/preview?decision=held", "/reminders?limit=1"),
    *(f"/customers/K{number}" for number in ("01", "01/propose", "02", "02/log", "03", "08", "08/log", "08/timeline", "10", "10/log", "10/standing", "12")),
    *(f"/promises?state={state}" for state in ("live", "soon", "kept", "broken", "awaiting_bank", "withdrawn")),
    *(f"/disputes?state={state}" for state in ("raised", "accepted", "refused", "settled")),
    *(f"/outbox?state={state}" for state in ("queued", "leased", "handover", "uncertain", "failed", "sent", "cancelled")),
    *("/promises?limit=1", "/promises?q=9999", "/disputes?limit=1", "/outbox?limit=1", "/outbox?customer=9999", "/invoices/KF02", "/customers/KH001/propose"),
    *("/imports?limit=1", "/audit?limit=2", "/audit?kind=user", "/audit?key=9999", "/search?q=FP", "/search?q=KH001", "/search?q=9999", "/settings/users/bu.zai"),
)
"""States of pages that no route alone shows: empty, refused, void, settled, by groups, with a next page, not there."""
CODE = {
    "api_docs.page": {"code", "pre"},
    "imports.new": {"code", "datalist"},
    "imports.columns": {"code", "[translate=no]"},
    "imports.check": {"[translate=no]"},
    "imports.show": {"[translate=no]"},
    "bank_tables.columns": {"code", "[translate=no]"},
    "bank_tables.check": {"code", "[translate=no]"},
    "interest.show": {"[translate=no]"},
    "auth.account": {"datalist"},
    "policy.index": {"bdi"},
    "policy.show": {"bdi", "pre"},
    "policy.new": {"textarea"},
}
"""Elements that hold code, or names of time zones, and the only pages on which they are read past; besides, keys (`kbd`) are, everywhere."""
LATIN = re.compile(r"[A-Za-z]+")
HAN = re.compile(r"[\u3400-\u9fff]+")
NAMES = "[translate=no]"
"""Stands for every element that nobody should translate: names, and what people wrote."""
SILENT = {"script", "style", "kbd"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path", "circle", "rect"}
SPOKEN = {"title", "aria-label", "placeholder", "alt", "aria-description", "data-loaded"}


LETTERS = {
    "outbox.show": {NAMES, "title", "h1"},
    **{key: {NAMES} for key in ("audit.index", "cases.log", "cases.task", "customers.show", "decisions.index", "decisions.show", "myday.index", "outbox.index", "reminders.show")},
}
"""Where an English reader sees letters, grounds of stops and tasks in the language of the customer or of who opened them, which is Chinese here."""


class Visible(HTMLParser):
    """Collects what a person sees or hears of a page: texts, titles, labels, placeholders and the words on buttons."""

    def __init__(self, skipped: set[str]) -> None:
        super().__init__()
        self.skipped, self.open, self.texts, self.links, self.lang = skipped | SILENT, list[str](), list[str](), list[str](), ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.lang = named["lang"]
        if tag == "a" and "download" not in named:
            self.links.append(named.get("href", ""))
        if not self.skipped & set(self.open):
            self.texts += [named[name] for name in sorted(SPOKEN & named.keys())]
            if tag == "input" and named.get("type") in ("submit", "button", "reset"):
                self.texts.append(named.get("value", ""))
        if tag not in VOID:
            self.open += [tag, NAMES] if named.get("translate") == "no" and NAMES in self.skipped else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.skipped & set(self.open):
            self.texts.append(data.strip())


@dataclass
class Walk:
    """What a walk found: pages seen, addresses by endpoint, and every fault as one line."""

    seen: int = 0
    endpoints: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class House:
    """An installation with something on every page."""

    app: Flask
    runtime: Runtime
    walks: dict[tuple[Role | None, str], Walk] = field(default_factory=dict)

    def enter(self, role: Role | None, language: str) -> FlaskClient:
        """A browser in that language, signed in as the person of a role."""
        fresh = browser(self.app, language)
        fresh.environ_base["HTTP_USER_AGENT"] = AGENT
        if role is not None:
            fresh.post("/login", data={"csrf_token": token(fresh), "username": PEOPLE[role][0], "password": PASSWORD})
        return fresh


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The installation, filled once; the walks change nothing but sessions."""
    folder = tmp_path_factory.mktemp("languages")
    clock = FixedClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
    runtime = make_runtime(f"sqlite:///{folder / 'collect.db'}", folder, clock)
    _fill(runtime, clock)
    app = create_app(runtime)
    app.testing = False
    yield House(app, runtime)
    runtime.engine.dispose()


def _people(work: Work) -> None:
    """One person of each role, one who is disabled, and a token."""
    for role, (username, name) in PEOPLE.items():
        users.add(work, username, name, role, PASSWORD, lead=PEOPLE[Role.LEAD][0] if role is Role.REP else None, email=f"{username}@ours.cn")
    users.add(work, "bu.zai", "何不在", Role.REP, PASSWORD, email="bu.zai@ours.cn")
    users.set_active(work, "bu.zai", False)
    users.issue_token(work, PEOPLE[Role.ADMIN][0], ["reports:read", "customers:read", "invoices:read"])


def _fill(runtime: Runtime, clock: FixedClock) -> None:
    """People, books, refused rows, events, allocations taken back, a closed and an opened month; then ten days of collecting."""
    runtime.write(SYSTEM, _people)
    files = {"customers": CUSTOMERS, "contacts": CONTACTS, "invoices": INVOICES, "payments": PAYMENTS, "credits": CREDITS}
    for kind, text in files.items():
        result = imports.run(runtime, SYSTEM, kind, text.encode(), "三月.csv", imports.Options())
        assert not result.refused, [str(error.refusal) for error in result.errors]
    assert imports.run(runtime, SYSTEM, "invoices", WRONG.encode(), "三月.csv", imports.Options()).refused == 7
    assert len(imports.run(runtime, SYSTEM, "customers", WRONG_COUNTRY.encode(), "三月.csv", imports.Options()).notices) == 1
    clock.set("2026-03-02T20:00:00")
    day = clock.now.date()
    runtime.write(SYSTEM, lambda work: receivables.record_event(work, "FP6", day, "验收单已签"))
    first = runtime.write(SYSTEM, lambda work: cash.apply(work, "credit_note", "HZ1", "FP1", 1000))
    assert first
    runtime.write(SYSTEM, lambda work: cash.unapply(work, _newest(work, Allocation), "核错发票"))
    runtime.write(SYSTEM, lambda work: cash.apply(work, "receipt", "SK1", "FP1", 1000))
    runtime.write(SYSTEM, lambda work: months.close(work, "2025-11", "年审"))
    runtime.write(SYSTEM, lambda work: months.reopen(work, "2025-11", "补记"))
    runtime.write(SYSTEM, lambda work: months.close(work, "2025-10", None))
    runtime.write(SYSTEM, lambda work: users.set_role(work, "bu.zai", Role.AUDITOR))
    happenings.build(runtime, clock, *(PEOPLE[role][0] for role in (Role.REP, Role.FINANCE, Role.MANAGER)))
    clock.set("2026-03-10T04:00:00")
    _bank(runtime)


def _bank(runtime: Runtime) -> None:
    """A bank statement of three lines, an e-invoice, two statements of account, a rebate and a request."""
    rows = "账号：62220001\n交易日期,收入,支出,币种,对方户名,摘要\n2026-03-09,5.00,,CNY,何不在,补记\n2026-03-09,7.00,,CNY,同仁大药房,FP2\n2026-03-09,,3.00,CNY,周兰,补记\n"
    taken = bank.take_in(runtime, SYSTEM, rows.encode(), "三月.csv")
    runtime.write(SYSTEM, lambda work: matching.propose(work, taken.line_ids) and None)
    drafts.take_in(runtime, SYSTEM, digital("1130.00"), "三月.ofd")
    for kind in ("confirm", "demand"):
        runtime.write(SYSTEM, partial(statements.make, customer_no="KH001", wish=statements.Wish(kind)))
    with runtime.read(SYSTEM) as view:
        finance = users.actor_of(view.session, users.require(view.session, PEOPLE[Role.FINANCE][0]))
        item = view.session.scalars(sa.select(Item.id).where(Item.document_no == "FP1")).one()
    runtime.write(finance, partial(rebates.enter, customer_no="KH001", day=date(2026, 3, 9), currency="CNY", amount=500, note="补记"))
    runtime.write(finance, partial(invoices.issue, customer_no="KH001", bill=invoices.Bill("FP21", date(2026, 3, 5), "CNY", 100_000, terms="2/10 NET30")))
    for made in (deliveries.Draft(number, date(2026, 3, 6), "CNY", 5_000, "DD9", "补记") for number in ("SH1", "SH2")):
        runtime.write(finance, partial(deliveries.enter, customer_no="KH001", draft=made))
    runtime.write(finance, partial(deliveries.cancel, number="SH2", reason="补记"))
    ask = adjustments.Ask("write_off", ((item, 100),), "uncollectable", "补记")
    runtime.write(finance, partial(adjustments.request, customer_no="KH001", ask=ask))


def _newest(work: Work | View, table: Any) -> int:
    """The number of the row written last."""
    return int(work.session.scalars(sa.select(sa.func.max(table.id))).one() or 0)


def pages_of(house: House, client: FlaskClient, every: bool = True) -> Iterator[tuple[str, str, str]]:
    """Every page a person can come to, as address, endpoint (empty for an error) and text; not `every`: of rows the latest alone.

    All routes read with GET come first, then some states of them, then what links lead to, up to a few of each kind.
    """
    adapter = house.app.url_map.bind("localhost")
    waiting = [*_routes(house, every), *STATES]
    asked = set(waiting)
    followed: Counter[tuple[str, frozenset[str]]] = Counter()
    while waiting:
        address = waiting.pop(0)
        answer = client.get(address, follow_redirects=True)
        if answer.mimetype != "text/html":
            continue
        html = answer.get_data(as_text=True)
        yield address, adapter.match(answer.request.path)[0] if answer.status_code == 200 else "", html
        for link in _read(html, set()).links:
            parts = urlsplit(link)
            if link in asked or not link.startswith("/") or parts.path.startswith(("/static", "/bootstrap")) or "format=" in link:
                continue
            kind = adapter.match(parts.path)[0], frozenset(name for name, _value in parse_qsl(parts.query) if name in ("by", "bucket", "after"))
            followed[kind] += 1
            asked.add(link)
            if followed[kind] <= 2:
                waiting.append(link)


ROWS: dict[str, tuple[Any, ...]] = {
    "allocation_id": (Allocation.id,),
    "run_id": (ImportRun.id,),
    "version": (PolicyVersion.number,),
    "promise_id": (Promise.id, Promise.state),
    "task_id": (Task.id, Task.kind, Task.state, Task.result),
    "dispute_id": (Dispute.id, Dispute.state),
    "proposal_id": (Proposal.id, Proposal.step, Proposal.state, Proposal.requested_by),
    "message_id": (Message.id, Message.state),
    "account_id": (BankAccount.id,),
    "draft_id": (Draft.id, Draft.state),
    "statement_id": (Statement.id, Statement.kind, Statement.state),
    "key": (Adjustment.id, Adjustment.kind, Adjustment.state),
    "bank.statement": (BankStatement.id,),
    "rebates.undo": (Rebate.id,),
    "reminders.show": (Notice.id, Notice.step, Notice.channel, Notice.state),
}
"""What is named by a number of ours, and what it looks different by: the latest of each kind is read."""
NUMBERS = {"customers": "KH001", "invoices": "FP5", "receipt": "SK1", "credit_note": "HZ1", "cases": "K01", "decisions": "K01", "reminders": "K01"}


def _routes(house: House, every: bool) -> Iterator[str]:
    """An address for every route that is read with GET, and one for each kind of row that a route shows by its number."""
    with house.runtime.read(SYSTEM) as view:
        ids = {name: [found or 0 for found in view.session.scalars(sa.select(sa.func.max(key)).group_by(*kinds))] or [0] for name, (key, *kinds) in ROWS.items()}
    adapter = house.app.url_map.bind("localhost")
    for rule in house.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in ("static", "bootstrap.static") and not rule.rule.startswith("/api/v1/p"):
            fixed = dict(rule.defaults or {})
            path = rule.rule.split("/")[1]
            number = NUMBERS.get(fixed.get("kind", rule.endpoint.partition(".")[0])) or {"invoices": "FP5", "receipts": "SK1", "credits": "HZ1", "deliveries": "SH1"}.get(
                path, "KH001"
            )
            (name,) = rule.arguments - set(fixed) or ("",)
            for value in (ids.get(rule.endpoint) or ids.get(name) or [PEOPLE[Role.REP][0] if name == "username" else number])[0 if every else -1 :]:
                yield adapter.build(rule.endpoint, ({name: value} if name else {}) | fixed)


def _read(html: str, skipped: set[str]) -> Visible:
    page = Visible(skipped)
    page.feed(html)
    return page


def faults_of(address: str, endpoint: str, html: str, language: str) -> Iterator[str]:
    """What is wrong with a page in a language, a line for each text."""
    page = _read(html, CODE.get(endpoint, set()) | (LETTERS.get(endpoint, set()) if language == "en" else set()))
    if page.lang != {"zh": "zh-CN", "en": "en"}[language]:
        yield f"{address}: lang is {page.lang}"
    for text in page.texts:
        codes = [code for code in re.findall(r"[a-z]+(?:_[a-z]+)+", text) if code in sentences.SENTENCES]
        if codes:
            yield f"{address}: the code {codes} in {text!r}"
        rest = _without_data(text)
        strange = set(LATIN.findall(rest)) - REVIEWED - DATA if language == "zh" else set(HAN.findall(rest)) - CHINESE
        if strange:
            yield f"{address}: {sorted(strange)} in {text!r}"


def _without_data(text: str) -> str:
    """The text without fingerprints, numbers like 1e3, headers of mails and requests, and the names of columns (in Chinese 客户编号 (customer_no))."""
    return re.sub(r"\b[0-9a-f]{12,64}\b|\bMessage-ID\b|\bIdempotency-Key\b|\b[0-9]+e[0-9]+\b|\([a-z]+(?:_[a-z]+)*\)", " ", text)


def walk(house: House, role: Role | None, language: str) -> Walk:
    """All pages as one person in one language; walked once, however many tests ask."""
    found = house.walks.get((role, language))
    if found is None:
        found = house.walks[role, language] = Walk()
        for address, endpoint, html in pages_of(house, house.enter(role, language), role in (Role.REP, Role.FINANCE, Role.MANAGER)):
            found.seen += 1
            found.endpoints.add(endpoint)
            found.faults += faults_of(address, endpoint, html, language)
    return found


@pytest.mark.parametrize("role", [None, *PEOPLE])
def test_no_page_in_chinese_has_an_english_word(house: House, role: Role | None) -> None:
    found = walk(house, role, "zh")
    assert not found.faults, "\n".join(found.faults[:40])
    assert found.seen > 40


@pytest.mark.parametrize("role", [None, Role.FINANCE, Role.MANAGER, Role.ADMIN])
def test_no_page_in_english_has_a_chinese_word(house: House, role: Role | None) -> None:
    found = walk(house, role, "en")
    assert not found.faults, "\n".join(found.faults[:40])


def test_the_walk_comes_to_every_page(house: House) -> None:
    """A page that no walk reads would be covered by none of the above."""
    seen = set().union(*(walk(house, role, "zh").endpoints for role in (None, Role.FINANCE, Role.MANAGER, Role.ADMIN)))
    read = {rule.endpoint for rule in house.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    no_pages = {
        "static",
        "bootstrap.static",
        "site.healthz",
        "site.readyz",
        "site.index",
        "settings.index",
        "imports.refused",
        "imports.columns",
        "imports.check",
        "bank_tables.columns",
        "bank_tables.check",
        "statements.pdf",
        "api_docs.document",
        "api_reports.aging_report",
    }
    no_pages |= {"api_customers.supply", "api_proposals.index", "api_proposals.show"}
    assert read - seen - no_pages == set()


UPLOADS = {
    "empty": b"",
    "no columns": "列一,列二\n1,2\n".encode(),
    "twice": "客户编号,客户编码,客户名称\n1,2,3\n".encode(),
    "quote": b'customer_no,name\nKH7,"open\n',
    "pdf": b"%PDF-1.7 nothing",
}
SAID: tuple[dict[str, str], ...] = (
    {},
    {"excuse": "cheque_in_mail", "note": "年审"},
    {"excuse": "x"},
    {"outcome": "paid", "day": "2027-01-01"},
    {"due": "2026-03-15", "amount": "100"},
    {"due": "2026-03-20", "amount": "1e3"},
    {"due": "2026-03-20", "amount": "100"},
    {"due": "2026-03-01", "amount": "100"},
    {"own_title": "补记"},
    {"kind": "x", "note": "年审"},
)
"""What a rep may say in the form that logs a contact, and what cannot be logged."""
SHOWN_AGAIN = {"outbox.settle": "outbox.show", "policy.decide": "policy.show", "decisions.decide": "decisions.show"}
"""Which page a refused form of another route is shown on."""
FORMS: tuple[tuple[Role | None, str, dict[str, Any]], ...] = (
    (None, "/login", {"username": "bu.zai", "password": "bu.zai"}),
    (None, "/login", {}),
    *((Role.FINANCE, "/imports/new", {"kind": "customers", "file": (content, "三月.csv")}) for content in UPLOADS.values()),
    (Role.FINANCE, "/imports/new", {"kind": "customers"}),
    (Role.FINANCE, "/imports/new", {"kind": "invoices", "file": (WRONG.encode(), "三月.csv"), "strict": "y"}),
    (Role.FINANCE, "/invoices/FP5/event", {"happened": "2027-01-01"}),
    (Role.FINANCE, "/invoices/FP5/event", {"happened": "x"}),
    (Role.FINANCE, "/invoices/FP5/event", {}),
    (Role.FINANCE, "/receipts/SK1/apply", {"credit": "receipt|SK1|99", "invoice_no": "FP1"}),
    (Role.FINANCE, "/receipts/SK1/apply", {"credit": "", "invoice_no": ""}),
    (Role.FINANCE, "/customers/KH001/apply", {"credit": "receipt|SK1|99", "invoice_no": "FP999", "amount": "1e3"}),
    (Role.FINANCE, "/months/close", {"month": "2026-03"}),
    (Role.FINANCE, "/months/close", {"month": "x"}),
    (Role.FINANCE, "/months/close", {"month": "2026-2222"}),
    (Role.FINANCE, "/months/reopen", {"month": "2025-10", "reason": ""}),
    (Role.ADMIN, "/settings/users/new", {"username": "Not a name", "role": "rep", "password": "x", "email": "x"}),
    (Role.ADMIN, "/settings/users/new", {}),
    (Role.ADMIN, f"/settings/users/{PEOPLE[Role.ADMIN][0]}", {"role": "rep", "active": "y", "name": "x", "stamp": "x"}),
    (Role.ADMIN, "/settings/company", {"name": "", "buckets": "9,3", "version": "1"}),
    (Role.ADMIN, "/settings/company", {"name": "华北", "buckets": "30,60", "version": "99"}),
    (Role.REP, "/account/password", {"old": "x", "new": "x", "again": "e"}),
    (Role.REP, "/account/preferences", {"language": "xx", "timezone": "Mars"}),
    (Role.REP, "/imports/new", {}),
    (Role.AUDITOR, "/nothing", {}),
    *((Role.REP, "/customers/K01/log", {"kind": "visit", "method": "transfer"} | said) for said in SAID),
    (Role.REP, "/customers/K01/dispute", {"invoice_no": "KF99", "amount": "1", "reason": "price"}),
    (Role.REP, "/customers/K01/dispute", {"invoice_no": "KF01", "amount": "99999", "reason": "price"}),
    (Role.REP, "/customers/K04/propose", {"step": "stop_supply", "note": ""}),
    (Role.REP, "/customers/K09/propose", {"step": "stop_credit", "note": "年审"}),
    (Role.REP, "/customers/K02/propose", {"step": "stop_credit", "note": "年审"}),
    (Role.REP, "/promises/{promise_id}/withdraw", {"version": "1", "reason": ""}),
    (Role.REP, "/tasks/{task_id}", {"version": "9"}),
    (Role.FINANCE, "/promises/bank", {"through": "2027-01-01"}),
    (Role.FINANCE, "/customers/K10/standing", {"reason": ""}),
    (Role.FINANCE, "/disputes/{dispute_id}", {"answer": "accept", "version": "1"}),
    (Role.FINANCE, "/outbox/{message_id}/settle", {"answer": "x"}),
    (Role.MANAGER, "/decisions/{proposal_id}", {"verdict": "approve"}),
    (Role.MANAGER, "/decisions/{proposal_id}", {"verdict": "x"}),
    (Role.MANAGER, "/policy/4/decide", {"verdict": "approve"}),
    (Role.MANAGER, "/policy/new", {"text": "年审"}),
    (Role.MANAGER, "/policy/new", {"text": "[x"}),
    (Role.MANAGER, "/policy/new", {"text": "[x", "effective": "x"}),
)


@pytest.mark.parametrize(("role", "path", "fields"), FORMS)
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_what_a_page_refuses_is_told_in_the_readers_language(house: House, role: Role | None, path: str, fields: dict[str, Any], language: str) -> None:
    client = house.enter(role, language)
    with house.runtime.read(SYSTEM) as view:
        path = path.format_map({name: view.session.scalar(sa.select(sa.func.max(key))) for name, (key, *_kinds) in ROWS.items()})
    sent = {name: (BytesIO(value[0]), value[1]) if isinstance(value, tuple) else value for name, value in fields.items()}
    answer = client.post(path, data={"csrf_token": token(client, "/account" if role else "/login"), **sent})
    if answer.status_code == 303 and path == "/imports/new":  # a table that can be read is refused, if at all, on the page of its columns
        path = answer.headers["Location"]
        answer = client.get(path)
        endpoint = "imports.columns"
        assert list(faults_of(path, endpoint, answer.get_data(as_text=True), language)) == []
        return
    assert answer.status_code >= 400, answer.status_code
    endpoint = house.app.url_map.bind("localhost").match(path, method="POST")[0] if answer.status_code in (409, 422) else ""
    assert list(faults_of(path, SHOWN_AGAIN.get(endpoint, endpoint), answer.get_data(as_text=True), language)) == []


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_an_empty_installation_says_in_the_readers_language_what_belongs_there(sqlite_runtime: Runtime, language: str) -> None:
    sqlite_runtime.write(SYSTEM, _people)
    app = create_app(sqlite_runtime)
    app.testing = False
    found = walk(House(app, sqlite_runtime), Role.FINANCE, language)
    assert found.faults == []
    assert found.seen > 30


def test_a_form_without_its_token_is_refused_in_chinese(house: House) -> None:
    answer = house.enter(Role.FINANCE, "zh").post("/months/close", data={"month": "2026-01"})
    assert answer.status_code == 400
    assert list(faults_of("/months/close", "", answer.get_data(as_text=True), "zh")) == []


MISSED = {
    "a heading": ("Audit log", Role.AUDITOR),
    "an entry of the navigation": ("Customers", Role.REP),
    "a button": ("Change password", Role.REP),
    "a placeholder": ("Search", Role.REP),
    "a label read aloud": ("Main navigation", Role.REP),
    "a hint": ("Such as 2026-02; it must be over.", Role.FINANCE),
    "a choice": ("Waiting for an event", Role.REP),
    "a word of the books": ("Bank transfer", Role.FINANCE),
    "a column": ("Days past due", Role.REP),
    "a role": ("Team lead", Role.ADMIN),
    "an error": ("There is nothing here, or nothing that you may see.", Role.REP),
    "a refused question": (sentences.SENTENCES["bad_buckets"], Role.REP),
}


@pytest.mark.parametrize("kind", MISSED)
def test_one_missing_translation_is_found(house: House, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk itself is tested: without the translation of one text it finds that text, whatever it is used for."""
    missed, role = MISSED[kind]
    without = {text: told for text, told in i18n.catalogue("zh").items() if text != missed}
    assert len(without) == len(i18n.catalogue("zh")) - 1
    monkeypatch.setattr(i18n, "catalogue", lambda language: without if language == "zh" else {})
    said = re.split(r"\{\w+\}", missed)[0].strip()
    assert any(said in fault for page in pages_of(house, house.enter(role, "zh")) for fault in faults_of(*page, "zh"))


def test_one_missing_translation_of_a_refusal_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for what is said of a row."""
    missed = sentences.SENTENCES["due_before_issue"]
    without = {text: told for text, told in i18n.catalogue("zh").items() if text != missed}
    monkeypatch.setattr(i18n, "catalogue", lambda language: without if language == "zh" else {})
    client = house.enter(Role.FINANCE, "zh")
    monkeypatch.setattr(uploads, "WAIT", 120.0)
    path = upload(client, WRONG.encode(), "三月.csv").headers["Location"]
    look(client, path)
    answer = client.get(path + "/check")
    faults = list(faults_of("/imports/new", "imports.check", answer.get_data(as_text=True), "zh"))
    assert faults and all("before" in fault and "issue date 2026-02-20" in fault for fault in faults)


def test_the_steps_of_a_banks_table_are_in_chinese(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its columns, what would happen, and a step whose file is gone; the walk does not come there, for they have no fixed address."""
    monkeypatch.setattr(uploads, "WAIT", 120.0)
    client = house.enter(Role.FINANCE, "zh")
    table = "何时,多少,余下,何人\n2026-03-09,5.00,105.00,何不在\n2026-03-09,-3.00,102.00,周兰\n小计,,,\n".encode()
    path = client.post("/bank/upload", data={"csrf_token": token(client, "/account"), "file": (io.BytesIO(table), "三月.csv")}).headers["Location"]
    roles = {f"column-{at}": role for at, role in enumerate(("day", "amount", "balance", "payer"))}
    bare = client.post(path, data={"csrf_token": token(client, "/account"), "account": "7"})
    placed = client.post(path, data={"csrf_token": token(client, "/account"), "account": "7", "currency": "CNY", **roles})
    assert (bare.status_code, placed.headers["Location"]) == (422, path + "/check")
    pages = [(path, "bank_tables.columns", bare), (path, "bank_tables.columns", client.get(path)), (path + "/check", "bank_tables.check", client.get(path + "/check"))]
    pages.append(("/bank/files/x", "", client.get("/bank/files/x")))
    assert [fault for address, endpoint, answer in pages for fault in faults_of(address, endpoint, answer.get_data(as_text=True), "zh")] == []


def test_what_people_entered_here_hides_no_word_of_the_program() -> None:
    """A word that is both data and a word of the pages would let an untranslated page pass."""
    words = set()
    for text, places in translations.texts().items():
        if any(place.startswith(("templates/", "collect/web/", "collect/reports/")) for place in places):
            words |= set(LATIN.findall(text))
    assert DATA & words <= {"k", "x", "X", "ours"}, "keys to press, a release of something, and a word of one sentence"
    assert REVIEWED & words <= {"collect", "English", "API", "OpenAPI", "HTTP", "RFC", "JSON", "CSV", "XLSX", "PDF", "Excel", "MB", "Enter", "USD", *NAMED}
