"""Deliveries that are not invoiced yet 未开票: taken in, ended by their invoice or cancelled; exposure, no receivable (S4, S26)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import customers, intake
from collect.storage import audit, undoing
from collect.storage import deliveries as storage
from collect.storage.customers import find_customer
from collect.storage.database import next_ids
from collect.storage.deliveries import Delivery
from collect.storage.receivables import Item

INVOICED, CANCELLED = "invoiced", "cancelled"


@dataclass(frozen=True, slots=True)
class Draft:
    """A delivery as it came in; `amount` minor units, `invoice_no` the invoice that is written for it, in the books or not yet."""

    number: str
    delivered_on: date
    currency: str
    amount: int
    order_no: str | None = None
    description: str | None = None
    invoice_no: str | None = None


class Billed(NamedTuple):
    """An invoice that came into the books: what may say which deliveries it is about."""

    customer_id: int
    number: str
    issued: date
    order_no: str | None
    delivered_on: date | None
    delivery_nos: tuple[str, ...] = ()


@dataclass(slots=True)
class _Invoices:
    """The invoices in the books that deliveries of a batch may belong to: issue dates by number, numbers by order and day."""

    by_number: dict[tuple[int, str], date] = field(default_factory=dict)
    by_order: dict[tuple[int, str, date], str] = field(default_factory=dict)

    def of(self, customer_id: int, draft: Draft) -> tuple[str, date] | None:
        """The invoice of a delivery and its issue date; None while there is none."""
        number = draft.invoice_no or self.by_order.get((customer_id, draft.order_no or "", draft.delivered_on))
        issued = self.by_number.get((customer_id, number)) if number else None
        return (number, issued) if number and issued else None


def names_of(text: str | None) -> tuple[str, ...]:
    """The delivery numbers an invoice names, separated by commas or semicolons of either width."""
    if not text:
        return ()
    plain = money.fold(text)
    for sign in ";、，；":
        plain = plain.replace(sign, ",")
    return tuple(dict.fromkeys(part.strip() for part in plain.split(",") if part.strip()))


def take_in(batch: intake.Batch, chunk: list[intake.Group]) -> None:
    """Decide and store a chunk of delivery rows: new, changed (described otherwise, or invoiced by now), unchanged or refused."""
    accounts = customers.accounts(batch, [batch.cell(row, "customer_no") for group in chunk for row in group])
    drafts: list[tuple[intake.Group, int, Draft]] = []
    for group in chunk:
        try:
            number, draft = _read(batch, group[0], accounts)
            for other in group[1:]:
                if _read(batch, other, accounts) != (number, draft):
                    raise Refusal("number_twice_in_file", "delivery_no", number=draft.number, line=other.line)
            drafts.append((group, accounts[number].id, draft))
        except Refusal as refusal:
            batch.refuse(group, refusal)
    wanted = intake.among(batch.work.session, Delivery.delivery_no, [draft.number for _, _, draft in drafts])
    known = {row.delivery_no: row for row in batch.work.session.scalars(sa.select(Delivery).where(Delivery.seller_id == batch.work.seller.id, wanted))}
    undone = undoing.undone_among(batch.work.session, {row.import_id for row in known.values() if row.ended == CANCELLED and row.import_id is not None})
    invoices = _invoices(batch.work, [(customer_id, draft) for _, customer_id, draft in drafts])
    for group, customer_id, draft in drafts:
        try:
            row = known.get(draft.number)
            if row is not None and row.ended == CANCELLED and row.import_id in undone:
                raise Refusal("delivery_undone", "delivery_no", number=draft.number)
            if row is None:
                _add(batch.work, customer_id, draft, invoices, batch.import_id)
                batch.new += 1
                batch.stored += 1
                batch.unchanged += len(group) - 1
            else:
                changed = _update(batch.work, row, customer_id, draft, invoices)
                batch.changed += changed
                batch.unchanged += len(group) - changed
        except Refusal as refusal:
            batch.refuse(group, refusal)
    batch.work.session.flush()


def _read(batch: intake.Batch, row: intake.Row, accounts: dict[str, customers.Account]) -> tuple[str, Draft]:
    """A row as its customer's number and a draft, checked in itself; raises Refusal naming the field."""
    number, customer_no, currency, amount = customers.document_of(batch, row, "delivery_no", accounts)
    day = batch.required_day(row, "delivered_on")
    draft = Draft(number, day, currency, amount, batch.code(row, "order_no"), batch.text(row, "description", 500), batch.code(row, "invoice_no"))
    _check(batch.work, draft)
    return customer_no, draft


def _check(work: Work, draft: Draft) -> None:
    if draft.amount <= 0:
        raise Refusal("delivery_not_positive", "amount", value=money.plain(draft.amount, draft.currency))
    if draft.delivered_on > work.today:
        raise Refusal("delivery_in_future", "delivered_on", value=draft.delivered_on.isoformat())


def enter(work: Work, customer_no: str, draft: Draft) -> Delivery:
    """Enter one delivery by hand. NotFound outside the actor's scope; Refusal `delivery_known`, and what is wrong in itself."""
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    _check(work, draft)
    if work.session.scalar(sa.select(Delivery.id).where(Delivery.delivery_no == draft.number, Delivery.seller_id == work.seller.id)) is not None:
        raise Refusal("delivery_known", "number", number=draft.number)
    row = _add(work, customer.id, draft, _invoices(work, [(customer.id, draft)]), None)
    work.session.flush()
    return row


def cancel(work: Work, number: str, reason: str) -> None:
    """A delivery came back or never was: it counts no more from today, with the reason (S5).

    NotFound outside the actor's scope; Refusal `missing_reason`, `delivery_ended`.
    """
    work.actor.need(Permission.ALLOCATE)
    row = storage.find_delivery(work.session, work.actor.scope, number, lock=True)
    if row is None:
        raise NotFound("delivery", number)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    if row.ended is not None:
        raise Refusal("delivery_ended", None, number=number)
    _end(work, row, CANCELLED, max(work.today, row.delivered_on), reason.strip()[:400])


def invoiced(work: Work, bills: Iterable[Billed]) -> int:
    """Invoices came in: the deliveries they are about are exposure no more; returns how many.

    An invoice is about the deliveries that name it or that it names; one that names none is about those of its order and
    its day of delivery.
    """
    wanted = list(bills)
    if not wanted:
        return 0
    by_customer: dict[int, list[Delivery]] = {}
    for row in storage.open_of(work.session, work.seller.id, sorted({bill.customer_id for bill in wanted})):
        by_customer.setdefault(row.customer_id, []).append(row)
    count = 0
    for bill in wanted:
        for row in by_customer.get(bill.customer_id, ()):
            if row.ended is None and _about(bill, row):
                row.invoice_no = bill.number
                _end(work, row, INVOICED, max(bill.issued, row.delivered_on), None)
                count += 1
    return count


def _about(bill: Billed, row: Delivery) -> bool:
    if row.invoice_no is not None or bill.delivery_nos:
        return row.invoice_no == bill.number or (row.invoice_no is None and row.delivery_no in bill.delivery_nos)
    return bill.order_no is not None and (row.order_no, row.delivered_on) == (bill.order_no, bill.delivered_on)


def reopen(work: Work, invoice_nos: list[str]) -> int:
    """Invoices were taken back: what was delivered for them is not invoiced again; returns how many deliveries."""
    rows = storage.invoiced_by(work.session, work.seller.id, invoice_nos) if invoice_nos else []
    for row in rows:
        told = {"delivery_no": row.delivery_no, "day": row.ended_on, "invoice": row.invoice_no}
        row.ended, row.ended_on, row.ended_at, row.invoice_no, row.version = None, None, None, None, row.version + 1
        work.note(audit.Note("reopen_delivery", "delivery", row.delivery_no, row.customer_id, told, None))
    return len(rows)


def _end(work: Work, row: Delivery, how: str, day: date, reason: str | None) -> None:
    row.ended, row.ended_on, row.ended_at, row.reason, row.version = how, day, work.now, reason, row.version + 1
    told = {"delivery_no": row.delivery_no, "day": day} | ({"invoice": row.invoice_no} if how == INVOICED else {})
    work.note(audit.Note("invoice_delivery" if how == INVOICED else "cancel_delivery", "delivery", row.delivery_no, row.customer_id, None, told, reason))


def _add(work: Work, customer_id: int, draft: Draft, invoices: _Invoices, import_id: int | None) -> Delivery:
    row = Delivery(
        id=next_ids(work.session, 1)[0],
        seller_id=work.seller.id,
        customer_id=customer_id,
        delivery_no=draft.number,
        delivered_on=draft.delivered_on,
        currency=draft.currency,
        amount_minor=draft.amount,
        order_no=draft.order_no,
        description=draft.description,
        invoice_no=draft.invoice_no,
        import_id=import_id,
        version=1,
        recorded_at=work.now,
    )
    work.session.add(row)
    told = {
        "delivery_no": draft.number,
        "delivered_on": draft.delivered_on,
        "currency": draft.currency,
        "amount": money.plain(draft.amount, draft.currency),
        "order_no": draft.order_no,
    }
    work.note(audit.Note("enter_delivery", "delivery", draft.number, customer_id, None, {name: value for name, value in told.items() if value is not None}))
    _end_if_invoiced(work, row, draft, invoices)
    return row


def _end_if_invoiced(work: Work, row: Delivery, draft: Draft, invoices: _Invoices) -> bool:
    found = invoices.of(row.customer_id, draft)
    if found is None:
        return False
    row.invoice_no = found[0]
    _end(work, row, INVOICED, max(found[1], row.delivered_on), None)
    return True


def _update(work: Work, row: Delivery, customer_id: int, draft: Draft, invoices: _Invoices) -> int:
    """Bring a known delivery up to the file: 1 when something changed. Another customer, day, currency or amount is refused."""
    fixed = (("customer_no", row.customer_id, customer_id), ("delivered_on", row.delivered_on, draft.delivered_on))
    for name, before, after in (*fixed, ("currency", row.currency, draft.currency), ("amount", row.amount_minor, draft.amount)):
        if before != after:
            raise Refusal("delivery_differs", name, number=draft.number)
    was: dict[str, Any] = {}
    now: dict[str, Any] = {}
    for name in ("order_no", "description", "invoice_no"):
        value = getattr(draft, name)
        if value is not None and value != getattr(row, name) and (row.ended is None or name == "description"):
            was[name], now[name] = getattr(row, name), value
            setattr(row, name, value)
    if now:
        row.version += 1
        work.note(audit.Note("change", "delivery", row.delivery_no, row.customer_id, was, now))
    ended = row.ended is None and _end_if_invoiced(work, row, draft, invoices)
    return 1 if now or ended else 0


def _invoices(work: Work, drafts: list[tuple[int, Draft]]) -> _Invoices:
    """The invoices that these deliveries name or that are of their order, looked up for all of them at once."""
    found = _Invoices()
    names = sorted({draft.invoice_no for _, draft in drafts if draft.invoice_no})
    orders = sorted({draft.order_no for _, draft in drafts if draft.order_no})
    if not names and not orders:
        return found
    columns = (Item.customer_id, Item.document_no, Item.issue_date, Item.po_no, Item.delivered_on)
    fits = [intake.among(work.session, column, values) for column, values in ((Item.document_no, names), (Item.po_no, orders)) if values]
    query = sa.select(*columns).where(Item.seller_id == work.seller.id, Item.kind == "invoice", Item.voided_on.is_(None), sa.or_(*fits))
    for customer_id, number, issued, order_no, delivered_on in work.session.execute(query.order_by(Item.document_no.desc())):
        found.by_number[customer_id, number] = issued
        if order_no and delivered_on:
            found.by_order[customer_id, order_no, delivered_on] = number
    return found
