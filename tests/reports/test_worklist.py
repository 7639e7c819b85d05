"""My day and what nobody has touched, on both engines: who stands on whose list and why, the brief, scopes, and a fixed number of statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain.rights import ALL, SYSTEM, Role, Scope
from collect.reports import untouched, worklist
from collect.reports.worklist import Agenda, Face, Line, Wish
from collect.runtime import Runtime, Work
from collect.services import users
from collect.storage.cases import Activity, Dispute, Promise, Standing, Task
from collect.storage.customers import Customer
from collect.storage.database import next_ids
from collect.storage.notices import Decision, Notice
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.web import book

TODAY = date(2026, 3, 10)
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def people(runtime: Runtime, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The small book of `tests.web.book`, and who works there: user ids by name. `lan` leads rui.

    C001 (rep rui, collector fang) is overdue with 1,040.00 CNY (A1: 1,200.00 - 150.00 - 10.00) for 59 days; 50.00 of R-1 and
    10.00 of CN-1 are tied to nothing, so 980.00 may be asked. C/2 (rep rosa) is overdue with 100.00 EUR for 9 days, of which
    25.00 are covered by untied money. C003 (nobody's) waits for an acceptance. Nothing is planned for anybody.
    """
    monkeypatch.setattr(users, "hash_password", lambda secret, field="password": "not a hash")

    def act(work: Work) -> dict[str, int]:
        secret = "seven tall sea horses"
        users.add(work, "lan", "Lan Lead", Role.LEAD, secret)
        made = [
            users.add(work, "rui", "Rui Rep", Role.REP, secret, lead="lan"),
            users.add(work, "rosa", "Rosa Rep", Role.REP, secret),
            users.add(work, "fang", "Fang Finance", Role.FINANCE, secret),
            users.find_user(work.session, "lan"),  # type: ignore[attr-defined]
        ]
        return {user.username: user.id for user in made}

    found = runtime.write(SYSTEM, act)
    book.fill(runtime, clock)
    return found


def add(runtime: Runtime, row: type, customer_no: str, **values: Any) -> int:
    """Put one row of a noun into the books as it would stand there; returns its id."""

    def act(work: Work) -> int:
        customer = work.session.scalars(sa.select(Customer).where(Customer.customer_no == customer_no)).one()
        key = next_ids(work.session, 1)[0]
        given = {"customer_id": customer.id, "recorded_at": work.now, **values}
        if row is not Standing:
            given["id"] = key
        work.session.add(row(**given))
        return key

    return runtime.write(SYSTEM, act)


def plan(runtime: Runtime, customer_no: str, day: date, user_id: int | None, channel: str = "call", state: str = "planned", hour: int = 1, **more: Any) -> int:
    """A contact; 01:00 UTC is 09:00 in Shanghai."""
    values: dict[str, Any] = {"step": channel, "anchor_id": day.toordinal(), "occurrence": hour, "text": channel, "policy": 1, "decided_on": day, "version": 1}
    at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return add(runtime, Notice, customer_no, channel=channel, day=day, slot_at=at, user_id=user_id, state=state, **values | more)


def promised(runtime: Runtime, customer_no: str, due: date, amount: int, state: str = "open", judged: date | None = None, currency: str = "CNY", **more: Any) -> int:
    """A promise made ten days before it is due."""
    values = {"currency": currency, "amount_minor": amount, "overdue_minor": amount, "made_on": due - timedelta(days=10), "due": due, "until": due + timedelta(days=1)}
    return add(runtime, Promise, customer_no, method="transfer", state=state, received_minor=0, judged_on=judged, version=1, **values, **more)


def task(runtime: Runtime, customer_no: str, due: date, user_id: int | None, kind: str = "check", **more: Any) -> int:
    return add(runtime, Task, customer_no, kind=kind, due=due, user_id=user_id, state="open", version=1, **more)


def day_of(runtime: Runtime, scope: Scope, *who: int | None, day: date = TODAY, **more: Any) -> Agenda:
    with runtime.read(SYSTEM) as view:
        return worklist.my_day(view, scope, Wish(day, frozenset(who) if who else None), **more)


def numbers(agenda: Agenda) -> list[str]:
    return [line.number for line in agenda.lines]


def reasons(line: Line) -> dict[str, int]:
    return {reason.code: reason.points for reason in line.ranked.reasons}


def test_an_overdue_account_without_a_next_action_is_on_its_owners_list(runtime: Runtime, people: dict[str, int]) -> None:
    """C001's collector is fang, so it is hers and not rui's; 980.00 asked: log10(980) = 2.99 -> 29, 59 days -> 10, never contacted -> 10,
    1,280.50 owed of a limit of 1,000.00 -> 10 (A1 1,040.00, A2 300.50, less 60.00). C/2: 75.00 EUR -> 18, 9 days -> 5."""
    assert numbers(day_of(runtime, Scope(frozenset({people["rui"]})), people["rui"])) == []
    [line] = day_of(runtime, ALL, people["fang"], None).lines
    assert (line.number, line.person and line.person.username, line.kinds, line.ranked.no_next_action) == ("C001", "fang", {"no_next"}, True)
    assert reasons(line) == {"overdue_amount": 29, "oldest_days": 10, "never_contacted": 10, "limit_used": 10}
    assert line.owed == (worklist.Owed("CNY", 134_050, 104_000, 6_000, 0, 98_000, 59),)
    [line] = day_of(runtime, Scope(frozenset({people["rosa"]})), people["rosa"]).lines
    assert (line.number, reasons(line)) == ("C/2", {"overdue_amount": 18, "oldest_days": 5})
    whole = day_of(runtime, ALL)
    assert (numbers(whole), whole.total, whole.counts) == (["C001", "C/2"], 2, {"call": 0, "visit": 0, "letter": 0, "task": 0, "promise": 0, "no_next": 2})


def test_what_counts_as_a_next_action(runtime: Runtime, people: dict[str, int]) -> None:
    """For C/2 in turn, each taken away again: a planned contact of any kind, a task to come, a live promise, the day to look again."""

    def faults() -> list[str]:
        return [line.number for line in day_of(runtime, ALL).lines if line.ranked.no_next_action]

    def drop(row: Any, key: int) -> None:
        runtime.write(SYSTEM, lambda work: work.session.execute(sa.delete(row).where(row.id == key)))

    later = TODAY + timedelta(days=5)
    makers: list[tuple[Any, Callable[[], int]]] = [
        (Notice, lambda: plan(runtime, "C/2", later, None, "email")),
        (Task, lambda: task(runtime, "C/2", later, people["rosa"])),
        (Promise, lambda: promised(runtime, "C/2", later, 1, currency="EUR")),
        (Decision, lambda: add(runtime, Decision, "C/2", day=TODAY, decision="nothing", reason="asked_lately", next_on=TODAY)),
    ]
    for row, make in makers:
        key = make()
        assert faults() == ["C001"], row
        drop(row, key)
        assert faults() == ["C001", "C/2"], row
    # A day to look again that has gone by is none, and neither is one that a later decision did not repeat.
    add(runtime, Decision, "C/2", day=TODAY - timedelta(days=9), decision="nothing", reason="asked_lately", next_on=TODAY + timedelta(days=9))
    assert faults() == ["C001"]
    add(runtime, Decision, "C/2", day=TODAY - timedelta(days=1), decision="held", reason="disputed", next_on=None)
    assert faults() == ["C001", "C/2"]
    # What is covered by an accepted dispute and untied money (25.00) leaves nothing to ask.
    with runtime.read(SYSTEM) as view:
        item = view.session.scalars(sa.select(Item.id).where(Item.document_no == "B/1")).one()
    dispute = {"item_id": item, "reason": "price", "raised_on": TODAY, "version": 1}
    add(runtime, Dispute, "C/2", amount_minor=7_500, state="accepted", answered_on=TODAY, **dispute)
    assert faults() == ["C001"]


def test_whose_list_a_planned_contact_is_on(runtime: Runtime, people: dict[str, int]) -> None:
    """It is on the list of whoever it was given to while he may act, of the customer's owner after he left, of finance's queue without one."""
    rui, rosa, fang, lan = (people[name] for name in ("rui", "rosa", "fang", "lan"))
    team = Scope(frozenset({rui, lan}))
    plan(runtime, "C001", TODAY, rui, "visit")
    plan(runtime, "C/2", TODAY, fang)
    plan(runtime, "C003", TODAY, None)
    assert [(line.number, line.kinds) for line in day_of(runtime, Scope(frozenset({rui})), rui).lines] == [("C001", {"visit"})]
    assert numbers(day_of(runtime, team, rui, lan, None)) == ["C001"]
    assert numbers(day_of(runtime, ALL, fang)) == ["C/2"]
    assert numbers(day_of(runtime, ALL, None)) == ["C003"]
    # Rosa was given C001's visit before it became rui's: it is fang's now, its collector's.
    runtime.write(SYSTEM, lambda work: work.session.execute(sa.update(Notice).where(Notice.user_id == rui).values(user_id=rosa)))
    assert numbers(day_of(runtime, Scope(frozenset({rosa})), rosa)) == []
    assert sorted(numbers(day_of(runtime, ALL, fang))) == ["C/2", "C001"]
    # Fang leaves: C001 falls to its rep, C/2 to rosa, its rep; then rosa leaves as well, and it is the queue's.
    runtime.write(SYSTEM, lambda work: users.set_active(work, "fang", False))
    assert numbers(day_of(runtime, Scope(frozenset({rui})), rui)) == ["C001"]
    assert numbers(day_of(runtime, Scope(frozenset({rosa})), rosa)) == ["C/2"]
    runtime.write(SYSTEM, lambda work: users.set_active(work, "rosa", False))
    assert sorted(numbers(day_of(runtime, ALL, None))) == ["C/2", "C003"]


def test_the_order_and_the_brief(runtime: Runtime, people: dict[str, int]) -> None:
    """A call late since yesterday and one at 09:00 today in Shanghai; a check due; a broken promise; a word of ours; a dispute; a gap."""
    rui = people["rui"]
    plan(runtime, "C001", TODAY - timedelta(days=1), rui)
    plan(runtime, "C001", TODAY, rui)
    task(runtime, "C001", TODAY, rui, excuse="cheque_in_mail", facts='{"cheque_no": "77", "sent_on": "2026-03-05"}')
    task(runtime, "C001", TODAY + timedelta(days=3), rui, "own", title="Send the rebate")
    promised(runtime, "C001", date(2026, 2, 20), 50_000, "kept", date(2026, 2, 21))
    promised(runtime, "C001", date(2026, 3, 5), 40_000, "broken", date(2026, 3, 6))
    promised(runtime, "C001", TOMORROW, 10_000)
    add(runtime, Activity, "C001", kind="call", day=date(2026, 3, 1), user_id=rui, outcome="promise")
    add(runtime, Activity, "C001", kind="visit", day=date(2026, 3, 8), user_id=rui, outcome="not_reached")
    add(runtime, Activity, "C001", kind="note", day=date(2026, 3, 9), user_id=rui, outcome="note")
    with runtime.read(SYSTEM) as view:
        item = view.session.scalars(sa.select(Item.id).where(Item.document_no == "A1")).one()
    add(runtime, Dispute, "C001", item_id=item, amount_minor=20_000, reason="price", raised_on=TODAY, state="raised", version=1)
    [line] = day_of(runtime, Scope(frozenset({rui})), rui).lines
    # 980.00 -> 29 (a raised dispute takes nothing off), 59 days -> 10, broken 25, promise due 15, task 15, planned 10, missed 10, limit 10.
    assert reasons(line) == {
        "overdue_amount": 29,
        "oldest_days": 10,
        "promise_broken": 25,
        "promise_due": 15,
        "task_due": 15,
        "contact_planned": 10,
        "contact_missed": 10,
        "limit_used": 10,
    }
    assert line.ranked.points == 124
    assert line.kinds == {"call", "task", "promise"}
    brief = line.brief
    assert [(slot.day, slot.at, slot.zone, slot.late) for slot in brief.slots] == [
        (TODAY - timedelta(days=1), time(9, 0), "Asia/Shanghai", True),
        (TODAY, time(9, 0), "Asia/Shanghai", False),
    ]
    assert [one.excuse for one in brief.tasks] == ["cheque_in_mail"] and [one.title for one in brief.words] == ["Send the rebate"]
    assert brief.ended is not None and (brief.ended.state, brief.ended.amount) == ("broken", 40_000)
    assert [one.amount for one in brief.live] == [10_000]
    assert brief.last is not None and (brief.last.day, brief.last.kind, brief.last.outcome, brief.last_by) == (date(2026, 3, 8), "visit", "not_reached", "Rui Rep")
    assert [(one.amount, one.state) for one in brief.disputes] == [(20_000, "raised")]
    wang = ("王莉", "13800138000")
    assert brief.faces == (Face("decides", *wang), Face("original", *wang), Face("money", *wang)) and brief.phone == (wang[1], wang[0])


def test_a_gap_is_shown_and_a_silent_customer_has_no_number(runtime: Runtime, people: dict[str, int]) -> None:
    assert day_of(runtime, ALL, people["rosa"]).lines[0].brief.faces == (Face("decides", None), Face("original", None), Face("money", None))
    add(runtime, Standing, "C001", do_not_contact=True, insolvent=False, since=TODAY, version=1)
    whole = day_of(runtime, ALL)
    assert [(line.number, line.ranked.held) for line in whole.lines] == [("C/2", None), ("C001", "do_not_contact")]
    assert whole.lines[1].brief.phone is None


def test_a_later_day_has_what_falls_on_it(runtime: Runtime, people: dict[str, int]) -> None:
    rui, rosa = people["rui"], people["rosa"]
    plan(runtime, "C001", TODAY, rui)
    plan(runtime, "C/2", TOMORROW, rosa)
    task(runtime, "C003", TOMORROW, rosa)
    assert sorted(numbers(day_of(runtime, ALL))) == ["C001"]
    assert sorted(numbers(day_of(runtime, ALL, day=TOMORROW))) == ["C/2", "C003"]
    assert numbers(day_of(runtime, ALL, None, day=TOMORROW)) == ["C003"], "rosa may not see C003, so the task is the queue's"


def test_pages_and_kinds(runtime: Runtime, people: dict[str, int]) -> None:
    plan(runtime, "C001", TODAY, people["rui"])
    plan(runtime, "C003", TODAY, None, "visit")
    first = day_of(runtime, ALL, limit=2)
    assert (numbers(first), first.after, first.first, first.total) == (["C001", "C/2"], "C/2", True, 3)
    rest = day_of(runtime, ALL, limit=2, after="C/2")
    assert (numbers(rest), rest.after, rest.first) == (["C003"], None, False)
    visits = day_of(runtime, ALL, only="visit")
    assert (numbers(visits), visits.counts["call"], visits.total) == (["C003"], 1, 1)


def test_what_nobody_has_touched(runtime: Runtime, people: dict[str, int]) -> None:
    """C001: oldest 59 days, last spoken with 20 days ago: 20 > 14. C/2: 9 days late, never contacted: 9 is not more than 14, but nothing is next."""
    rui, fang = people["rui"], people["fang"]
    add(runtime, Activity, "C001", kind="call", day=TODAY - timedelta(days=20), user_id=rui, outcome="refused")
    add(runtime, Activity, "C001", kind="call", day=TODAY - timedelta(days=2), user_id=rui, outcome="not_reached")
    plan(runtime, "C001", TODAY + timedelta(days=2), fang)
    plan(runtime, "C003", TODAY - timedelta(days=3), rui, state="missed")
    plan(runtime, "C001", TODAY - timedelta(days=1), rui)
    plan(runtime, "C001", TODAY - timedelta(days=31), rui, state="missed")

    def neglect(scope: Scope, *who: int | None, farthest: int = 14) -> untouched.Neglect:
        with runtime.read(SYSTEM) as view:
            return untouched.neglect(view, scope, Wish(TODAY, frozenset(who) if who else None), farthest)

    found = neglect(ALL)
    assert [(one.number, one.days, one.last, one.planned, one.no_next, one.is_untouched) for one in found.accounts] == [
        ("C001", 20, TODAY - timedelta(days=20), TODAY + timedelta(days=2), False, True),
        ("C/2", 9, None, None, True, False),
    ]
    assert [(one.number, one.day, one.person and one.person.username) for one in found.missed] == [
        ("C001", TODAY - timedelta(days=1), "rui"),
        ("C003", TODAY - timedelta(days=3), "rui"),
    ]
    assert [(share.person and share.person.username, share.no_next, share.untouched, share.missed) for share in found.shares] == [
        ("fang", 0, 1, 0),
        ("rosa", 1, 0, 0),
        ("rui", 0, 0, 2),
    ]
    assert [one.number for one in neglect(ALL, farthest=20).accounts] == ["C/2"]
    assert neglect(ALL, people["rosa"]).total == 1 and neglect(ALL, None).total == 0
    scoped = neglect(Scope(frozenset({rui, people["lan"]})))
    assert ([one.number for one in scoped.accounts], scoped.missed_total) == (["C001"], 1), "C003 is outside the team"


@contextmanager
def counted(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that a block sends."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def grow(session: Session, at: datetime, count: int, user_id: int) -> None:
    """So many more customers, each overdue, with a planned call, a task, a live and a broken promise, a contact, a person and a dispute."""
    seller = session.scalars(sa.select(Item.seller_id).limit(1)).one()
    template = session.scalars(sa.select(Customer).where(Customer.customer_no == "C001")).one()
    for n in range(count):
        ids = next_ids(session, 8)
        base: dict[str, Any] = {"customer_id": ids[0], "recorded_at": at}
        session.add(Customer(id=ids[0], customer_no=f"N{n}", name=f"New {n}", sort_key=f"new {n}", currency="CNY", country="CN", rep_id=user_id, recorded_at=template.recorded_at))
        session.flush()
        item = {"document_no": f"N{n}", "part": 1, "parts": 1, "kind": "invoice", "issue_date": date(2026, 1, 1), "due_date": date(2026, 2, 1), "currency": "CNY"}
        session.add(Item(id=ids[1], seller_id=seller, amount_minor=100_00, open_minor=100_00, **item, **base))
        session.flush()
        day = {"day": TODAY, "decided_on": TODAY, "slot_at": at}
        session.add(Notice(id=ids[2], step="call", anchor_id=ids[1], occurrence=1, channel="call", text="call", user_id=user_id, state="planned", policy=1, **day, **base))
        session.add(Task(id=ids[3], kind="own", due=TODAY, title="x", user_id=user_id, state="open", **base))
        money = {"currency": "CNY", "amount_minor": 1, "overdue_minor": 1, "made_on": TODAY, "until": TODAY, "method": "transfer", "received_minor": 0}
        session.add(Promise(id=ids[4], due=TODAY, state="open", **money, **base))
        session.add(Promise(id=ids[5], due=TODAY, state="broken", judged_on=TODAY, **money, **base))
        session.add(Activity(id=ids[6], kind="call", day=TODAY, user_id=user_id, outcome="promise", **base))
        session.add(Dispute(id=ids[7], item_id=ids[1], amount_minor=1, reason="price", raised_on=TODAY, state="raised", **base))


def test_the_number_of_statements_does_not_grow(runtime: Runtime, people: dict[str, int]) -> None:
    """The same for two customers on the list and for fifty-two, on the list of a day and on the view of what nobody has touched."""
    rui = people["rui"]
    scope = Scope(frozenset({rui}))
    runtime.write(SYSTEM, lambda work: grow(work.session, work.now, 2, rui))

    def ask() -> tuple[int, int]:
        with runtime.read(SYSTEM) as view:
            with counted(runtime.engine) as sent:
                agenda = worklist.my_day(view, scope, Wish(TODAY, frozenset({rui})), limit=100)
            with counted(runtime.engine) as looked:
                untouched.neglect(view, scope, Wish(TODAY, frozenset({rui})), 14)
        shown.append(len(agenda.lines))
        return len(sent), len(looked)

    shown: list[int] = []
    before = ask()

    def more(work: Work) -> None:
        work.session.execute(sa.update(Customer).where(Customer.customer_no.like("N%")).values(customer_no=sa.literal("M") + Customer.customer_no))
        work.session.execute(sa.update(Item).where(Item.document_no.like("N%")).values(document_no=sa.literal("M") + Item.document_no))
        grow(work.session, work.now, 50, rui)

    runtime.write(SYSTEM, more)
    assert ask() == before
    assert shown == [2, 52]
    assert before[0] < 25 and before[1] < 15
