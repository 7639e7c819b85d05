"""What finance and the managers of the demonstration company do: files taken in, money applied, disputes answered, proposals decided (S24, S29)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa

from collect.domain import terms
from collect.domain.calendar import month_start
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Work
from collect.services import cases, cash, demo_bank, dunning, escalation, imports, months, policy, receivables
from collect.services.demo_books import Files, text
from collect.services.demo_data import Client, chance, clients, company
from collect.services.demo_stories import verdict
from collect.services.demo_talk import Desk
from collect.storage.cases import Dispute
from collect.storage.customers import Customer
from collect.storage.escalations import Hold, Proposal
from collect.storage.ledger import load_closed_months
from collect.storage.notices import Notice
from collect.storage.policy import load_versions
from collect.storage.receivables import Item

_DAY = timedelta(days=1)
_SLOW_ANSWER = 6
"""Business days that a dispute of the last days lies unanswered."""


def take_in(desk: Desk, day: date, banked: date) -> None:
    """Import what was sold through the day before, and what came into the bank through `banked`; nothing may be refused."""
    with desk.runtime.read(SYSTEM) as view:
        query = sa.select(Customer.customer_no).join(Hold, Hold.customer_id == Customer.id).where(Hold.released_on.is_(None))
        desk.books.held = frozenset(view.session.scalars(query))
    files = desk.books.take(day - _DAY, banked)
    import_files(desk, day, files)
    demo_bank.take_in(desk, day, banked, files.transfers)


def import_files(desk: Desk, day: date, files: Files) -> None:
    """Import the rows of a day as files of a bookkeeping program."""
    for kind, name, rows in (("invoices", "开票", files.invoices), ("credits", "红字", files.credits), ("payments", "银行流水", files.payments)):
        if rows:
            result = imports.run(desk.runtime, desk.actors["fang"], kind, text(kind, rows), f"{name}_{day:%Y%m%d}.csv", imports.Options())
            if result.refused:
                raise AssertionError(f"{kind} of {day}: {imports.refused_text(result)}")


def apply_loose(desk: Desk, day: date) -> None:
    """Apply money and credits that named no invoice to the oldest open ones, once it is time."""
    for one in [one for one in desk.books.loose if one.apply_on is not None and one.apply_on <= day]:
        desk.books.loose.remove(one)
        left, latest = one.minor, desk.books.days.today - 2 * _DAY
        open_bills = [bill for bill in desk.books.bills[one.client.number] if bill.rest and bill.due is not None and bill.issued < day]
        for bill in sorted(open_bills, key=lambda bill: (bill.due or day, bill.number)):
            share = min(left, bill.rest)
            if share:
                desk.tick()
                desk.runtime.write(desk.actors["fang"], lambda work, one=one, bill=bill, share=share: cash.apply(work, one.kind, one.number, bill.number, share))  # type: ignore[misc]
                bill.rest -= share
                left -= share
        if left and day < latest:
            desk.books.loose.append(replace(one, minor=left, apply_on=day + 14 * _DAY))


def accept(desk: Desk, day: date) -> None:
    """Large equipment is accepted by the hospital: its provisional due dates become real (S7). The latest wait still."""
    for entry in [entry for entry in desk.books.awaiting if entry[0] <= day]:
        desk.books.awaiting.remove(entry)
        bill = entry[1]
        if (desk.books.days.today - bill.issued).days < 75:
            continue
        desk.tick()
        desk.runtime.write(desk.actors["fang"], lambda work, number=bill.number: receivables.record_event(work, number, day, "验收单已回传"))  # type: ignore[misc]
        parts = [one for one in desk.books.bills[bill.client.number] if one.number == bill.number]
        whole = sum(one.minor for one in parts)
        dated = terms.instalments(terms.parse(bill.client.terms), bill.issued, whole, {terms.Trigger.ACCEPTANCE.value: day})
        for one, part in zip(parts, dated, strict=True):
            one.due = part.due
            desk.books.intend(one, chance(desk.seed, "accepted", bill.number, part.part))


def raise_dispute(desk: Desk, client: Client, reason: str, share: int) -> None:
    """Record a dispute about part of a customer's oldest overdue invoice (percent of what is open of it)."""
    today = desk.books.days.today
    bill = next(iter(desk.books.due(client, today)), None)
    if bill is not None:
        told = company()["notes"]["en" if client.abroad else "zh"]["dispute"].format(person=client.people[0])
        desk.runtime.write(desk.actors[client.rep], lambda work: cases.raise_dispute(work, bill.number, bill.rest * share // 100, reason, told))


def answer_disputes(desk: Desk, day: date) -> None:
    """Finance answers disputes after two days, and settles accepted ones with a credit note three weeks later; old debts stay disputed."""
    span, words = desk.books.days, company()["words"]
    query = sa.select(Dispute, Item.document_no, Customer.customer_no).join(Item, Item.id == Dispute.item_id).join(Customer, Customer.id == Dispute.customer_id)
    with desk.runtime.read(SYSTEM) as view:
        found = view.session.execute(query.where(Dispute.state.in_(("raised", "accepted"))).order_by(Dispute.id)).all()
    habits = {client.number: client.habit for client in clients()}
    for row, number, customer in found:
        rng = chance(desk.seed, "dispute", number)
        settle = row.state == "accepted" and habits[customer] != "disputed" and (day - row.raised_on).days >= 21
        if row.state == "raised" and ((day - row.raised_on).days < 2 or row.raised_on >= span.back(_SLOW_ANSWER + 3)):
            continue
        if row.state == "accepted" and not settle:
            continue
        verb = "settle" if settle else "accept" if habits[customer] == "disputed" or rng.random() < 0.65 else "refuse"
        note = words["dispute_refused" if verb == "refuse" else "dispute_accepted"]
        desk.tick()
        desk.runtime.write(desk.actors["xu"], lambda work, told=(row.id, verb, note, row.version): cases.answer_dispute(work, *told))  # type: ignore[misc]
        bill = next((bill for bill in desk.books.bills[customer] if bill.number == number and bill.rest), None)
        if settle and bill is not None:
            files = Files(credits=[desk.books.credit(bill, min(row.amount_minor, bill.rest), day, words["return_reason"][1])])
            import_files(desk, day, files)


def decide(desk: Desk, day: date) -> int:
    """Managers decide what was proposed on an earlier day, by the customer's story; what is not yet two days old at the end waits. How many were decided."""
    decided = 0
    span = desk.books.days
    query = sa.select(Proposal.id, Proposal.step, Customer.customer_no).join(Customer, Customer.id == Proposal.customer_id)
    query = query.where(Proposal.state == "open", Proposal.requested_on < day).order_by(Proposal.id)
    with desk.runtime.read(SYSTEM) as view:
        found = view.session.execute(query.add_columns(Proposal.requested_on)).all()
    by_number = {client.number: client for client in clients()}
    for key, step, number, asked in found:
        client = by_number[number]
        told = verdict(client, step)
        if told.kind == "leave" or (client.habit in _NO_STORY and asked >= span.back(2)):
            continue
        desk.tick()
        manager = desk.actors["shen" if client.abroad or client.segment == "公立医院" else "gao"]
        try:
            desk.runtime.write(manager, lambda work, told=(key, client, step): _decide(desk, work, *told))  # type: ignore[misc]
            decided += 1
        except Refusal as refusal:
            if refusal.code not in ("proposal_reason_gone", "previous_step_not_sent", "hold_in_force", "proposal_decided", "proposal_expired", "release_conditions_gone"):
                raise
    return decided


_NO_STORY = frozenset({"steady", "slow", "drift", "hospital", "weak", "prompt", "monthly", "running", "tails", "cash", "cash_late", "equipment"})


def _decide(desk: Desk, work: Work, key: int, client: Client, step: str) -> None:
    """Read the case as it stands, and decide it."""
    row = work.session.get_one(Proposal, key)
    customer = work.session.get_one(Customer, row.customer_id)
    told, words = verdict(client, step), company()["words"]
    case = escalation.present(work.session, work.seller, row, customer, work.today)
    note = words[told.note] if told.note else chance(desk.seed, "verdict", client.number, step).choice(words["approve"])
    farther = 88 * _DAY if client.habit == "old_debt" else desk.books.days.today + 9 * _DAY - work.today
    until = work.today + farther if told.kind == "defer" else None
    escalation.decide(work, key, told.kind, case.hash, note, until)


def close_months(desk: Desk, day: date) -> None:
    """From the eighth of a month on the month before is closed."""
    if day.day < 8:
        return
    with desk.runtime.read(SYSTEM) as view:
        closed = load_closed_months(view.session)
    first = month_start(desk.books.days.start)
    while first < month_start(day):
        month, first = first.strftime("%Y-%m"), (first + 32 * _DAY).replace(day=1)
        if month not in closed:
            desk.tick()
            desk.runtime.write(desk.actors["fang"], lambda work, month=month: months.close(work, month, company()["words"]["month_closed"]))  # type: ignore[misc]


def post_letters(desk: Desk, day: date) -> None:
    """Formal letters to customers without an e-mail address go by courier the day after they were planned."""
    query = sa.select(Notice.id, Notice.user_id).where(Notice.state == "planned", Notice.channel == "letter", Notice.day < day)
    with desk.runtime.read(SYSTEM) as view:
        found = view.session.execute(query.order_by(Notice.id)).all()
    for key, user_id in found:
        proof = f"EMS {chance(desk.seed, 'letter', day, key).randrange(10**12, 10**13)}"
        desk.tick()
        desk.runtime.write(desk.owner(user_id), lambda work, told=(key, proof): dunning.post_letter(work, *told))  # type: ignore[misc]


def new_policy(desk: Desk, day: date, approved: bool) -> None:
    """A manager hands in a version of the policy; the other one approves it the next day where `approved`."""
    change = ("calls_per_day = 15", "calls_per_day = 12") if approved else ("repeat = [14, 7, 3]", "repeat = [10, 5, 3]")
    effective = (month_start(day) + 32 * _DAY).replace(day=1)

    def publish(work: Work) -> int:
        return policy.publish(work, policy.text_in_force(work.session, work.seller, work.today).replace(*change), None if approved else effective)

    number = desk.runtime.write(desk.actors["shen"], publish)
    if approved:
        desk.tick()
        desk.runtime.write(desk.actors["gao"], lambda work: _approve(work, number))


def _approve(work: Work, number: int) -> None:
    version = next(row for row in load_versions(work.session) if row.number == number)
    policy.decide(work, number, True, version.content_hash, company()["words"]["policy_approved"])
