"""Decisions to read: what waits and what was decided, the whole case of one proposal, and where a customer stands (P22-P24, S24-S26)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from sqlalchemy.orm import Session

from collect import i18n
from collect.domain import escalation as domain
from collect.domain.account import Account
from collect.domain.errors import NotFound
from collect.domain.escalation import Reason
from collect.domain.rights import ALL, Scope
from collect.i18n import mark as _
from collect.reports.cases import said as said_excuse
from collect.runtime import View
from collect.storage import cases
from collect.storage import escalations as storage
from collect.storage.accounts import load_accounts
from collect.storage.customers import Customer, find_customer, load_customers
from collect.storage.escalations import Hold, Proposal
from collect.storage.users import load_users

STEPS = {
    "stop_credit": _("Stop new credit"),
    "stop_supply": _("Stop supply"),
    "final_demand": _("Final demand"),
    "referral": _("Legal referral"),
    "release": _("Release the stop"),
}
STATES = {
    "open": _("waiting"),
    "deferred": _("deferred"),
    "approved": _("approved"),
    "refused": _("refused"),
    "withdrawn": _("withdrawn"),
    "expired": _("expired"),
}
OUTCOMES = {
    "new": _("new"),
    "kept": _("waiting"),
    "reopened": _("open again"),
    "moved_up": _("moved up"),
    "deferred": _("deferred"),
}
REASONS = {
    "days_past_due": _("The oldest item is {days} days past due; this step is due from {step_days} days on."),
    "broken_promises": _("{count} promises in a row were broken."),
    "dishonoured": _("A cheque or bill was dishonoured."),
    "no_supply_no_payment": _("The customer says “no supply, no payment”: waiting only digs deeper."),
    "run_around": _("The customer passes us from one person to the next without result."),
    "chronic_lateness": _("The customer has paid late for months."),
    "fraud": _("There are signs of fraud."),
    "insolvency": _("There are signs of insolvency."),
    "limitation": _("The claim comes close to its limitation date."),
    "notice_without_result": _("“{step}” was sent on {sent_on}, and its deadline has passed without payment."),
    "promise_defers_no_longer": _("A promise is open, but it does not defer this step, or not any longer."),
    "by_hand": _("A person asks for this."),
    "release_conditions_hold": _("What ends “{step}” has come about: nothing on the account is overdue by {days} days or more."),
}
REASON_NAMES = {
    "days_past_due": _("Age"),
    "broken_promises": _("Broken promises"),
    "dishonoured": _("Dishonoured paper"),
    "no_supply_no_payment": _("“No supply, no payment”"),
    "run_around": _("Sent from one to the next"),
    "chronic_lateness": _("Late for months"),
    "fraud": _("Signs of fraud"),
    "insolvency": _("Signs of insolvency"),
    "limitation": _("Limitation"),
    "notice_without_result": _("Notice without result"),
    "promise_defers_no_longer": _("Promise defers no longer"),
    "by_hand": _("Asked for by a person"),
    "release_conditions_hold": _("Conditions hold"),
}
ANSWERS = {"yes": _("May be supplied"), "no": _("May not be supplied"), "refer": _("Ask a manager before supplying")}
SUPPLY = {
    "stop_supply": _("Supply is stopped."),
    "stop_credit": _("New credit is stopped."),
    "credit_limit": _("The credit limit would be exceeded."),
    "previous_delivery_open": _("The terms settle each delivery before the next, and one is still open."),
    "cash_terms_overdue": _("The terms are cash, and something is overdue."),
    "stop_credit_proposed": _("A stop of new credit is proposed and not decided."),
    "stop_supply_proposed": _("A stop of supply is proposed and not decided."),
    "insolvent": _("The customer is insolvent."),
}
_YEAR = timedelta(days=365)
_MARGIN = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*(%?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A proposal in a list; `requested_by` empty: policy; minor units of `currency`."""

    id: int
    customer_no: str
    customer_name: str
    step: str
    state: str
    level: int
    currency: str
    overdue: int
    oldest_days: int
    reasons: tuple[Reason, ...]
    note: str | None
    requested_on: date
    requested_by: str
    deferred_until: date | None
    decided_by: str
    decided_on: date | None
    decision_note: str | None


@dataclass(frozen=True, slots=True)
class Owed:
    """An overdue item with its chance of recovery in percent, by age alone (P22); `invoice` is the number of its document."""

    document_no: str
    invoice: str
    due: date
    days: int
    currency: str
    amount: int
    chance: int


@dataclass(frozen=True, slots=True)
class Worth:
    """What a customer bought in twelve months, net of credit notes, and the margin on it where a margin is known (P24)."""

    currency: str
    sales: int
    margin: int | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A contact that took place: what came of it, by whom of ours it was logged."""

    day: date
    kind: str
    person: str | None
    outcome: str
    excuse: str
    note: str | None
    by: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A hold: what it is, since when, why, what ends it, when it is looked at again, and when it ended."""

    step: str
    since: date
    basis: str
    conditions: str
    review_on: date
    released_on: date | None
    proposal_id: int


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the decision about a proposal looks at, on one page; `hash` is what a decision binds to.

    `expected` is what of the overdue amount is likely to come in, `own` whether the reader asked for it himself.
    """

    line: Line
    customer_id: int
    version: int
    own: bool
    hash: str
    overdue: int
    items: tuple[Owed, ...]
    expected: int
    worth: tuple[Worth, ...]
    margin: str | None
    heard: tuple[Heard, ...]
    stops: list[Stop]
    earlier: list[Line]


@dataclass(frozen=True, slots=True)
class State:
    """Where a customer stands: the supply answer of now with its reasons, the stops in force, the proposal that waits."""

    answer: str
    reasons: tuple[str, ...]
    stops: list[Stop]
    pending: Line | None


def waiting(view: View, scope: Scope, limit: int) -> list[Line]:
    """What waits for a decision: the highest level first, then the oldest debt; what was deferred last; at most `limit`."""
    return sorted(_lines(view, storage.load_proposals(view.session, scope, storage.PENDING, limit)), key=lambda line: line.state == "deferred")


def decided(view: View, scope: Scope, limit: int, customer_id: int | None = None) -> list[Line]:
    """What was decided, the latest first, with what was withdrawn or expired; at most `limit`."""
    return _lines(view, storage.load_proposals(view.session, scope, ("approved", "refused", "withdrawn", "expired"), limit, customer_id))


def _lines(view: View, rows: list[tuple[Proposal, Customer]]) -> list[Line]:
    people = {user.id: user.name for user in load_users(view.session)}
    return [_line(row, customer, people) for row, customer in rows]


def _line(row: Proposal, customer: Customer, people: dict[int, str]) -> Line:
    return Line(
        id=row.id,
        customer_no=customer.customer_no,
        customer_name=customer.name,
        step=row.step,
        state=row.state,
        level=row.level,
        currency=row.currency,
        overdue=row.overdue_minor,
        oldest_days=row.oldest_days,
        reasons=domain.read_reasons(row.reasons),
        note=row.note,
        requested_on=row.requested_on,
        requested_by=people.get(row.requested_by or 0, ""),
        deferred_until=row.deferred_until if row.state == "deferred" else None,
        decided_by=people.get(row.decided_by or 0, ""),
        decided_on=row.decided_on,
        decision_note=row.decision_note,
    )


def line_of(session: Session, row: Proposal, customer: Customer) -> Line:
    """A proposal as a line of a list."""
    return _line(row, customer, {user.id: user.name for user in load_users(session)})


def one(view: View, scope: Scope, proposal_id: int) -> tuple[Line, str]:
    """A proposal and the fingerprint of its case as it is now; NotFound where the scope does not see its customer (S28)."""
    found = storage.find_proposal(view.session, scope, proposal_id)
    if found is None:
        raise NotFound("proposal", proposal_id)
    return line_of(view.session, *found), _now(view, *found)[0].hash


def _now(view: View, row: Proposal, customer: Customer) -> tuple[domain.Case, date]:
    """The case with the facts of now, and the day it is looked at by."""
    day = storage.acting_day(view.session, view.today)
    account: Account | None = next(load_accounts(view.session, ALL, day, view.seller, [customer.id]), None)
    codes = tuple(reason.code for reason in domain.read_reasons(row.reasons))
    asked = domain.Asked(customer.customer_no, row.step, row.hold_id, row.currency, codes, row.note, row.requested_by)
    return domain.case(asked, account, day), day


def case(view: View, scope: Scope, proposal_id: int, limit: int = 10) -> Case:
    """The whole case of a proposal with the facts of now; NotFound where the scope does not see its customer (S28)."""
    found = storage.find_proposal(view.session, scope, proposal_id)
    if found is None:
        raise NotFound("proposal", proposal_id)
    row, customer = found
    people = {user.id: user.name for user in load_users(view.session)}
    now, day = _now(view, row, customer)
    numbers = storage.load_numbers(view.session, scope, [item.id for item, _ in now.items])
    items = tuple(Owed(item.document_no, numbers[item.id], item.due, (day - item.due).days, item.currency, rest, domain.chance((day - item.due).days)) for item, rest in now.items)
    return Case(
        line=line_of(view.session, row, customer),
        customer_id=customer.id,
        version=row.version,
        own=row.requested_by is not None and row.requested_by == view.actor.user_id,
        hash=now.hash,
        overdue=now.overdue,
        items=items,
        expected=domain.expected([(item.amount, item.days) for item in items]),
        worth=_worth(view, scope, customer, day),
        margin=customer.margin,
        heard=tuple(
            Heard(row.day, row.kind, row.person, row.outcome, said_excuse(row.excuse) if row.excuse else "", row.note, people.get(row.user_id or 0, ""))
            for row in cases.load_activities(view.session, scope, customer.id, limit)
        ),
        stops=[_stop(hold) for hold in storage.load_customer_holds(view.session, scope, customer.id)],
        earlier=[line for line in decided(view, scope, limit, customer.id) if line.id != row.id],
    )


def _worth(view: View, scope: Scope, customer: Customer, day: date) -> tuple[Worth, ...]:
    """Sales of the twelve months before a day by currency, and the margin on them (P24)."""
    share = margin_share(customer.margin)
    sales = storage.sales_since(view.session, scope, customer.id, day - _YEAR, day)
    return tuple(Worth(currency, amount, int(amount * share) if share is not None else None) for currency, amount in sorted(sales.items()))


def margin_share(text: str | None) -> Fraction | None:
    """A margin as customer data write it: `0.25`, `25%` and `25` are a quarter; None for anything else."""
    found = _MARGIN.fullmatch((text or "").strip())
    if found is None:
        return None
    share = Fraction(found[1])
    share = share / 100 if found[2] or share > 1 else share
    return share if share <= 1 else None


def _stop(hold: Hold) -> Stop:
    return Stop(hold.rung, hold.since, hold.basis, hold.conditions, hold.review_on, hold.released_on, hold.proposal_id)


def customer_state(view: View, scope: Scope, customer_id: int) -> State:
    """Where a customer stands now; the answer is the one sales systems get for no amount, and is not written to the log (S26)."""
    customer = load_customers(view.session, scope, [customer_id]).get(customer_id)
    if customer is None:
        raise NotFound("customer", customer_id)
    standing = storage.load_standing(view.session, scope, customer, view.today, view.now - domain.RESERVED)
    answer, reasons = domain.answer(standing, 0)
    stops = [_stop(hold) for hold in storage.load_customer_holds(view.session, scope, customer_id) if hold.released_on is None]
    pending = _lines(view, storage.load_proposals(view.session, scope, storage.PENDING, 1, customer_id))
    return State(answer, reasons, stops, pending[0] if pending else None)


def steps_for(view: View, scope: Scope, number: str) -> tuple[Customer, State]:
    """The customer of that number and where he stands, for proposing by hand; NotFound outside the scope."""
    customer = find_customer(view.session, scope, number)
    if customer is None:
        raise NotFound("customer", number)
    return customer, customer_state(view, scope, customer.id)


def said(words: dict[str, str], code: str) -> str:
    """A code's word in the reader's language; a code nobody wrote a word for shows itself."""
    return i18n.gettext(words[code]) if code in words else code


OF_ONE_DAY = {
    ("days_past_due", "days"): _("The oldest item is one day past due; this step is due from the first day on."),
    ("days_past_due", "step_days"): _("The oldest item is {days} days past due; this step is due from the first day on."),
    ("release_conditions_hold", "days"): _("What ends “{step}” has come about: nothing on the account is overdue any more."),
}
"""The sentences in which the number of days that a fact names is one."""


def reason(one: Reason) -> str:
    """A reason as a sentence in the reader's language."""
    facts = {name: said(STEPS, str(value)) if name == "step" else value for name, value in one.facts.items()}
    for name in ("days", "step_days"):
        if facts.get(name) == 1 and (one.code, name) in OF_ONE_DAY:
            return i18n.gettext(OF_ONE_DAY[one.code, name], **facts)
    return i18n.gettext(REASONS[one.code], **facts) if one.code in REASONS else one.code
