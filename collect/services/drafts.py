"""E-invoices as drafts: read, matched to a customer, and put into the books once customer and due date are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Actor, Permission
from collect.domain.terms import parse as parse_terms
from collect.exchange.cells import Limits
from collect.exchange.einvoice import reading
from collect.exchange.einvoice.shape import EInvoice
from collect.runtime import Runtime, View, Work
from collect.services import customers, invoices, proposing, receipts
from collect.services.invoices import Bill
from collect.services.receipts import Receipt
from collect.storage import audit
from collect.storage import drafts as storage
from collect.storage.cash import Credit
from collect.storage.customers import Customer, find_customer, load_customers
from collect.storage.database import next_ids
from collect.storage.drafts import Draft
from collect.storage.receivables import Item

_EMAIL = re.compile(r"[^\s@<>,;:\"]{1,64}@[^\s@<>,;:\"]{1,180}\.[^\s@<>,;:\".]{2,24}")
_SIGNS = str.maketrans("", "", " -./\u00a0\t")
_PROPOSALS = 5
_OURS = 90
"""How alike the seller of an e-invoice must be named to be us."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file: its draft, and whether it was new. `customer_no` is whom it is matched to, if anybody; `foreign` says why its seller may not be us."""

    draft_id: int
    number: str
    kind: str
    new: bool
    customer_no: str | None
    told: dict[str, Any]
    foreign: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A customer whom an e-invoice may be for, and the evidence: `how` is tax_no or name, `score` 0 to 100 (S13)."""

    customer_id: int
    customer_no: str
    name: str
    tax_no: str | None
    how: str
    score: int

    @property
    def certain(self) -> bool:
        """Whether the evidence is the tax number, or the whole name in its normalised form."""
        return self.score == 100


def take_in(runtime: Runtime, actor: Actor, source: Path | bytes, name: str) -> Taken:
    """Read an e-invoice and keep it as a draft that waits; the same document again changes nothing (S16).

    The amount is BT-112, what is prepaid (BT-113) becomes a receipt dated the issue date, what is open is BT-115, which
    a rounding (BT-114) makes a little more or less than the rest. The
    buyer is matched by tax number, then by name in its normalised form, where exactly one customer fits. Refusals:
    those of reading, those of `check`, `einvoice_known` where a draft of that number says something else,
    `einvoice_in_books` where the number is in the books without a draft.
    """
    actor.need(Permission.IMPORT)
    name = name.encode("utf-8", "replace").decode("utf-8")
    found, sha256 = reading.read(source, name, Limits.of(runtime.settings))
    check(found)
    with runtime.read(actor) as view:
        fitting = [one for one in propose(view, found.buyer.name, found.buyer.tax_nos, found.buyer.country) if one.certain]
    taken = runtime.write(actor, lambda work: _keep(work, found, name, sha256, fitting[0] if len(fitting) == 1 else None))
    return replace(taken, foreign=foreign_seller(view.seller.name, runtime.settings.own_tax_nos, taken.told))


def check(found: EInvoice) -> None:
    """Whether the books can hold the document so that its payable is what is open.

    Refusals: `einvoice_nothing` over zero, or rounded to it; `amount_too_large` where gross and rounding together are
    (S1); `einvoice_paid_out` for a credit that was paid out in part, or an invoice whose prepaid is negative.
    """
    owed = found.gross + found.rounding
    if found.gross == 0 or owed == 0 or (owed < 0) != (found.gross < 0):
        raise Refusal("einvoice_nothing", "amount", number=found.number)
    if abs(owed) > money.LIMIT:
        raise Refusal("amount_too_large", "amount", value=money.plain(owed, found.currency), currency=found.currency)
    if found.prepaid < 0 or (found.prepaid and _kind(found) == "credit_note"):
        raise Refusal("einvoice_paid_out", "amount", number=found.number, prepaid=money.plain(found.prepaid, found.currency))


def _kind(found: EInvoice) -> str:
    """A negative invoice is a credit note, and a negative credit note an invoice."""
    return "credit_note" if (found.kind == "credit_note") != (found.gross < 0) else "invoice"


def _keep(work: Work, found: EInvoice, name: str, sha256: str, buyer: Proposal | None) -> Taken:
    kind, number, amount = _kind(found), found.number, abs(found.gross)
    fields = _fields(found)
    live = sa.select(Draft).where(Draft.document_no == number, Draft.seller_id == work.seller.id, Draft.state != "discarded")
    known = work.session.scalars(live.order_by(Draft.id).limit(1)).first()
    if known is not None:
        if known.file_hash != sha256 and (known.kind, *(known.fields.get(key) for key in _SAME)) != (kind, *(fields[key] for key in _SAME)):
            raise Refusal("einvoice_known", "number", number=number)
        return Taken(known.id, number, kind, False, _number_of(work, known.customer_id), known.fields)
    if _in_books(work, number):
        raise Refusal("einvoice_in_books", "number", number=number)
    if buyer:
        fields["matched"] = buyer.how
    draft = Draft(
        id=next_ids(work.session, 1)[0],
        seller_id=work.seller.id,
        form=found.form,
        kind=kind,
        document_no=number,
        issue_date=found.issued,
        due_date=found.due,
        currency=found.currency,
        amount_minor=amount,
        prepaid_minor=found.prepaid,
        buyer_name=found.buyer.name[:200] or None,
        buyer_tax_no=(found.buyer.tax_nos[0][:64] if found.buyer.tax_nos else None),
        customer_id=buyer.customer_id if buyer else None,
        fields=fields,
        state="waiting",
        file_name=name[:255],
        file_hash=sha256,
        by=work.actor.name,
        version=1,
        recorded_at=work.now,
    )
    work.session.add(draft)
    told = {"kind": kind, "amount": money.plain(amount, found.currency), "currency": found.currency, "buyer": draft.buyer_name, "file_hash": sha256}
    work.note(audit.Note("draft", "draft", number, draft.customer_id, None, {key: value for key, value in told.items() if value}))
    return Taken(draft.id, number, kind, True, buyer.customer_no if buyer else None, fields)


_SAME = ("issued", "due", "currency", "gross", "prepaid", "payable")
"""What makes two documents of one number the same, in whichever form they come."""


def _fields(found: EInvoice) -> dict[str, Any]:
    """Everything that was read, as texts: amounts with their decimals, dates in ISO form."""
    told: dict[str, Any] = {}
    for name, value in asdict(found).items():
        if name in ("net", "gross", "prepaid", "payable", "rounding"):
            told[name] = money.plain(value, found.currency) if value is not None else None
        elif isinstance(value, date):
            told[name] = value.isoformat()
        else:
            told[name] = value
    return told


def foreign_seller(ours: str, own_tax_nos: str, fields: dict[str, Any]) -> Refusal | None:
    """Why the seller of an e-invoice may not be us, so that it may be one that we have to pay; None where he is.

    Our numbers for tax and register are those that the installation has set, with commas between: one of them among the
    seller's settles it, however it is spaced; none of them is told (`einvoice_other_number`). Where either side has no
    number the name decides, in any spelling of it (`einvoice_other_seller`); one without both cannot be checked
    (`einvoice_no_seller`).
    """
    seller = fields.get("seller") or {}
    name, country = str(seller.get("name") or "").strip(), str(seller.get("country") or "")
    numbers = [str(number) for number in seller.get("tax_nos") or ()]
    own = [number.strip() for number in own_tax_nos.split(",") if number.strip()]
    if own and numbers:
        if set(_spellings(numbers, country)) & set(_spellings(own, country)):
            return None
        return Refusal("einvoice_other_number", "seller", seller=name or "?", value=", ".join(numbers[:3]), ours=ours, own=", ".join(own[:3]))
    if not name:
        return Refusal("einvoice_no_seller", "seller", ours=ours)
    return Refusal("einvoice_other_seller", "seller", seller=name, ours=ours) if proposing.name_score(name, ours) < _OURS else None


def rounding_of(draft: Draft) -> int:
    """What rounding (BT-114) adds to the amount of the draft, in minor units; the sign is turned with that of the document."""
    text, gross = str(draft.fields.get("rounding") or "0"), str(draft.fields.get("gross") or "")
    minor = money.parse(text, draft.currency)
    return -minor if gross.startswith("-") else minor


def owed_of(draft: Draft) -> int:
    """The amount that goes into the books: gross and rounding (BT-112 + BT-114), which is prepaid and payable (BT-113 + BT-115)."""
    return draft.amount_minor + rounding_of(draft)


def _number_of(work: Work, customer_id: int | None) -> str | None:
    return work.session.scalar(sa.select(Customer.customer_no).where(Customer.id == customer_id)) if customer_id is not None else None


def _in_books(work: Work, number: str) -> bool:
    items = sa.select(Item.id).where(Item.document_no == number, Item.seller_id == work.seller.id).limit(1)
    notes = sa.select(Credit.id).where(Credit.number == number, Credit.kind == "credit_note", Credit.seller_id == work.seller.id).limit(1)
    return work.session.scalar(items) is not None or work.session.scalar(notes) is not None


def propose(view: View, name: str, tax_nos: Sequence[str], country: str = "") -> list[Proposal]:
    """Whom an e-invoice may be for, the surest first, five at most: those with the buyer's tax number, else those named alike.

    A tax number counts however it is spaced, with its country in front or without. A name counts as the whole of it in
    plain spelling; one that only resembles, or differs in its company form, is shown to a person and never taken.
    """
    session, scope = view.session, view.actor.scope
    by_number = storage.load_by_tax_no(session, scope, _spellings(tax_nos, country), _PROPOSALS) if tax_nos else []
    if by_number:
        return [Proposal(one.id, one.customer_no, one.name, one.tax_no, "tax_no", 100) for one in by_number]
    if not name.strip():
        return []
    scored = proposing.Names.load(session, scope).search(name)[:_PROPOSALS]
    customers_of = load_customers(session, scope, [key for key, _ in scored])
    found = [(customers_of[key], score) for key, score in scored if key in customers_of]
    return [Proposal(one.id, one.customer_no, one.name, one.tax_no, "name", score) for one, score in found]


def _spellings(numbers: Sequence[str], country: str) -> list[str]:
    """Tax numbers in capitals without blanks and dashes, each also with its country in front and without."""
    found: list[str] = []
    for number in numbers:
        plain = number.upper().translate(_SIGNS)
        bare = plain[2:] if plain[:2].isalpha() and len(plain) > 7 else plain
        found += [plain, bare, *([f"{country}{bare}"] if country else [])]
    return list(dict.fromkeys(spelling for spelling in found if spelling))


def assign(work: Work, draft_id: int, customer_no: str, version: int) -> None:
    """Say whose e-invoice it is. Refusals `unknown_customer`, `draft_done`, `changed_meanwhile`."""
    work.actor.need(Permission.IMPORT)
    draft = _draft(work, draft_id, version)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise Refusal("unknown_customer", "customer", value=customer_no)
    if customer.id != draft.customer_id:
        draft.fields = {name: value for name, value in draft.fields.items() if name != "matched"}
    draft.customer_id, draft.version = customer.id, draft.version + 1
    work.note(audit.Note("assign", "draft", draft.document_no, customer.id, None, {"customer": customer.customer_no}))


def create_customer(work: Work, draft_id: int, customer_no: str, terms: str | None, version: int) -> None:
    """Make a customer of the buyer as the e-invoice names him, and assign it. Refusals of a customer's own fields."""
    work.actor.need(Permission.IMPORT)
    draft = _draft(work, draft_id, version)
    buyer = draft.fields.get("buyer") or {}
    email = str(buyer.get("email") or "")
    customers.create(
        work,
        customer_no,
        draft.buyer_name or "",
        draft.currency,
        terms=terms,
        tax_no=draft.buyer_tax_no,
        email=email if email.isascii() and _EMAIL.fullmatch(email) else None,
        address=str(buyer.get("address") or "") or None,
        country=str(buyer.get("country") or "") or None,
    )
    assign(work, draft_id, customer_no, version)


def post(work: Work, draft_id: int, version: int, due: date | None = None, terms: str | None = None) -> str:
    """Put a draft into the books; returns the document's number. What was prepaid is a receipt of the issue date.

    A rounding is part of the amount issued, so that what is open is the payable to the cent; the document's description
    tells both parts.
    Without a due date in the document, `due` or `terms` or the customer's terms decide; else Refusal `draft_needs_terms`.
    Refusals besides: `draft_needs_customer`, `draft_done`, `changed_meanwhile`, and those of issuing a document.
    """
    work.actor.need(Permission.ALLOCATE)
    draft = _draft(work, draft_id, version)
    customer = work.session.get(Customer, draft.customer_id) if draft.customer_id is not None else None
    if customer is None:
        raise Refusal("draft_needs_customer", "customer")
    number = draft.document_no
    if draft.kind == "credit_note":
        invoices.credit(
            work, customer.customer_no, number, draft.issue_date, draft.currency, owed_of(draft), _description(draft) or str(draft.fields.get("terms") or "") or draft.file_name
        )
    else:
        day = due or draft.due_date
        if day is None and not (terms or customer.terms):
            raise Refusal("draft_needs_terms", "due")
        delivered = draft.fields.get("delivered_on")
        bill = Bill(
            number,
            draft.issue_date,
            draft.currency,
            owed_of(draft),
            due=day,
            terms=terms or (_terms_of(draft) if day else None),
            po_no=str(draft.fields.get("order_no") or "")[:64] or None,
            delivered_on=date.fromisoformat(delivered) if delivered else None,
            description=_description(draft),
        )
        items = invoices.issue(work, customer.customer_no, bill)
        if draft.prepaid_minor:
            _prepaid(work, customer, draft, items)
    draft.state, draft.version = "posted", draft.version + 1
    work.note(audit.Note("post", "draft", number, customer.id, {"state": "waiting"}, {"state": "posted"}))
    return number


def _terms_of(draft: Draft) -> str | None:
    """The terms in the document's own words, where they are terms that can be reckoned with; what is told in prose is not."""
    try:
        return str(parse_terms(str(draft.fields.get("terms") or "")))
    except Refusal:
        return None


def _description(draft: Draft) -> str | None:
    """How gross and rounding make the amount, by the names that EN 16931 gives them in every language; None where nothing is rounded."""
    rounding = rounding_of(draft)
    if not rounding:
        return None
    gross, part = money.plain(draft.amount_minor, draft.currency), money.plain(abs(rounding), draft.currency)
    return f"{gross} (BT-112) {'+' if rounding > 0 else '-'} {part} (BT-114)"


def _prepaid(work: Work, customer: Customer, draft: Draft, items: Sequence[Item]) -> None:
    """What the document says is paid already, as a receipt of its issue date that settles the first parts."""
    left, parts = draft.prepaid_minor, []
    for item in items:
        share = min(left, item.amount_minor)
        if share:
            parts.append((item.id, share))
        left -= share
    receipts.receive(work, Receipt(customer.id, f"{draft.document_no[:60]}-PRE", draft.issue_date, draft.currency, draft.prepaid_minor, reference="BT-113"), parts)


def discard(work: Work, draft_id: int, reason: str, version: int) -> None:
    """Put a draft aside for good, with a reason; its number may come again. Refusal `missing_reason`, `draft_done`."""
    work.actor.need(Permission.IMPORT)
    draft = _draft(work, draft_id, version)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    draft.state, draft.reason, draft.version = "discarded", reason.strip()[:200], draft.version + 1
    work.note(audit.Note("discard", "draft", draft.document_no, draft.customer_id, {"state": "waiting"}, {"state": "discarded"}, draft.reason))


def _draft(work: Work, draft_id: int, version: int) -> Draft:
    """A waiting draft under lock, as it was seen."""
    draft = storage.find_draft(work.session, work.actor.scope, draft_id, lock=True)
    if draft is None:
        raise NotFound("draft", draft_id)
    if draft.state != "waiting":
        raise Refusal("draft_done", None, number=draft.document_no)
    if draft.version != version:
        raise Refusal("changed_meanwhile", None, what=draft.document_no)
    return draft
