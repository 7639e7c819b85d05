"""What is taken off a debt, or paid back: asked for by one person, decided by another, posted and reversed as a whole (S12, S29, P18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from collect.domain import adjustments as domain
from collect.domain import ledger, money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import cash, rebates, receipts, receivables
from collect.services.policy import in_force
from collect.services.receipts import Receipt
from collect.storage import adjustments as storage
from collect.storage import audit
from collect.storage.adjustments import Adjustment
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer, find_customer
from collect.storage.database import next_ids
from collect.storage.ledger import load_closed_months
from collect.storage.receivables import Item

POSTED_AS = {domain.WRITE_OFF: "write_off", domain.TAIL: "write_off", domain.CREDIT: "credit_note", domain.SET_OFF: "set_off"}
"""The kind of credit that an approval posts."""

NUMBERED = {domain.WRITE_OFF: "WO", domain.TAIL: "TL", domain.CREDIT: "CR", domain.SET_OFF: "SO", domain.REFUND: "RF"}
"""How the documents of a decision are numbered where nobody gave them a number."""

MOST_TAILS = 500


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: `parts` are (item id, or credit id for a refund, minor units); `document` its paper, needed for a set-off.

    `other_no` is the customer who takes the debt over, in a set-off among three parties or a transfer of the debt itself.
    """

    kind: str
    parts: tuple[tuple[int, int], ...]
    reason: str
    note: str
    document: str = ""
    other_no: str = ""


def request(work: Work, customer_no: str, ask: Ask) -> Adjustment:
    """Ask for a write-off, a credit, a set-off or a refund of one customer's documents; nothing is posted yet.

    The same request by the same person on the same day, while it waits, is one (S16).
    Raises NotFound outside the actor's scope. Refused: what `domain.adjustments.check` refuses, `adjustment_beyond_open`
    (more than is open and not asked for already), documents of several currencies, `other_party_missing`.
    """
    work.actor.need(Permission.PROPOSE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    expire(work, work.today)  # what nobody decided in time keeps no amount from being asked for again
    domain.check(ask.kind, ask.reason, ask.note, ask.document, ask.parts)
    other = _other(work, customer, ask)
    key, amount = "credit_id" if ask.kind == domain.REFUND else "item_id", sum(minor for _, minor in ask.parts)
    parts = [{key: part, "amount": minor} for part, minor in ask.parts]
    told = (ask.kind, parts, ask.reason, ask.note.strip()[: domain.LONGEST_NOTE], ask.document.strip() or None, other.id if other else None)
    for row in storage.load_asked(work.session, work.actor.scope, customer.id, work.actor.user_id, work.today):
        if (row.kind, row.parts, row.reason, row.note, row.document, row.other_id) == told:
            return row
    currency = _check_parts(work, customer, ask)
    limits = domain.parse_limits(work.settings.one_manager)
    row = Adjustment(
        id=next_ids(work.session, 1)[0],
        kind=ask.kind,
        customer_id=customer.id,
        currency=currency,
        amount_minor=amount,
        parts=parts,
        reason=ask.reason,
        note=told[3],
        document=told[4],
        other_id=told[5],
        level=domain.level_of(ask.kind, amount, limits.get(currency)),
        state="open",
        requested_by=work.actor.user_id,
        requested_on=work.today,
        expires_on=work.today + _lifetime(work),
        version=1,
        recorded_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    work.note(audit.Note("request", "adjustment", str(row.id), customer.id, None, _told(row), row.note))
    return row


def approve(work: Work, key: int, version: int, note: str = "") -> Adjustment:
    """Agree to a request; with the last approval it needs it is posted, effective today. Approving twice changes nothing.

    Raises NotFound; Refusal `own_proposal` (S29), `adjustment_decided`, `adjustment_expired`, `changed_meanwhile`, a closed
    month, and what settling refuses when less is open than was asked for.
    """
    row = _locked(work, key)
    me = work.actor.user_id
    if me is not None and (me == row.first_by or (row.state == "approved" and me == row.decided_by)):
        return row
    _decidable(work, row, version)
    if row.level == 2 and row.first_by is None:
        row.first_by = me
        row.version += 1
        work.note(audit.Note("first_approval", "adjustment", str(key), row.customer_id, None, _told(row), note.strip() or None))
        return row
    _post(work, row)
    _close(work, row, "approved", note)
    work.note(audit.Note("approve", "adjustment", str(key), row.customer_id, {"request_state": "open"}, _told(row), note.strip() or None))
    return row


def refuse(work: Work, key: int, version: int, note: str) -> Adjustment:
    """Turn a request down, with a reason; nothing was posted. Refused as `approve`, and `missing_reason`."""
    row = _locked(work, key)
    if row.state == "refused" and row.decided_by is not None and row.decided_by == work.actor.user_id:
        return row
    _decidable(work, row, version)
    if not note.strip():
        raise Refusal("missing_reason", "note")
    _close(work, row, "refused", note)
    work.note(audit.Note("refuse", "adjustment", str(key), row.customer_id, {"request_state": "open"}, _told(row), note.strip()))
    return row


def withdraw(work: Work, key: int, version: int) -> Adjustment:
    """Take one's own request back before it is decided; Refusal `not_your_request`, `adjustment_decided`, `changed_meanwhile`."""
    work.actor.need(Permission.PROPOSE)
    row = _locked(work, key)
    if row.requested_by != work.actor.user_id:
        raise Refusal("not_your_request", None)
    _unchanged(row, version)
    _close(work, row, "withdrawn", "")
    row.decided_by = None
    work.note(audit.Note("withdraw", "adjustment", str(key), row.customer_id, {"request_state": "open"}, _told(row)))
    return row


def expire(work: Work, as_of: date) -> int:
    """Requests that nobody decided in time end, whether or not a first manager agreed (S29); how many. Nothing was posted."""
    ended = 0
    for row in storage.load_waiting(work.session, work.actor.scope):
        if _ends_on(work, row) <= as_of:
            row.state, row.decided_on, row.version = "expired", as_of, row.version + 1
            work.note(audit.Note("expire", "adjustment", str(row.id), row.customer_id, {"request_state": "open"}, _told(row)))
            ended += 1
    work.session.flush()
    return ended


def _lifetime(work: Work) -> timedelta:
    """How long a request waits: as long as a proposal of escalation, by the policy in force (`expires_days`)."""
    return timedelta(days=in_force(work.session, work.seller, work.today).policy.escalation.expires_days)


def _ends_on(work: Work, row: Adjustment) -> date:
    """The day from which a request is no ground for a decision; one from before requests expired waits as long from its day on."""
    return row.expires_on or row.requested_on + _lifetime(work)


def write_off_tails(work: Work, item_ids: Sequence[int], reason: str) -> int:
    """A manager writes tails off (S12, P18): each an approved request of the list's own; returns how many.

    Refusal `missing_reason`; `tail_gone` when one is no tail (any more), with nothing written off.
    """
    work.actor.need(Permission.DECIDE)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    tails = {tail.item_id: tail for tail in storage.load_tails(work.session, work.actor.scope, domain.parse_limits(work.settings.tail_limits), MOST_TAILS)}
    chosen = sorted(set(item_ids))
    if not chosen:
        raise Refusal("nothing_asked", None)
    for key in chosen:
        tail = tails.get(key)
        if tail is None:
            raise Refusal("tail_gone", None, value=key)
        row = Adjustment(
            id=next_ids(work.session, 1)[0],
            kind=domain.TAIL,
            customer_id=tail.customer_id,
            currency=tail.currency,
            amount_minor=tail.open,
            parts=[{"item_id": tail.item_id, "amount": tail.open}],
            reason="tail",
            note=reason.strip()[: domain.LONGEST_NOTE],
            level=1,
            state="open",
            requested_on=work.today,
            version=1,
            recorded_at=work.now,
        )
        work.session.add(row)
        _post(work, row)
        _close(work, row, "approved", reason)
        work.note(audit.Note("approve", "adjustment", str(row.id), row.customer_id, None, _told(row), reason.strip()))
    return len(chosen)


def reverse(work: Work, key: int, version: int, reason: str) -> Adjustment:
    """Take back as a whole what an approval posted, by entries effective today (S5): a manager's act, with its reason.

    Refusal `adjustment_not_posted`, `missing_reason`, `changed_meanwhile`, a closed month, `document_settled` when the
    debt that another customer took over has been paid.
    """
    work.actor.need(Permission.DECIDE)
    row = _locked(work, key)
    if row.state != "approved":
        raise Refusal("adjustment_not_posted", None)
    _unchanged(row, version, "approved")
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    closed = load_closed_months(work.session)
    item = work.session.get(Item, row.item_id) if row.item_id else None
    if row.kind == domain.REFUND and item is not None:
        for allocation in _live(work, item.id):
            cash.take_back(work, allocation, reason)
    for credit_id in work.session.scalars(sa.select(Credit.id).where(Credit.adjustment_id == row.id, Credit.voided_on.is_(None)).order_by(Credit.id)).all():
        receipts.void_whole(work, credit_id, reason)
    work.session.flush()
    if item is not None:
        receivables.void_document(work, "invoice", item.document_no, reason, closed, whole=True)
    rebates.give_back(work, row.id, reason)
    row.state, row.version = "reversed", row.version + 1
    work.note(audit.Note("reverse", "adjustment", str(key), row.customer_id, {"request_state": "approved"}, _told(row), reason.strip()))
    return row


def recover(work: Work, receipt_no: str, invoice_no: str, amount: int | None = None, version: int | None = None) -> int:
    """Money came in for what was written off: so much of the write-off is reversed on the money's day, then settled (S12).

    `amount` None takes the smaller of what is left of the receipt and what was written off. The rest stays written off,
    by an entry of its own. Returns the minor units recovered. Raises NotFound; Refusal `nothing_written_off`,
    `changed_meanwhile` where the receipt is not of the `version` it was seen with, a closed month, and what applying refuses.
    """
    work.actor.need(Permission.ALLOCATE)
    known = receipts.find_receipt(work, receipt_no)
    items = list(work.session.scalars(sa.select(Item).where(Item.document_no == invoice_no).order_by(Item.part).with_for_update().execution_options(populate_existing=True)))
    if not items or not receipts.sees(work, items[0].customer_id):
        raise NotFound("invoice", invoice_no)
    credit = cash.lock_credit(work, known.id)
    receipts.check_version(credit, version)
    cash.check_fits(work, credit, items[0])
    lost = [(item, allocation) for item in items for allocation in _live(work, item.id) if work.session.get_one(Credit, allocation.credit_id).kind == "write_off"]
    if not lost:
        raise Refusal("nothing_written_off", "invoice_no", value=invoice_no)
    whole = sum(allocation.amount_minor for _, allocation in lost)
    left = total = min(credit.rest, whole) if amount is None else amount
    if not 0 < total <= min(credit.rest, whole):
        told = {"value": money.plain(total, credit.currency), "rest": money.plain(min(credit.rest, whole), credit.currency), "currency": credit.currency}
        raise Refusal("recovery_beyond", "amount", **told)
    for item, allocation in lost:
        part = min(left, allocation.amount_minor)
        if part:
            _bring_back(work, credit, item, allocation, part)
            left -= part
    work.note(audit.Note("recover", "receipt", receipt_no, credit.customer_id, None, {"invoice": invoice_no, "amount": money.plain(total, credit.currency)}))
    return total


def _bring_back(work: Work, credit: Credit, item: Item, allocation: Allocation, amount: int) -> None:
    """Reverse a write-off on the money's day, write off again what did not come in, and settle the rest with the money."""
    old = work.session.get_one(Credit, allocation.credit_id)
    day = domain.recovery_day(cash.usable_from(credit), allocation.effective)
    day = cash.room_of(work, Allocation.credit_id, credit.id, credit.rest, amount, day)
    ledger.check_open(day, load_closed_months(work.session), "effective")
    receipts.void_whole(work, old.id, credit.number, day)  # said in no language: who reads it sees the receipt
    rest = allocation.amount_minor - amount
    if rest:
        again = (work.session.scalar(sa.select(sa.func.count()).where(Credit.adjustment_id == old.adjustment_id)) or 0) + 1
        number = f"{old.number.partition('-R')[0]}-R{again}"
        wanted = Receipt(old.customer_id, number, day, old.currency, rest, kind=old.kind, reason=old.reason, adjustment_id=old.adjustment_id)
        receipts.book(work, wanted, [(item.id, rest)])
    cash.allocate(work, credit, item, amount, max(day, item.issue_date), None)


def _live(work: Work, item_id: int) -> list[Allocation]:
    """An item's allocations that nothing reversed, the latest first."""
    reversal = sa.orm.aliased(Allocation)
    query = sa.select(Allocation).where(Allocation.item_id == item_id, Allocation.reverses_id.is_(None))
    query = query.where(~sa.exists().where(reversal.reverses_id == Allocation.id))
    return list(work.session.scalars(query.order_by(Allocation.id.desc())))


def _locked(work: Work, key: int) -> Adjustment:
    """The request as it is now, locked until the work ends, if the actor sees its customer."""
    if storage.find_adjustment(work.session, work.actor.scope, key) is None:
        raise NotFound("adjustment", key)
    return work.session.scalars(sa.select(Adjustment).where(Adjustment.id == key).with_for_update().execution_options(populate_existing=True)).one()


def _decidable(work: Work, row: Adjustment, version: int) -> None:
    """Whether this actor may decide the request as he saw it (S29)."""
    work.actor.need(Permission.DECIDE)
    domain.check_decider(row.requested_by, work.actor.user_id)
    _unchanged(row, version)
    if _ends_on(work, row) <= work.today:
        raise Refusal("adjustment_expired", None, id=row.id)


def _unchanged(row: Adjustment, version: int, state: str = "open") -> None:
    if row.state != state:
        raise Refusal("adjustment_decided", None, id=row.id, state=row.state)
    if row.version != version:
        raise Refusal("changed_meanwhile", None, what=f"{NUMBERED[row.kind]}-{row.id}")


def _close(work: Work, row: Adjustment, state: str, note: str) -> None:
    row.state, row.decided_by, row.decided_on, row.answer, row.version = state, work.actor.user_id, work.today, note.strip()[: domain.LONGEST_NOTE] or None, row.version + 1
    work.session.flush()


def _other(work: Work, customer: Customer, ask: Ask) -> Customer | None:
    """Who takes the debt over, among three parties or by its transfer; nobody in anything else."""
    if ask.kind != domain.SET_OFF or ask.reason not in domain.WITH_OTHER:
        return None
    if not ask.other_no.strip():
        raise Refusal("other_party_unnamed", "other_no")
    other = find_customer(work.session, work.actor.scope, ask.other_no.strip())
    if other is None or other.id == customer.id:
        raise Refusal("other_party_missing", "other_no", value=ask.other_no)
    return other


def _check_parts(work: Work, customer: Customer, ask: Ask) -> str:
    """Whether every document is the customer's and has as much open as all requests ask for; returns their one currency."""
    ids = [key for key, _ in ask.parts]
    paid_back = ask.kind == domain.REFUND
    if paid_back:
        credits = work.session.scalars(sa.select(Credit).where(Credit.id.in_(ids), Credit.customer_id == customer.id, Credit.kind.in_(("receipt", "credit_note"))))
        known = {row.id: (row.number, row.currency, row.rest) for row in credits}
    else:
        items = work.session.scalars(sa.select(Item).where(Item.id.in_(ids), Item.customer_id == customer.id))
        known = {row.id: (row.document_no, row.currency, row.open_minor) for row in items}
    if len(known) < len(ids):
        raise Refusal("unknown_invoice_here", "parts", value=next(key for key in ids if key not in known))
    currencies = {currency for _, currency, _ in known.values()}
    if len(currencies) > 1:
        raise Refusal("several_currencies", "parts", currencies=", ".join(sorted(currencies)))
    waiting = storage.waiting_amounts(work.session, "credit_id" if paid_back else "item_id", ids)
    for key, minor in ask.parts:
        number, currency, rest = known[key]
        rest -= waiting.get(key, 0)
        if minor > rest:
            told = {"value": money.plain(minor, currency), "rest": money.plain(max(rest, 0), currency), "currency": currency}
            raise Refusal("adjustment_beyond_open", "amount", number=number, **told)
    return currencies.pop()


def _post(work: Work, row: Adjustment) -> None:
    """Put an approved request into the books, effective today."""
    number = row.document or f"{NUMBERED[row.kind]}-{row.id}"
    if row.kind == domain.REFUND:
        _pay_back(work, row, number)
        return
    for place, part in enumerate(row.parts, 1):
        single = number if len(row.parts) == 1 else f"{number}-{place}"
        wanted = Receipt(row.customer_id, single, work.today, row.currency, part["amount"], kind=POSTED_AS[row.kind], reason=row.note, adjustment_id=row.id)
        credit = receipts.book(work, wanted, [(part["item_id"], part["amount"])])
        row.credit_id = row.credit_id or credit.id
    if row.other_id is not None:
        row.item_id = _take_over(work, row, row.other_id, number)
    if row.reason == domain.REBATE:
        rebates.grant(work, row.customer_id, row.currency, row.amount_minor, number, row.id)


def _take_over(work: Work, row: Adjustment, other_id: int, number: str) -> int:
    """The debt of the other customer: one amount due today, or, where the debt itself passes to him, each with the due date it has (S12).

    Returns the first item's id. Refusal `due_not_fixed` where a transferred part still waits for its due date.
    """
    if row.reason != domain.TRANSFER:
        return _item(work, row, other_id, number, "taken_over").id
    made = []
    for place, part in enumerate(row.parts, 1):
        due = work.session.get_one(Item, part["item_id"]).due_date
        if due is None:
            raise Refusal("due_not_fixed", "parts", number=work.session.get_one(Item, part["item_id"]).document_no)
        made.append(_item(work, row, other_id, number, "taken_over", Piece(place, len(row.parts), due, part["amount"])))
    return made[0].id


def _pay_back(work: Work, row: Adjustment, number: str) -> None:
    """A refund: an item issued against the bank account, settled at once by the money that goes back."""
    item = _item(work, row, row.customer_id, number, "refund")
    row.item_id = item.id
    for part in row.parts:
        credit = cash.lock_credit(work, part["credit_id"])
        if credit.voided_on is not None or part["amount"] > credit.rest:
            told = {"value": money.plain(part["amount"], credit.currency), "rest": money.plain(credit.rest, credit.currency), "currency": credit.currency}
            raise Refusal("adjustment_beyond_open", "amount", number=credit.number, **told)
        cash.allocate(work, credit, item, part["amount"], max(work.today, cash.usable_from(credit)), None)


class Piece(NamedTuple):
    """One of several items of a document: which, of how many, its due date and its minor units."""

    part: int
    parts: int
    due: date
    amount: int


def _item(work: Work, row: Adjustment, customer_id: int, number: str, kind: str, piece: Piece | None = None) -> Item:
    """An item that a decision issues today: the whole of it, due today, or a piece."""
    piece = piece or Piece(1, 1, work.today, row.amount_minor)
    if piece.part == 1 and work.session.scalar(sa.select(Item.id).where(Item.document_no == number, Item.seller_id == work.seller.id).limit(1)) is not None:
        raise Refusal("document_number_taken", "document", number=number)
    ledger.check_open(work.today, load_closed_months(work.session), "effective")
    item = Item(
        id=next_ids(work.session, 1)[0],
        seller_id=work.seller.id,
        customer_id=customer_id,
        document_no=number,
        part=piece.part,
        parts=piece.parts,
        kind=kind,
        issue_date=work.today,
        due_date=piece.due,
        currency=row.currency,
        amount_minor=piece.amount,
        open_minor=piece.amount,
        description=(row.note or "")[:500],
        version=1,
        recorded_at=work.now,
    )
    work.session.add(item)
    work.session.flush()
    line = ledger.issue(work.today, piece.due, piece.amount, kind)
    receivables.post(work, [line], customer_id, row.currency, item=item.id, credit=None, allocation=None, documents=piece.amount)
    work.note(audit.Note("issue", "invoice", number, customer_id, None, {"kind": kind, "issue_date": work.today, "amount": money.plain(piece.amount, row.currency)}))
    return item


def _told(row: Adjustment) -> dict[str, object]:
    """What the log keeps of a request: enough to find a change behind the program's back."""
    told = {"asked_for": row.kind, "amount": money.plain(row.amount_minor, row.currency), "currency": row.currency, "asked_because": row.reason}
    return told | {"parts": row.parts, "document": row.document, "managers": row.level, "request_state": row.state}
