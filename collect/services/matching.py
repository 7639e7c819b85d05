"""Matching bank lines to customers and their items: what applies itself, what a person accepts, splits, ignores or takes back (S13).

At an import everything that S13 names as sure applies itself (`propose_and_apply`), unless `[matching] apply` is false;
every one of these is taken back by `undo`. All else waits with its proposal until a person accepts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

import sqlalchemy as sa

from collect.domain import matching as rules
from collect.domain import money, payers
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import View, Work, without_collection
from collect.services import cash, line_questions, ordering, proposing, receipts, receiving
from collect.services.receipts import Receipt
from collect.storage import audit
from collect.storage import bank_lines as storage
from collect.storage.bank import BankAccount, BankLine, PayerAlias
from collect.storage.bank_lines import RunningAccount
from collect.storage.cash import Credit
from collect.storage.customers import Customer, find_customer, load_customers
from collect.storage.database import next_ids
from collect.storage.receivables import Item

MOST_AT_ONCE = 2000
"""So many lines are accepted in one go; the rest stands there for the next."""
_NO_REFERENCE = frozenset(["NOTPROVIDED", "NONREF", "NONE", "NOREF"])
T = TypeVar("T")
Part = tuple[int, int]
"""An item's id and how much of it is settled, in minor units."""


@dataclass(frozen=True, slots=True)
class Payer:
    """What a person says of a payer whose name is not the customer's: the customer himself, or a third party with its letter."""

    third_party: bool = False
    letter: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one line: the number of its receipt, or why there is none."""

    line_id: int
    receipt: str | None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of a batch of lines: how many applied themselves, wait with a proposal, or wait without one."""

    applied: int
    proposed: int
    unknown: int


def propose(work: Work, line_ids: Sequence[int] | None = None) -> Matched:
    """Propose a match for open lines (all, or those of the ids) and keep it with its score; nothing is applied."""
    work.actor.need(Permission.ALLOCATE)
    with without_collection():
        return _propose(work, line_ids, False)


def propose_and_apply(work: Work, line_ids: Sequence[int] | None = None) -> Matched:
    """Propose, and apply what S13 says applies itself, in the order in which the money came in.

    A line sees what the lines before it took. `[matching] apply = false` keeps everything for a person.
    """
    work.actor.need(Permission.ALLOCATE)
    with without_collection():
        return _propose(work, line_ids, work.settings.match_apply)


def _propose(work: Work, line_ids: Sequence[int] | None, apply: bool) -> Matched:
    lines = storage.load_open_lines(work.session, work.actor.scope, line_ids)
    facts = proposing.load_facts(work.session, work.actor.scope, work.seller.id, lines, ordering.load(work.session, work.actor.scope, work.seller, work.today).of)
    accounts = {account.id: account for account in storage.our_accounts(work.session)}
    many = receiving.Receiving.begin(work)
    if apply:
        many.load([item.id for items in facts.owed.values() for item in items])
    taken = storage.numbers_taken(work.session, work.seller.id, [each for line in lines for each in _numbers(line, accounts[line.account_id])]) if apply else set()
    voided = storage.days_voided(work.session, [line.id for line in lines if line.version > 1]) if apply else {}
    applied = proposed = 0
    for line in lines:
        proposal = facts.propose(line)
        proposing.store(line, proposal)
        if proposal is None:
            continue
        proposed += 1
        if apply and proposal.applies and _apply(work, many, line, accounts[line.account_id], proposal, taken, voided):
            facts.settle(proposal.customer_id, proposal.parts, line.day)
            applied += 1
    many.write()
    return Matched(applied, proposed - applied, len(lines) - proposed)


def _apply(work: Work, many: receiving.Receiving, line: BankLine, account: BankAccount, proposal: rules.Proposal, taken: set[str], voided: dict[int, date]) -> bool:
    """Apply a proposal by rule: with the many where it can be, else alone; whether it was."""
    number = next((each for each in _numbers(line, account) if each not in taken), None)
    if number is None:
        return False
    draft = _draft(line, proposal.customer_id, number, line.amount_minor, max(line.day, voided.get(line.id, line.day)))
    with work.session.no_autoflush:  # the line must not name its credit before `write` has put it there
        fits = many.fits(draft, proposal.parts)
        if fits:
            _done(work, line, [(number, many.add(draft, proposal.parts), proposal.customer_id)], True)
    if not fits:
        many.write()
        made, _ = _attempt(work, lambda: _book(work, line, account, {proposal.customer_id: proposal.parts}, proposal.customer_id, by_rule=True))
        if made is None:
            return False
        number = made
        many.forget([key for key, _ in proposal.parts])
    taken.add(number)
    return True


def _attempt(work: Work, act: Callable[[], T]) -> tuple[T | None, Refusal | None]:
    """Do something that may be refused inside a larger work: a refusal undoes it alone, with its notes and totals."""
    notes, totals = len(work.notes), {key: list(sums) for key, sums in work.totals.items()}
    try:
        with work.session.begin_nested():
            return act(), None
    except Refusal as refusal:
        del work.notes[notes:]
        work.totals = totals
        return None, refusal


def accept(
    work: Work, line_id: int, version: int, parts: Sequence[Part] | None = None, *, customer_no: str | None = None, payer: Payer | None = None, order_no: str | None = None
) -> str:
    """Make the receipt of a line and settle `parts` with it (None: those of its proposal); returns the receipt's number.

    `customer_no` names another customer than the proposed one; parts may also be items of other customers: those of his
    group are settled with his receipt, others get receipts of their own of as much. `order_no` makes it a prepayment.
    Raises NotFound; Refusal `changed_meanwhile`, `line_not_open`, `line_has_no_proposal`, `payer_is_stranger` (say who
    he is), `letter_missing`, `order_missing`, and whatever `receipts.receive` refuses.
    """
    line = _line(work, line_id, version)
    _need_open(line)
    customer = _chosen(work, line, customer_no)
    if parts is None:
        parts = proposing.parts_of(line) if customer.id == line.customer_id else ()
        if customer.id == line.customer_id and (line.proposal or {}).get("kind") == "advance":
            order_no = order_no or (line.proposal or {}).get("order_no")
            if not order_no:
                raise Refusal("order_missing", "order_no")
    _introduce(work, line, customer, payer)
    by_customer = _by_customer(work, line, customer, parts)
    account = work.session.get_one(BankAccount, line.account_id)
    return _book(work, line, account, by_customer, customer.id, by_rule=False, order_no=order_no)


def accept_all(work: Work, lines: Sequence[tuple[int, int]]) -> list[Result]:
    """Accept the proposals of many lines, (id, version) each, with a result per line: what is refused stays open and says why."""
    work.actor.need(Permission.ALLOCATE)
    found = []
    for line_id, version in lines[:MOST_AT_ONCE]:
        number, refusal = _attempt(work, _accepting(work, line_id, version))
        found.append(Result(line_id, number, refusal))
    return found


def _accepting(work: Work, line_id: int, version: int) -> Callable[[], str]:
    return lambda: accept(work, line_id, version)


def accept_above(work: Work, threshold: int, wish: storage.LineWish | None = None) -> list[Result]:
    """Accept every proposal with at least that score (0 to 100), oldest first; Refusal `bad_threshold` outside 1 to 100."""
    if not 1 <= threshold <= 100:
        raise Refusal("bad_threshold", "threshold", value=threshold)
    work.actor.need(Permission.ALLOCATE)
    return accept_all(work, storage.load_ids_to_accept(work.session, work.actor.scope, wish or storage.LineWish(), threshold, MOST_AT_ONCE))


def ignore(work: Work, line_id: int, version: int, reason: str) -> None:
    """Set a line aside that is no customer's money, with the reason; `undo` brings it back."""
    line = _line(work, line_id, version)
    _need_open(line)
    line.reason = _reason(reason)
    line.state, line.customer_id, line.proposal, line.score = "ignored", None, None, None
    line.version += 1
    work.note(audit.Note("ignore", "bank_line", str(line.id), None, {"line_state": "open"}, _told(line), line.reason))


def undo(work: Work, line_id: int, version: int, reason: str) -> None:
    """Take back what became of a line: its receipts are voided by entries of their own, and it waits as before, proposed anew.

    Nothing is deleted (S5): the entries that take back count from the bank's day, so that on no day the money is there twice once the
    line is matched anew (from today where that month is closed). A line that the answer to a question had set aside is
    asked about again: neither money that the bank took back nor a line told twice is accepted by the way. Raises NotFound; Refusal `changed_meanwhile`,
    `line_not_done`, `missing_reason`, and what voiding refuses (a closed month).
    """
    line = _line(work, line_id, version)
    if line.state not in ("applied", "ignored"):
        raise Refusal("line_not_done", None)
    told = _reason(reason)
    made = work.session.scalars(sa.select(Credit).where(Credit.line_id == line.id, Credit.voided_on.is_(None)).order_by(Credit.id)).all()
    receipts.void_from(work, made, line.day, told)
    before, owner = line.state, line.customer_id
    _unlearn(work, line)
    line.state, line.credit_id, line.customer_id, line.reason, line.proposal, line.score = "open", None, None, None, None, None
    line.version += 1
    if before == "ignored":
        line_questions.ask_again(work, line)
    work.note(audit.Note("undo", "bank_line", str(line.id), owner, {"line_state": before}, _told(line), told))
    work.session.flush()
    _propose(work, [line.id], False)


def _unlearn(work: Work, line: BankLine) -> None:
    """Forget the payer that accepting lines taught when the last of them is taken back: what was wrong must not teach."""
    if line.customer_id is None or not line.payer:
        return
    of_payer = sa.and_(BankLine.customer_id == line.customer_id, BankLine.payer == line.payer)
    if work.session.scalars(sa.select(BankLine.id).where(of_payer, BankLine.state == "applied", BankLine.id != line.id).limit(1)).first() is not None:
        return
    moments = sa.select(Credit.recorded_at).join(BankLine, BankLine.id == Credit.line_id).where(BankLine.payer == line.payer, Credit.customer_id == line.customer_id)
    taught = sa.select(PayerAlias.id).where(
        PayerAlias.customer_id == line.customer_id,
        PayerAlias.name == " ".join(line.payer.split()),
        PayerAlias.ended_at.is_(None),
        PayerAlias.recorded_at.in_(moments),
    )
    for alias_id in work.session.scalars(taught).all():
        forget(work, alias_id)


def learn(work: Work, name: str, account: str | None, customer_no: str, third_party: bool = False, letter: str | None = None) -> int:
    """Learn that this payer (by name, and account where known) pays for a customer; a third party only with its letter.

    Learning the same again changes nothing. Refusal `payer_missing`, `letter_missing`, `too_long`.
    """
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    return _learn(work, name, account, customer, third_party, letter)


def _learn(work: Work, name: str, account: str | None, customer: Customer, third_party: bool, letter: str | None) -> int:
    name, account, letter = " ".join(name.split()), (account or "").strip() or None, " ".join((letter or "").split()) or None
    if not name:
        raise Refusal("payer_missing", "name")
    if third_party and not letter:
        raise Refusal("letter_missing", "letter")
    for text, field, most in ((name, "name", 200), (account, "account", 64), (letter, "letter", 200)):
        if text and len(text) > most:
            raise Refusal("too_long", field, value=text[:40], longest=most)
    same = sa.select(PayerAlias.id).where(
        PayerAlias.name == name, PayerAlias.account == account, PayerAlias.customer_id == customer.id, PayerAlias.third_party == third_party, PayerAlias.ended_at.is_(None)
    )
    if (known := work.session.scalars(same).first()) is not None:
        return known
    (key,) = next_ids(work.session, 1)
    work.session.add(
        PayerAlias(
            id=key,
            name=name,
            account=account,
            customer_id=customer.id,
            third_party=third_party,
            letter=letter if third_party else None,
            by=work.actor.name,
            recorded_at=work.now,
        )
    )
    work.session.flush()
    work.note(audit.Note("learn", "payer", name, customer.id, None, {"account": account, "third_party": third_party, "letter": letter}))
    return key


def forget(work: Work, alias_id: int) -> None:
    """A learned payer ends: from now on he is a stranger again; what he paid stays as it is. NotFound outside the scope."""
    work.actor.need(Permission.ALLOCATE)
    alias = storage.find_alias(work.session, work.actor.scope, alias_id)
    if alias is None:
        raise NotFound("payer", alias_id)
    if alias.ended_at is None:
        alias.ended_at = work.now
        work.note(audit.Note("forget", "payer", alias.name, alias.customer_id, {"account": alias.account, "letter": alias.letter}, None))


def set_running(work: Work, customer_no: str, running: bool, note: str | None = None) -> None:
    """Mark a customer as settling by running account 滚动结算, or end that (S13); what is so already stays. NotFound; Refusal `too_long`."""
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    if note and len(note) > 200:
        raise Refusal("too_long", "note", value=note[:40], longest=200)
    known = work.session.get(RunningAccount, customer.id)
    if (known is not None) == running:
        return
    if known is not None:
        work.session.delete(known)
    else:
        work.session.add(RunningAccount(customer_id=customer.id, since=work.today, note=note or None, by=work.actor.name, recorded_at=work.now))
    work.note(audit.Note("change", "running_account", customer_no, customer.id, {"running": not running}, {"running": running}, note or None))


def _line(work: Work, line_id: int, version: int) -> BankLine:
    """The line under lock, as the person saw it."""
    work.actor.need(Permission.ALLOCATE)
    line = storage.find_line(work.session, work.actor.scope, line_id, lock=True)
    if line is None:
        raise NotFound("bank_line", line_id)
    if line.version != version:
        raise Refusal("changed_meanwhile", None, what=line.payer or line.reference or str(line.id))
    return line


def _need_open(line: BankLine) -> None:
    if line.state != "open" or line.amount_minor <= 0:
        raise Refusal("line_not_open", None)
    if line.reversal:
        raise Refusal("line_is_reversal", None)
    if line.question is not None:
        raise Refusal("line_has_question", None)


def _chosen(work: Work, line: BankLine, customer_no: str | None) -> Customer:
    if customer_no is not None:
        customer = find_customer(work.session, work.actor.scope, customer_no)
        if customer is None:
            raise NotFound("customer", customer_no)
        return customer
    if line.customer_id is None:
        raise Refusal("line_has_no_proposal", None)
    found = load_customers(work.session, work.actor.scope, [line.customer_id or 0]).get(line.customer_id or 0)
    if found is None:
        raise NotFound("customer", line.customer_id)
    return found


def asks_who_pays(view: View, line_id: int, customer_no: str) -> bool:
    """Whether accepting a line for a customer needs a person's word on who its payer is (S13); False where either is not seen."""
    line, customer = storage.find_line(view.session, view.actor.scope, line_id), find_customer(view.session, view.actor.scope, customer_no)
    return line is not None and customer is not None and _is_stranger(view, line, customer)


def _is_stranger(of: Work | View, line: BankLine, customer: Customer) -> bool:
    """Whether the payer's name is neither the customer's nor learned for him."""
    if not (line.payer or "").strip():
        return False
    aliases = proposing.Aliases.load(of.session, of.actor.scope)
    if any(alias.customer_id == customer.id for _, alias in aliases.of(line.payer, line.payer_account)):
        return False
    return proposing.name_score(line.payer or "", customer.name) < payers.ALIKE


def _introduce(work: Work, line: BankLine, customer: Customer, payer: Payer | None) -> None:
    """A payer with another name than the customer's needs a person's word (a third party: its letter), and is learned by it."""
    if _is_stranger(work, line, customer):
        if payer is None:
            raise Refusal("payer_is_stranger", "payer", payer=line.payer, customer=customer.name)
        _learn(work, line.payer or "", line.payer_account, customer, payer.third_party, payer.letter)
    elif line.payer and proposing.name_score(line.payer, customer.name) < payers.KNOWN and payer is None:
        _learn_alike(work, line, customer)


def _learn_alike(work: Work, line: BankLine, customer: Customer) -> None:
    """A name that is only alike, and that a person accepted, is known from now on; one that is learned stays as it is."""
    aliases = proposing.Aliases.load(work.session, work.actor.scope)
    if not aliases.of(line.payer, line.payer_account):
        _learn(work, line.payer or "", line.payer_account, customer, False, None)


def _by_customer(work: Work, line: BankLine, customer: Customer, parts: Sequence[Part]) -> dict[int, Sequence[Part]]:
    """The parts by the customer whose items they are; what no part takes is the chosen customer's."""
    items = storage.load_items(work.session, work.actor.scope, [key for key, _ in parts])
    found: dict[int, list[Part]] = {customer.id: []}
    for key, amount in parts:
        item: Item | None = items.get(key)
        if item is None:
            raise NotFound("invoice", key)
        own = item.customer_id == customer.id or cash.same_group(work, item.customer_id, customer.id)
        found.setdefault(customer.id if own else item.customer_id, []).append((key, amount))
    total = sum(amount for _, amount in parts)
    if total > line.amount_minor:
        told = {"value": money.plain(total, line.currency), "rest": money.plain(line.amount_minor, line.currency), "currency": line.currency}
        raise Refusal("allocation_beyond_receipt", "parts", **told)
    if not found[customer.id] and total == line.amount_minor and len(found) > 1:
        del found[customer.id]
    return {key: tuple(own) for key, own in found.items()}


def _book(work: Work, line: BankLine, account: BankAccount, by_customer: dict[int, Sequence[Part]], main: int, *, by_rule: bool, order_no: str | None = None) -> str:
    """The receipts of a line, one a customer, and the line as applied; returns the number of the first."""
    made: list[tuple[str, int, int]] = []
    day = max(line.day, storage.days_voided(work.session, [line.id]).get(line.id, line.day))  # what was made of it before counted until then
    rest = line.amount_minor - sum(amount for parts in by_customer.values() for _, amount in parts)
    taken = storage.numbers_taken(work.session, work.seller.id, _numbers(line, account))
    for place, customer_id in enumerate(sorted(by_customer, key=lambda key: (key != main, key))):
        amount = sum(amount for _, amount in by_customer[customer_id]) + (rest if place == 0 else 0)
        number = next((each for each in _numbers(line, account) if each not in taken), f"{account.number[-4:]}-{next_ids(work.session, 1)[0]}")
        taken.add(number)
        draft = replace(_draft(line, customer_id, number, amount, day), order_no=order_no if customer_id == main else None)
        made.append((number, receipts.receive(work, draft, by_customer[customer_id]).id, customer_id))
    _done(work, line, made, by_rule)
    return made[0][0]


def _draft(line: BankLine, customer_id: int, number: str, amount: int, day: date) -> Receipt:
    reference, payer = (line.reference or "")[:100] or None, (line.payer or "")[:200] or None
    return Receipt(customer_id, number, day, line.currency, amount, "transfer", reference, payer, line.id)


def _done(work: Work, line: BankLine, made: Sequence[tuple[str, int, int]], by_rule: bool) -> None:
    """The line as applied, and the log's row of it; `made` are (number, credit id, customer id)."""
    line.state, line.credit_id, line.customer_id, line.reason = "applied", made[0][1], made[0][2], None
    line.version += 1
    told = _told(line) | {"receipt": [number for number, _, _ in made] if len(made) > 1 else made[0][0], "by_rule": by_rule}
    if by_rule and (line.proposal or {}).get("legal"):
        told["legal_default"] = True
    work.note(audit.Note("match", "bank_line", str(line.id), line.customer_id, {"line_state": "open"}, told))


def _numbers(line: BankLine, account: BankAccount) -> list[str]:
    """Numbers for the receipt, the first that is free is taken: the end of our account's number and the bank's reference, or day and line."""
    reference = re.sub(r"[^0-9A-Za-z._-]", "", line.reference or "")
    if not 4 <= len(reference) <= 40 or reference.upper() in _NO_REFERENCE:
        reference = f"{line.day:%y%m%d}-{line.id}"
    stem = f"{account.number[-4:]}-{reference}"
    return [stem, f"{stem}-2", f"{stem}-3", f"{stem}-{line.id}", f"{stem}-{line.id}-{line.version}"]


def _told(line: BankLine) -> dict[str, Any]:
    """What the log keeps of a line."""
    return {"line_state": line.state, "day": line.day, "amount": money.plain(line.amount_minor, line.currency), "currency": line.currency, "payer": line.payer}


def _reason(text: str) -> str:
    told = " ".join(text.split())
    if not told:
        raise Refusal("missing_reason", "reason")
    if len(told) > 200:
        raise Refusal("too_long", "reason", value=told[:40], longest=200)
    return told
