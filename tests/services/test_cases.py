"""What customers say and promise, kept and judged, on both engines (P14-P17, P32, S22-S24)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from collect import i18n
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.reports import cases as reports
from collect.runtime import Runtime, View
from collect.services import cases, policy, users, verify
from collect.services.cases import Contact, OwnWord, PromiseDraft
from collect.storage import cases as storage
from collect.storage.audit import Audit
from collect.storage.cases import Activity, Promise, Task
from collect.storage.cash import Credit
from collect.storage.notices import Notice, NoticeItem
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.taking_in import take_in

# Today is Tuesday 2026-03-10 in Shanghai. C1 owes 10,000.00 since 1 February and 5,000.00 from 30 April on; C2 owes 700.00.
CUSTOMERS = "customer_no,name,rep,currency\nC1,甲公司,rui,CNY\nC2,乙医院,rosa,CNY\n"
INVOICES = (
    "invoice_no,customer_no,issue_date,due_date,currency,amount\nI1,C1,2026-01-02,2026-02-01,CNY,10000.00\n"
    "I2,C1,2026-03-01,2026-04-30,CNY,5000.00\nJ1,C2,2026-01-02,2026-02-01,CNY,700.00\n"
)


class Office:
    """The books with the people who work in them."""

    def __init__(self, runtime: Runtime, clock: FixedClock) -> None:
        self.runtime, self.clock = runtime, clock
        self.people: dict[str, Actor] = {}

    def write(self, who: str, act: Callable[[Any], Any]) -> Any:
        return self.runtime.write(SYSTEM if who == "system" else self.people[who], act)

    def log(self, who: str, customer: str = "C1", kind: str = "visit", **said: Any) -> int:
        return int(self.write(who, lambda work: cases.log(work, customer, Contact(kind, **said))))

    def promise(self, due: str, amount: int = 1_000_000, who: str = "rui", **more: Any) -> int:
        return int(self.write(who, lambda work: cases.promise(work, "C1", PromiseDraft(amount, "CNY", date.fromisoformat(due), **more))))

    def judge(self, as_of: str) -> dict[str, int]:
        day = date.fromisoformat(as_of)
        return dict(self.write("system", lambda work: cases.judge(work, day, policy.in_force(work.session, work.seller, day))))

    def rows(self, table: Any) -> list[Any]:
        with self.runtime.read(SYSTEM) as view:
            return list(view.session.scalars(sa.select(table).order_by(table.id)))

    def one(self, table: Any, key: int) -> Any:
        return next(row for row in self.rows(table) if row.id == key)

    def see(self, act: Callable[[View], Any]) -> Any:
        with self.runtime.read(SYSTEM) as view:
            return act(view)

    def state(self, promise_id: int) -> tuple[str, int]:
        row = self.one(Promise, promise_id)
        return row.state, row.received_minor

    def paid(self, number: str, day: str, amount: str, invoice: str = "", method: str = "transfer") -> None:
        text = f"payment_ref,customer_no,date,currency,amount,invoice_no,method\n{number},C1,{day},CNY,{amount},{invoice},{method}\n"
        assert not take_in(self.runtime, "payments", text).refused


@pytest.fixture
def office(runtime: Runtime, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Office:
    from argon2 import PasswordHasher

    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    made = Office(runtime, clock)
    names = {"rui": Role.REP, "rosa": Role.REP, "fang": Role.FINANCE, "ming": Role.MANAGER, "ao": Role.AUDITOR}
    for name, role in names.items():
        user = runtime.write(SYSTEM, lambda work, name=name, role=role: users.add(work, name, name.title(), role, "seven tall sea horses"))
        scope = Scope(frozenset({user.id})) if role is Role.REP else SYSTEM.scope
        made.people[name] = Actor(name, user.id, role, scope)
    take_in(runtime, "customers", CUSTOMERS)
    take_in(runtime, "invoices", INVOICES)
    return made


def refused(act: Callable[[], Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value


# Logging


def test_a_visit_with_everything_that_came_of_it(office: Office) -> None:
    """An excuse with its check on the third business day, a promise, and our own word, from one form."""
    said = {"cheque_no": "0042", "sent_on": "2026-03-09"}
    draft = PromiseDraft(1_000_000, "CNY", date(2026, 3, 20))
    own = OwnWord("Bring the credit note", date(2026, 3, 12))
    key = office.log("rui", person="王莉", excuse="cheque_in_mail", facts=said, promise=draft, own=own, note="in a hurry")
    activity = office.one(Activity, key)
    assert (activity.kind, activity.day, activity.person, activity.outcome, activity.excuse, activity.note) == (
        "visit",
        date(2026, 3, 10),
        "王莉",
        "promise",
        "cheque_in_mail",
        "in a hurry",
    )
    (promise,) = office.rows(Promise)
    assert (promise.amount_minor, promise.overdue_minor, promise.due, promise.until, promise.person, promise.state, promise.activity_id) == (
        1_000_000,
        1_000_000,
        date(2026, 3, 20),
        date(2026, 3, 23),
        "王莉",
        "open",
        key,
    )
    check, word = office.rows(Task)
    assert (check.kind, check.excuse, check.due, check.user_id) == ("check", "cheque_in_mail", date(2026, 3, 13), office.people["rui"].user_id)
    assert (word.kind, word.title, word.due) == ("own", "Bring the credit note", date(2026, 3, 12))
    actions = [row.action for row in office.see(lambda view: view.session.scalars(sa.select(Audit).where(Audit.customer_id == activity.customer_id).order_by(Audit.seq)).all())]
    assert actions[-3:] == ["log_visit", "promise", "open_task"]
    assert verify.verify(office.runtime) == []


def test_a_form_that_is_sent_twice_counts_once(office: Office) -> None:
    draft = PromiseDraft(1_000_000, "CNY", date(2026, 3, 20))
    first = office.log("rui", promise=draft, token="t1")
    assert office.log("rui", promise=draft, token="t1") == first
    assert len(office.rows(Activity)) == len(office.rows(Promise)) == 1
    assert isinstance(refused(lambda: office.log("fang", "C2", note="x", token="t1")), NotFound)


def test_the_cheque_in_the_mail_needs_its_number_and_nothing_is_kept_without(office: Office) -> None:
    found = refused(lambda: office.log("rui", excuse="cheque_in_mail", facts={"sent_on": "2026-03-09"}, note="long note"))
    assert (found.code, found.field) == ("fact_missing", "facts.cheque_no")
    assert office.rows(Activity) == office.rows(Task) == []


def test_what_says_nothing_or_lies_ahead_is_refused(office: Office) -> None:
    assert refused(lambda: office.log("rui")).code == "contact_says_nothing"
    assert refused(lambda: office.log("rui", kind="note", outcome="courtesy")).code == "contact_says_nothing"
    assert refused(lambda: office.log("rui", note="x", day=date(2026, 3, 11))).code == "contact_in_future"
    assert refused(lambda: office.log("rui", kind="dream", note="x")).code == "not_a_choice"
    assert refused(lambda: office.log("rui", note="x" * 2001)).code == "text_too_long"
    assert refused(lambda: office.log("rui", own=OwnWord("Call", date(2026, 3, 9)))).code == "task_in_past"
    assert office.log("rui", outcome="courtesy") and office.log("rui", kind="call", outcome="not_reached")


def test_another_reps_customer_does_not_exist(office: Office) -> None:
    assert isinstance(refused(lambda: office.log("rui", "C2", note="x")), NotFound)
    assert isinstance(refused(lambda: office.log("ao", note="x")), Forbidden)


def test_the_planned_visit_is_done_with_its_items(office: Office) -> None:
    """Planned for Thursday the 12th, made on Tuesday the 10th; the call planned beside it stays planned."""
    item = office.see(lambda view: view.session.scalars(sa.select(Item).where(Item.document_no == "I1")).one())

    def plan(work: Any) -> None:
        for key, channel in ((900_001, "visit"), (900_002, "call")):
            fixed = {
                "anchor_id": item.id,
                "occurrence": 0,
                "text": "firm",
                "day": date(2026, 3, 12),
                "slot_at": work.now,
                "state": "planned",
                "decided_on": work.today,
                "policy": 0,
            }
            work.session.add(Notice(id=key, customer_id=item.customer_id, step=channel, channel=channel, version=1, recorded_at=work.now, **fixed))
            work.session.flush()
            work.session.add(NoticeItem(notice_id=key, item_id=item.id, asked_minor=1, step=channel))

    office.write("system", plan)
    office.log("rui", kind="visit", outcome="not_reached")
    assert {row.state for row in office.rows(Notice)} == {"planned"}
    key = office.log("rui", kind="visit", outcome="refused")
    visit, call = office.rows(Notice)
    assert (visit.state, visit.done_on, call.state) == ("done", date(2026, 3, 10), "planned")
    assert office.one(Activity, key).notice_id == visit.id
    done = office.see(lambda view: dict(view.session.execute(sa.select(NoticeItem.notice_id, NoticeItem.done_on)).all()))
    assert done == {900_001: date(2026, 3, 10), 900_002: None}


# Promises


def test_no_promise_for_a_sunday_or_the_past(office: Office) -> None:
    sunday = refused(lambda: office.promise("2026-03-15"))
    assert (sunday.code, sunday.field, sunday.params["next"]) == ("promise_not_business_day", "due", "2026-03-16")
    assert refused(lambda: office.promise("2026-03-09")).code == "promise_in_past"
    assert refused(lambda: office.promise("2026-09-09")).code == "promise_too_far"
    assert refused(lambda: office.promise("2026-03-16", 999_999)).code == "promise_needs_reason"
    assert refused(lambda: office.promise("2026-03-16", method="gold")).code == "not_a_choice"
    assert office.promise("2026-03-16", 999_999, reason="the rest is in dispute")
    again = {"reason": "the rest is in dispute"}
    assert refused(lambda: office.promise("2026-03-16", 999_999, **again)).code == "promise_twice"
    beyond = refused(lambda: office.promise("2026-03-17", 500_002, **again))
    assert (beyond.code, beyond.field, beyond.params["open"]) == ("promise_beyond_open", "amount", "5,000.01"), "15,000.00 owed less 9,999.99 promised"
    assert office.promise("2026-03-17", 500_001, **again)
    assert refused(lambda: office.log("rui", day=date(2026, 3, 3), promise=PromiseDraft(100, "CNY", date(2026, 3, 9)))).code == "promise_in_past"
    assert refused(lambda: office.log("rui", day=date(1, 1, 1), note="x")).code == "contact_too_old"


def test_what_is_in_the_customers_favour_is_not_asked_again(office: Office) -> None:
    """10,000.00 overdue, 1,200.00 paid and applied to nothing yet, 500.00 accepted as disputed: 8,300.00 are asked."""
    office.paid("R1", "2026-03-05", "1200.00")
    key = office.write("rui", lambda work: cases.raise_dispute(work, "I1", 50_000, "quality"))
    office.write("ming", lambda work: cases.answer_dispute(work, key, "accept", None, 1))
    (owed,) = office.see(lambda view: storage.load_overdue(view.session, SYSTEM.scope, c1(view), view.today))
    assert (owed.open, owed.disputed, owed.untied, owed.asked) == (1_000_000, 50_000, 120_000, 830_000)
    assert refused(lambda: office.promise("2026-03-16", 829_999)).code == "promise_needs_reason"
    assert office.promise("2026-03-16", 830_000)


def c1(view: View) -> int:
    return int(view.session.scalar(sa.text("SELECT id FROM customer WHERE customer_no = 'C1'")))


# 10,000.00 are promised for Monday the 16th; grace is Tuesday the 17th. The bank's data reach the 18th.
ENDINGS = [
    ([("2026-03-16", "9600.00")], "kept", 960_000),
    ([("2026-03-17", "9600.00")], "kept_late", 960_000),
    ([("2026-03-17", "9400.00")], "partly_kept", 940_000),
    ([("2026-03-18", "10000.00")], "broken", 0),
    ([("2026-03-12", "4000.00"), ("2026-03-16", "5500.00")], "kept", 950_000),
]


@pytest.mark.parametrize(("money", "state", "received"), ENDINGS)
def test_money_judges(office: Office, money: list[tuple[str, str]], state: str, received: int) -> None:
    key = office.promise("2026-03-16")
    office.clock.set("2026-03-18T02:00:00")
    for number, (day, amount) in enumerate(money):
        office.paid(f"R{number}", day, amount)
    office.write("fang", lambda work: cases.bank_complete(work, date(2026, 3, 18)))
    assert office.judge("2026-03-17") == {}
    assert office.state(key)[0] == "open"
    assert office.judge("2026-03-18") == {state: 1}
    assert office.state(key) == (state, received)
    assert office.one(Promise, key).judged_on == date(2026, 3, 18)
    assert office.judge("2026-03-18") == {} and office.judge("2026-03-19") == {}
    assert office.one(Promise, key).judged_on == date(2026, 3, 18)
    assert verify.verify(office.runtime) == []


def test_without_the_banks_data_a_promise_waits(office: Office) -> None:
    """Nobody said that the bank's data are complete, and no receipt is younger than the 17th: waiting; a receipt of the 18th from anybody ends it."""
    key = office.promise("2026-03-16")
    office.clock.set("2026-03-19T02:00:00")
    assert office.judge("2026-03-19") == {"awaiting_bank": 1}
    assert office.see(lambda view: storage.bank_through(view.session, date(2026, 3, 19))) is None
    text = "payment_ref,customer_no,date,currency,amount,method\nX1,C2,2026-03-18,CNY,5.00,cheque\nX2,C2,2026-03-17,CNY,5.00,transfer\n"
    take_in(office.runtime, "payments", text)
    assert office.see(lambda view: storage.bank_through(view.session, date(2026, 3, 19))) == date(2026, 3, 17)
    assert office.judge("2026-03-19") == {"broken": 1}
    assert office.state(key) == ("broken", 0)


def test_a_reversed_payment_is_judged_again_and_so_is_a_late_entry(office: Office) -> None:
    key = office.promise("2026-03-16")
    office.clock.set("2026-03-18T02:00:00")
    office.paid("R1", "2026-03-16", "10000.00", "I1")
    office.write("fang", lambda work: cases.bank_complete(work, date(2026, 3, 18)))
    assert office.judge("2026-03-18") == {"kept": 1}
    with office.runtime.engine.begin() as connection:
        connection.execute(sa.update(Credit).where(Credit.number == "R1").values(voided_on=date(2026, 3, 20)))
    assert office.judge("2026-03-19") == {}
    assert office.judge("2026-03-20") == {"broken": 1}
    assert (office.state(key), office.one(Promise, key).judged_on) == (("broken", 0), date(2026, 3, 20))
    office.clock.set("2026-03-23T02:00:00")
    office.paid("R2", "2026-03-17", "9700.00")
    assert office.judge("2026-03-23") == {"kept_late": 1}
    assert office.judge("2026-06-30") == {}


def test_paper_keeps_only_a_promise_to_pay_by_paper(office: Office) -> None:
    plain, paper = office.promise("2026-03-16"), office.promise("2026-03-16", 500_000, method="bill", reason="the other half")
    office.clock.set("2026-03-18T02:00:00")
    office.paid("B1", "2026-03-13", "10000.00", method="bill")
    office.write("fang", lambda work: cases.bank_complete(work, date(2026, 3, 18)))
    assert office.judge("2026-03-18") == {"broken": 1, "kept": 1}
    assert (office.state(plain)[0], office.state(paper)[0]) == ("broken", "kept")


def test_a_thousand_customers_are_judged_in_a_few_statements(office: Office) -> None:
    """The number of statements does not grow with the promises (writing them back is one)."""
    rows = "".join(f"K{n},name {n},CNY\n" for n in range(1000))
    take_in(office.runtime, "customers", f"customer_no,name,currency\n{rows}")

    def make(work: Any) -> None:
        ids = list(work.session.scalars(sa.text("SELECT id FROM customer WHERE customer_no LIKE 'K%' ORDER BY id")))
        fixed = {"currency": "CNY", "amount_minor": 100, "overdue_minor": 0, "made_on": date(2026, 3, 2), "due": date(2026, 3, 3), "until": date(2026, 3, 4), "method": "transfer"}
        for n, customer_id in enumerate(ids):
            work.session.add(Promise(id=800_000 + n, customer_id=customer_id, state="open", received_minor=0, version=1, recorded_at=work.now, **fixed))

    office.write("system", make)
    office.write("fang", lambda work: cases.bank_complete(work, date(2026, 3, 10)))
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    def judging(work: Any) -> dict[str, int]:
        rules = policy.in_force(work.session, work.seller, date(2026, 3, 10))
        sa.event.listen(office.runtime.engine, "before_cursor_execute", listen)
        try:
            return cases.judge(work, date(2026, 3, 10), rules)
        finally:
            sa.event.remove(office.runtime.engine, "before_cursor_execute", listen)

    assert office.write("system", judging) == {"broken": 1000}
    assert len(said) < 12


# People may re-date and take back, until the day is over


def test_a_promise_is_renegotiated_once_its_successor_stands(office: Office) -> None:
    key = office.promise("2026-03-16")
    assert refused(lambda: office.promise("2026-03-22", replaces=key)).code == "promise_not_business_day"
    assert office.state(key)[0] == "open"
    draft = PromiseDraft(1_000_000, "CNY", date(2026, 3, 20))
    assert refused(lambda: office.write("rui", lambda work: cases.renegotiate(work, key, draft, 7))).code == "changed_meanwhile"
    fresh = office.write("rui", lambda work: cases.renegotiate(work, key, draft, 1))
    assert (office.state(key)[0], office.one(Promise, key).judged_on, office.state(fresh)[0]) == ("renegotiated", date(2026, 3, 10), "open")
    assert refused(lambda: office.write("rui", lambda work: cases.withdraw(work, key, "slip", 2))).code == "promise_ended"
    assert office.see(lambda view: storage.load_promised(view.session, SYSTEM.scope, date(2026, 3, 10))) == {(office.one(Promise, key).customer_id, "CNY"): 1_000_000}


def test_after_its_day_only_money_judges(office: Office) -> None:
    key = office.promise("2026-03-16")
    office.clock.set("2026-03-17T02:00:00")
    draft = PromiseDraft(1_000_000, "CNY", date(2026, 3, 20))
    assert refused(lambda: office.write("rui", lambda work: cases.renegotiate(work, key, draft, 1))).code == "promise_past_due"
    assert refused(lambda: office.write("rui", lambda work: cases.withdraw(work, key, "slip", 1))).code == "promise_past_due"


def test_a_slip_is_withdrawn_with_a_reason(office: Office) -> None:
    key = office.promise("2026-03-16")
    assert refused(lambda: office.write("rui", lambda work: cases.withdraw(work, key, " ", 1))).code == "missing_reason"
    assert isinstance(refused(lambda: office.write("rosa", lambda work: cases.withdraw(work, key, "slip", 1))), NotFound)
    office.write("rui", lambda work: cases.withdraw(work, key, "typed for the wrong customer", 1))
    assert office.state(key)[0] == "withdrawn"
    assert office.see(lambda view: storage.load_records(view.session, SYSTEM.scope, date(2024, 3, 10), None)) == []


# Checks


def test_what_a_check_finds_changes_the_rate(office: Office) -> None:
    said = {"send_to": "pay@jia.example"}
    for _ in range(2):
        office.log("rui", excuse="invoice_missing", facts=said)
    first, second = office.rows(Task)
    customer_id = first.customer_id
    assert refused(lambda: office.write("rui", lambda work: cases.finish_check(work, first.id, None, None, 1))).code == "missing_result"
    office.write("rui", lambda work: cases.finish_check(work, first.id, "false", "proof of delivery of 3 January", 1))
    office.write("rui", lambda work: cases.finish_check(work, second.id, "true", None, 1))
    rates = office.see(lambda view: storage.load_rates(view.session, SYSTEM.scope, customer_id))
    assert (rates["invoice_missing"].true, rates["invoice_missing"].false) == (1, 1)
    ours = office.rows(Task)[-1]
    assert (ours.kind, ours.excuse, ours.due, ours.state) == ("own", "invoice_missing", date(2026, 3, 11), "open")
    assert reports.task_title(ours.kind, ours.title, ours.excuse) == "Send the invoice again, with proof"
    i18n.use("zh")
    try:
        assert reports.task_title(ours.kind, ours.title, ours.excuse) == "重新寄送发票并保留签收凭证"
    finally:
        i18n.use("en")
    assert refused(lambda: office.write("rui", lambda work: cases.finish_check(work, first.id, "true", None, 2))).code == "task_done"
    office.write("rui", lambda work: cases.finish_check(work, ours.id, None, None, 1))
    assert office.one(Task, ours.id).state == "done" and office.one(Task, ours.id).result is None


# Disputes and marks


def test_a_dispute_counts_once_its_owner_accepts_it(office: Office) -> None:
    key = office.write("rui", lambda work: cases.raise_dispute(work, "I1", 200_000, "quality", "ten boxes wet"))
    today = date(2026, 3, 10)
    assert office.see(lambda view: storage.load_disputed(view.session, SYSTEM.scope, today)) == []
    assert refused(lambda: office.write("rui", lambda work: cases.raise_dispute(work, "I1", 800_001, "price"))).params["open"] == "8,000.00 CNY"
    assert isinstance(refused(lambda: office.write("rui", lambda work: cases.answer_dispute(work, key, "accept", None, 1))), Forbidden)
    assert isinstance(refused(lambda: office.write("system", lambda work: cases.answer_dispute(work, key, "accept", None, 1))), Forbidden)
    office.write("ming", lambda work: cases.answer_dispute(work, key, "accept", "credit note follows", 1))
    (told,) = office.see(lambda view: storage.load_disputed(view.session, SYSTEM.scope, today))
    assert (told.item_id, told.currency, told.amount) == (office.one(storage.Dispute, key).item_id, "CNY", 200_000)
    assert refused(lambda: office.write("ming", lambda work: cases.answer_dispute(work, key, "refuse", "no", 2))).code == "dispute_answered"
    office.write("fang", lambda work: cases.answer_dispute(work, key, "settle", None, 2))
    assert office.see(lambda view: storage.load_disputed(view.session, SYSTEM.scope, today)) == []


def test_nobody_answers_his_own_dispute(office: Office) -> None:
    key = office.write("fang", lambda work: cases.raise_dispute(work, "I1", 200_000, "price"))
    assert refused(lambda: office.write("fang", lambda work: cases.answer_dispute(work, key, "accept", None, 1))).code == "own_dispute"
    assert refused(lambda: office.write("ming", lambda work: cases.answer_dispute(work, key, "refuse", " ", 1))).code == "missing_reason"
    was_rep = replace(office.people["rui"], role=Role.MANAGER, scope=SYSTEM.scope)
    with pytest.raises(Refusal) as caught:
        office.runtime.write(was_rep, lambda work: cases.answer_dispute(work, key, "accept", None, 1))
    assert caught.value.code == "own_dispute"


def test_marks_are_set_with_a_reason_by_those_who_answer(office: Office) -> None:
    assert isinstance(refused(lambda: office.write("rui", lambda work: cases.set_standing(work, "C1", True, False, "x"))), Forbidden)
    assert refused(lambda: office.write("ming", lambda work: cases.set_standing(work, "C1", True, False, ""))).code == "missing_reason"
    office.write("ming", lambda work: cases.set_standing(work, "C1", True, False, "their lawyer wrote"))
    office.write("fang", lambda work: cases.set_standing(work, "C1", True, True, "court notice"))
    row = office.see(lambda view: storage.find_standing(view.session, SYSTEM.scope, c1(view)))
    assert (row.do_not_contact, row.insolvent, row.reason, row.since, row.version) == (True, True, "court notice", date(2026, 3, 10), 2)


def test_the_bank_is_not_complete_ahead_of_time(office: Office) -> None:
    assert refused(lambda: office.write("fang", lambda work: cases.bank_complete(work, date(2026, 3, 11)))).code == "bank_day_in_future"
    assert isinstance(refused(lambda: office.write("rui", lambda work: cases.bank_complete(work, date(2026, 3, 9)))), Forbidden)
