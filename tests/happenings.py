"""Two rounds of collecting and what came between them: customers in every state that a page can show, ten days up to Tuesday 10 March 2026."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa

from collect import i18n
from collect.channels.mail import Outcome, Uncertain
from collect.channels.memory import Memory
from collect.domain.rights import SYSTEM, Actor
from collect.runtime import Runtime, Work
from collect.services import cases, day, dispatch, escalation, imports, policy, users
from collect.services.cases import Contact, OwnWord, PromiseDraft
from collect.storage.cases import Dispute, Promise, Task
from collect.storage.customers import Customer
from collect.storage.escalations import Proposal

FIRST, TODAY = date(2026, 3, 3), date(2026, 3, 10)
"""The Tuesdays of the two rounds; both at half past eight in Shanghai, before the window opens."""

# K01 is to be stopped; K02 waits for its decision; K03 pays after its stop, so a release waits; K04's stop is refused, K05's
# deferred; K06 is proposed by finance, K07 by the manager himself; K08 promises in every way; K09 is covered by loose money;
# K10 is not to be contacted, K11 disputes everything, K12 is insolvent; K13's message is sent, K14's fails, K15's is uncertain,
# K16 pays before its message is tried again, K17's waits for another attempt, K18 pays before its message goes out.
NAMES = {
    "K01": "康宁药业有限公司",
    "K02": "恒信医疗器械商行",
    "K03": "瑞祥药房",
    "K04": "德济堂医药公司",
    "K05": "长风医疗用品商店",
    "K06": "安和诊所",
    "K07": "济民门诊部",
    "K08": "百川医药有限公司",
    "K09": "清源药店",
    "K10": "宏图器械经营部",
    "K11": "福康医疗服务公司",
    "K12": "永昌医药公司",
    "K13": "嘉禾药房",
    "K14": "泰安医疗器械公司",
    "K15": "华清药业公司",
    "K16": "广仁堂",
    "K17": "协康药房",
    "K18": "东升医疗器械行",
}
# Due date and amount. As of 3 March: K01 42 days past due, K02 21, K03 37, K04 32, K05 36, K06 11, K07 4, K08 47, the others 8 to 20.
DEBTS = {
    "K01": ("2026-01-20", "12000.00"),
    "K02": ("2026-02-10", "8600.50"),
    "K03": ("2026-01-25", "4300.00"),
    "K04": ("2026-01-30", "7700.00"),
    "K05": ("2026-01-26", "9100.00"),
    "K06": ("2026-02-20", "3300.00"),
    "K07": ("2026-02-27", "2750.00"),
    "K08": ("2026-01-15", "50000.00"),
    "K09": ("2026-02-20", "600.00"),
    "K10": ("2026-02-20", "1500.00"),
    "K11": ("2026-02-20", "2200.00"),
    "K12": ("2026-02-20", "9900.00"),
    "K13": ("2026-02-21", "1010.00"),
    "K14": ("2026-02-21", "1020.00"),
    "K15": ("2026-02-21", "1030.00"),
    "K16": ("2026-02-21", "1040.00"),
    "K17": ("2026-02-21", "1050.00"),
    "K18": ("2026-02-21", "1060.00"),
}
NO_EMAIL = ("K02", "K03")
# What came in by bank; nothing later than 6 March, so what fell due then awaits the bank.
MONEY = (
    ("BK1", "K08", "2026-01-21", "1000.00", ""),
    ("BK2", "K08", "2026-01-28", "1000.00", ""),
    ("BK3", "K08", "2026-02-05", "500.00", ""),
    ("BK4", "K09", "2026-02-26", "600.00", ""),
)
# Promises of K08: made, due, amount, and what the money above makes of them: kept, kept late (a day after), partly kept, broken.
PROMISES = (("2026-01-19", "2026-01-22", 100_000), ("2026-01-23", "2026-01-27", 100_000), ("2026-02-02", "2026-02-05", 200_000), ("2026-02-09", "2026-02-12", 300_000))
WORDS = {
    "note": "老板在外地，会计下周回来",
    "reason": "货款分两次付",
    "own": "寄送对账单",
    "dispute": "两台设备外壳破损",
    "answer": "已核实，安排退换",
    "propose": "门店已停业两周",
    "refuse": "春节后再议",
    "defer": "对方承诺本月付清",
    "approve": "同意停供",
    "mark": "律师来函",
    "withdraw": "登记有误",
    "person": "何会计",
    "policy": "拜访次数太多",
}
"""What people write; Chinese as the customers are."""


class Clock(Protocol):
    """A clock that is set to an ISO instant in UTC."""

    def set(self, text: str) -> Any: ...


def names_of(words: Mapping[str, str] = WORDS) -> list[str]:
    """Every text that is entered here, for a walk that looks for words of the program."""
    return [*NAMES.values(), *words.values()]


def build(runtime: Runtime, clock: Clock, rep: str, finance: str, manager: str) -> None:
    """Take the customers in and live through the days; the people are named by user name, the clock ends on 10 March at ten in Shanghai."""
    first_week(runtime, clock, rep, finance, manager)
    second_round(runtime, clock, finance, manager)


def first_week(runtime: Runtime, clock: Clock, rep: str, finance: str, manager: str) -> None:
    """From the first import on 3 March to Friday the 6th."""
    who = {part: _actor(runtime, username) for part, username in (("rep", rep), ("finance", finance), ("manager", manager))}
    clock.set("2026-03-03T00:10:00")
    _take_in(runtime, rep)
    _before_the_first_round(runtime, who)
    clock.set("2026-03-03T00:30:00")
    day.run(runtime, SYSTEM, FIRST)
    clock.set("2026-03-03T03:00:00")
    _pay(runtime, "BK5", "K18", "2026-03-03", "1060.00", "KF18")
    _send(runtime, datetime.fromisoformat("2026-03-03T03:10:00+00:00"), Outcome("sent"), Outcome("failed", "550 5.1.1"), Uncertain("timeout"), Outcome("retry", "450 4.2.1"))
    _hear(runtime, who)
    clock.set("2026-03-04T02:00:00")
    _decide(runtime, who)
    _pay(runtime, "BK6", "K16", "2026-03-04", "1040.00", "KF16")
    clock.set("2026-03-06T02:00:00")
    _send(runtime, datetime.fromisoformat("2026-03-06T02:00:00+00:00"))
    _pay(runtime, "BK7", "K03", "2026-03-06", "4300.00", "KF03")


def second_round(runtime: Runtime, clock: Clock, finance: str, manager: str) -> None:
    """The round of 10 March over every customer there is, what people propose after it, supply answers, and drafts of the policy."""
    clock.set("2026-03-10T00:30:00")
    day.run(runtime, SYSTEM, TODAY)
    clock.set("2026-03-10T01:30:00")
    runtime.write(_actor(runtime, finance), partial(escalation.propose, customer_no="K06", step="stop_supply", note=WORDS["propose"]))
    runtime.write(_actor(runtime, manager), partial(escalation.propose, customer_no="K07", step="stop_credit", note=WORDS["propose"]))
    for number in ("K01", "K02", "K08"):
        escalation.answer(runtime, _actor(runtime, finance), number, "100.00", f"DD-{number}")
    _hand_in(runtime, _actor(runtime, manager))
    clock.set("2026-03-10T02:00:00")


def _actor(runtime: Runtime, username: str) -> Actor:
    with runtime.read(SYSTEM) as view:
        return users.actor_of(view.session, users.require(view.session, username))


def _take_in(runtime: Runtime, rep: str) -> None:
    rows = ["customer_no,name,segment,rep,terms,credit_limit,currency,phone,email,country,language"]
    for number, name in NAMES.items():
        email = "" if number in NO_EMAIL else f"{number.lower()}@mai.cn"
        rows.append(f"{number},{name},经销商,{rep},NET30,20000.00,CNY,010-6512{number[1:]}00,{email},CN,zh")
    bills = ["invoice_no,customer_no,issue_date,due_date,currency,amount"]
    for number, (due, amount) in DEBTS.items():
        bills.append(f"KF{number[1:]},{number},{date.fromisoformat(due) - timedelta(days=30)},{due},CNY,{amount}")
    people = "customer_no,name,role,decides,original,mobile\n" + "".join(f"{number},{WORDS['person']},finance,yes,yes,138001380{number[1:]}\n" for number in ("K01", "K02", "K08"))
    for kind, text in (("customers", "\n".join(rows)), ("contacts", people), ("invoices", "\n".join(bills))):
        result = imports.run(runtime, SYSTEM, kind, text.encode(), "三月.csv", imports.Options())
        assert not result.refused, [str(error.refusal) for error in result.errors]
    for money in MONEY:
        _pay(runtime, *money)


def _pay(runtime: Runtime, number: str, customer: str, paid: str, amount: str, invoice: str) -> None:
    file = f"payment_ref,customer_no,date,currency,amount,invoice_no,method\n{number},{customer},{paid},CNY,{amount},{invoice},transfer\n"
    assert imports.run(runtime, SYSTEM, "payments", file.encode(), "三月.csv", imports.Options()).refused == 0


def _before_the_first_round(runtime: Runtime, who: Mapping[str, Actor]) -> None:
    """Promises that are over, marks, and a dispute about all of K11's debt."""
    for made, due, amount in PROMISES:
        draft = PromiseDraft(amount, "CNY", date.fromisoformat(due), person=WORDS["person"], reason=WORDS["reason"], made=date.fromisoformat(made))
        runtime.write(who["rep"], partial(cases.promise, customer_no="K08", draft=draft))
    runtime.write(who["finance"], partial(cases.set_standing, customer_no="K10", do_not_contact=True, insolvent=False, reason=WORDS["mark"]))
    runtime.write(who["finance"], partial(cases.set_standing, customer_no="K12", do_not_contact=False, insolvent=True, reason=WORDS["mark"]))
    for number, verdict in (("K11", "accept"), ("K02", ""), ("K04", "refuse"), ("K05", "accept")):
        amount = 220_000 if number == "K11" else 50_000
        key = runtime.write(who["rep"], partial(cases.raise_dispute, invoice_no=f"KF{number[1:]}", amount=amount, reason="quality", note=WORDS["dispute"]))
        if verdict:
            runtime.write(who["finance"], partial(cases.answer_dispute, dispute_id=key, answer=verdict, note=WORDS["answer"], version=1))
    runtime.write(who["finance"], lambda work: cases.answer_dispute(work, _newest(work, Dispute), "settle", WORDS["answer"], 2))


def _newest(work: Work, table: type[Any]) -> int:
    return int(work.session.scalars(sa.select(sa.func.max(table.id))).one())


def _send(runtime: Runtime, at: datetime, *outcomes: Outcome | Exception) -> None:
    """Let a worker hand over what is due; what has no outcome here is asked to come again later."""
    later = (Outcome("retry", "450 4.2.1") for _ in range(99))
    dispatch.send_due(runtime, Memory(sender="collect@mai.cn", outcomes=iter([*outcomes, *later])), at, "tests")


def _hear(runtime: Runtime, who: Mapping[str, Actor]) -> None:
    """What the rep hears on 3 March: excuses with their checks, our own word, promises that live, are re-dated and taken back."""
    paper = {"cheque_no": "0042", "sent_on": "2026-03-02"}
    told: list[tuple[str, Contact]] = [
        ("K01", Contact("visit", person=WORDS["person"], excuse="cheque_in_mail", facts=paper, note=WORDS["note"])),
        ("K04", Contact("call", excuse="invoice_missing", facts={"send_to": "KF04"}, own=OwnWord(WORDS["own"], date(2026, 3, 10)))),
        ("K05", Contact("call", excuse="no_cash", facts={"paid_this_month": WORDS["person"]})),
        ("K05", Contact("message", outcome="paid", note=WORDS["note"])),
        ("K06", Contact("call", outcome="not_reached")),
        ("K06", Contact("note", note=WORDS["note"])),
        ("K07", Contact("visit", outcome="refused", note=WORDS["note"])),
        ("K13", Contact("visit", outcome="courtesy", own=OwnWord(WORDS["own"], date(2026, 3, 4)))),
    ]
    for number, contact in told:
        runtime.write(who["rep"], partial(cases.log, customer_no=number, contact=contact))
    i18n.use("zh")  # what a check opens is named in the language of who ends it
    tasks = {"K04": "true", "K05": "false", "K13": None}
    with runtime.read(SYSTEM) as view:
        query = sa.select(Customer.customer_no, Task.id, Task.kind).join(Customer, Customer.id == Task.customer_id).order_by(Task.id)
        found = [(key, tasks[number]) for number, key, kind in view.session.execute(query) if number in tasks and (kind == "check" or number == "K13")]
    for key, result in found:
        runtime.write(who["rep"], partial(cases.finish_check, task_id=key, result=result, note=WORDS["answer"], version=1))
    i18n.use("en")
    for due, amount in (("2026-03-06", 100_000), ("2026-03-11", 200_000), ("2026-03-12", 300_000)):
        draft = PromiseDraft(amount, "CNY", date.fromisoformat(due), person=WORDS["person"], reason=WORDS["reason"])
        key = runtime.write(who["rep"], partial(cases.promise, customer_no="K08", draft=draft))
        if amount == 300_000:
            runtime.write(who["rep"], partial(cases.withdraw, promise_id=key, reason=WORDS["withdraw"], version=1))
    with runtime.read(SYSTEM) as view:
        live = view.session.scalars(sa.select(Promise.id).where(Promise.due == date(2026, 3, 11))).one()
    whole = PromiseDraft(4_750_000, "CNY", date(2026, 3, 20), method="cheque", person=WORDS["person"])
    runtime.write(who["rep"], partial(cases.renegotiate, promise_id=live, draft=whole, version=1))


def _decide(runtime: Runtime, who: Mapping[str, Actor]) -> None:
    """The manager decides on 4 March what the first round proposed, but for K02's."""

    def act(work: Work, number: str, verdict: str, note: str, until: date | None) -> None:
        query = sa.select(Proposal, Customer).join(Customer, Customer.id == Proposal.customer_id)
        row, customer = work.session.execute(query.where(Customer.customer_no == number, Proposal.state == "open")).one()
        case = escalation.present(work.session, work.seller, row, customer, work.today)
        escalation.decide(work, row.id, verdict, case.hash, note, until)

    for number, verdict, note, until in (
        ("K01", "approve", WORDS["approve"], None),
        ("K03", "approve", WORDS["approve"], None),
        ("K04", "refuse", WORDS["refuse"], None),
        ("K05", "defer", WORDS["defer"], date(2026, 3, 20)),
    ):
        runtime.write(who["manager"], partial(act, number=number, verdict=verdict, note=note, until=until))


def _hand_in(runtime: Runtime, manager: Actor) -> None:
    """Three versions of the policy beside the shipped one: one taken back, one approved for April, one that waits."""
    for calls, effective, author in ((14, None, manager), (13, date(2026, 4, 1), SYSTEM), (12, None, manager)):

        def publish(work: Work, calls: int = calls, effective: date | None = effective) -> int:
            text = policy.text_in_force(work.session, work.seller, work.today)
            return policy.publish(work, text.replace("calls_per_day = 15", f"calls_per_day = {calls}"), effective)

        number = runtime.write(author, publish)
        if calls != 12:
            with runtime.read(SYSTEM) as view:
                found = policy.version(view.session, number, TODAY)
            runtime.write(manager, partial(policy.decide, number=number, approve=calls == 13, content_hash=found.content_hash, reason=WORDS["policy"]))
