"""Statements of account 对账单: making one or all, printing one again to the byte, and its life until it is confirmed or differs."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from collect.documents import workers
from collect.documents.facts import Party, Section, StatementFacts
from collect.documents.statement import printed
from collect.domain import aging, money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Actor, Permission, Scope
from collect.exchange.export import is_formula
from collect.reports import statements as reports
from collect.reports.statements import Asked
from collect.runtime import Runtime, View, Work, local_day, without_collection
from collect.storage import audit
from collect.storage import statements as storage
from collect.storage.customers import Customer, find_customer
from collect.storage.database import next_ids
from collect.storage.statements import Statement, StatementDifference

LANGUAGES = ("zh", "en")
PAY_WITHIN = 10
"""Days that a demand gives where nobody names a day."""
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What statements are to be like; what is None is today, the customer's language, ten days, no period."""

    kind: str = "confirm"
    as_of: date | None = None
    language: str | None = None
    since: date | None = None
    pay_by: date | None = None


@dataclass(frozen=True, slots=True)
class Which:
    """Which customers of a batch: of a segment, of a rep (user id), only those with something overdue."""

    segment: str = ""
    rep_id: int | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A statement and its file."""

    row: Statement
    pdf: bytes


def make(work: Work, customer_no: str, wish: Wish) -> tuple[Statement, bytes]:
    """Make one customer's statement: its row, with number and file hash, and the PDF.

    A confirmation needs the right to log contacts, a demand the right to send (S28). Refusals: `does_not_tie_out`,
    `statement_in_future`, `bad_period`, `pay_by_too_early`, `nothing_to_demand` (a demand asks for what is past due),
    `not_a_choice`; NotFound outside the scope.
    """
    made = _make(work, _customer(work, customer_no), (), wish)
    return made.row, made.pdf


def make_group(work: Work, customer_no: str, wish: Wish) -> list[Made]:
    """Make the statement of a customer with its group: one with a section for each legal debtor, or a demand to each (S27).

    Members outside the actor's scope are not there (S28). Demands go to those who have something overdue;
    Refusal `nothing_to_demand` when none has.
    """
    parent = _customer(work, customer_no)
    members = storage.load_members(work.session, work.actor.scope, parent.id)
    if wish.kind != "demand":
        return [_make(work, parent, members, wish)]
    made = []
    for debtor in (parent, *members):
        try:
            made.append(_make(work, debtor, (), wish))
        except Refusal as refusal:
            if refusal.code != "nothing_to_demand":
                raise
    if not made:
        raise Refusal("nothing_to_demand", "kind", customer=parent.name, day=(wish.as_of or work.today).isoformat())
    return made


def _customer(work: Work, customer_no: str) -> Customer:
    found = find_customer(work.session, work.actor.scope, customer_no)
    if found is None:
        raise NotFound("customer", customer_no)
    return found


def _checked(wish: Wish, actor: Actor, today: date) -> Wish:
    """The wish with its day and deadline filled in; Refusal where it cannot be."""
    actor.need(Permission.SEND if wish.kind == "demand" else Permission.LOG_CONTACT)
    if wish.kind not in reports.KINDS:
        raise Refusal("not_a_choice", "kind", value=wish.kind, allowed=", ".join(reports.KINDS))
    if wish.language is not None and wish.language not in LANGUAGES:
        raise Refusal("not_a_choice", "language", value=wish.language, allowed=", ".join(LANGUAGES))
    as_of = wish.as_of or today
    if as_of > today:
        raise Refusal("statement_in_future", "as_of", value=as_of.isoformat())
    if wish.since is not None and (wish.since > as_of or wish.kind == "demand" or wish.since <= date.min):
        raise Refusal("bad_period", "since", value=wish.since.isoformat(), as_of=as_of.isoformat())
    pay_by = None
    if wish.kind == "demand":
        pay_by = wish.pay_by or today + timedelta(days=PAY_WITHIN)
        if pay_by < today:
            raise Refusal("pay_by_too_early", "pay_by", value=pay_by.isoformat())
    return replace(wish, as_of=as_of, pay_by=pay_by)


def _make(work: Work, debtor: Customer, members: Sequence[Customer], wish: Wish) -> Made:
    """One statement, from the books as they are known now."""
    wish = _checked(wish, work.actor, work.today)
    row = _row(work, next_ids(work.session, 1)[0], debtor.id, wish, wish.language or debtor.language or work.seller.language)
    row.head = {
        "company": work.seller.name,
        "made_on": work.today.isoformat(),
        "buckets": work.seller.buckets or work.settings.buckets,
        "debtors": [_head(each.id, each.customer_no, each.name, each.address, each.tax_no) for each in (debtor, *members)],
        "accounts": [list(account) for account in storage.own_accounts(work.session, work.seller.id)],
    }
    facts = facts_of(work.session, work.actor.scope, row)
    _check_asked(facts)
    pdf, row.file_hash = printed(facts)
    row.totals = reports.totals(facts.sections)
    work.session.add(row)
    _note_made(work, row)
    return Made(row, pdf)


def _row(work: Work | View, key: int, customer_id: int, wish: Wish, language: str) -> Statement:
    """A statement's row before it is printed."""
    assert wish.as_of is not None  # noqa: S101 - filled in by `_checked`
    known = work.now if isinstance(work, Work) else work.known
    row = Statement(id=key, seller_id=work.seller.id, customer_id=customer_id, number=f"DZ-{key:06d}", kind=wish.kind, as_of=wish.as_of, since=wish.since, pay_by=wish.pay_by)
    row.known_at, row.language, row.state, row.by, row.version, row.recorded_at = known, language if language in LANGUAGES else "en", "made", work.actor.name, 1, work.now
    return row


def _head(key: int, number: str, name: str, address: str | None, tax_no: str | None) -> dict[str, Any]:
    """A debtor as he is printed; the names of later days do not change a statement made today."""
    return {"id": key, "number": number, "name": name, "address": address or "", "tax_no": tax_no or ""}


def _note_made(work: Work, row: Statement) -> None:
    balances = [f"{currency} {sums['balance']}" for currency, sums in row.totals.items()]
    told = {
        "statement": row.number,
        "statement_kind": row.kind,
        "as_of": row.as_of,
        "pay_by": row.pay_by,
        "language": row.language,
        "balance": balances,
        "file_hash": row.file_hash,
    }
    work.note(audit.Note("make_statement", "statement", str(row.id), row.customer_id, None, told))


def _check_asked(facts: StatementFacts) -> None:
    """Refusal `nothing_to_demand` for a demand that has nothing to demand."""
    if facts.kind == "demand" and not any(section.asked for section in facts.sections):
        raise Refusal("nothing_to_demand", "kind", customer=facts.addressee.name, day=facts.as_of.isoformat())


def facts_of(session: Session, scope: Scope, row: Statement) -> StatementFacts:
    """What a statement says, from its row and the books as they were known when it was made; Refusal `does_not_tie_out`."""
    found: list[Section] = []
    for entry in row.head["debtors"]:
        asked = Asked(row.as_of, row.known_at, aging.parse_edges(row.head["buckets"]), scope, row.since, int(entry["id"]))
        sums = reports.balances_of(session, asked)
        for _key, some in reports.sections(session, asked, sums, {asked.customer_id or 0: _party(entry)}, [asked.customer_id or 0]):
            found += some
    return _facts(row, tuple(found))


def _party(entry: Mapping[str, Any]) -> Party:
    return Party(entry["number"], entry["name"], entry["address"], entry["tax_no"])


def _facts(row: Statement, sections: tuple[Section, ...]) -> StatementFacts:
    """The facts of a row with its sections."""
    head = row.head
    accounts = tuple((currency, number, name) for currency, number, name in head["accounts"])
    made_on, debtor = date.fromisoformat(head["made_on"]), _party(head["debtors"][0])
    return StatementFacts(row.number, row.kind, row.language, row.as_of, made_on, head["company"], debtor, sections, row.pay_by, row.since, accounts)


def print_again(session: Session, scope: Scope, statement_id: int) -> tuple[Statement, bytes, bool]:
    """A statement printed again from the books as they were known then, and whether it is the same file to the byte.

    Another release of the program may draw the same figures differently: then the hash differs and the caller says so.
    """
    found = storage.find_statement(session, scope, statement_id)
    if found is None:
        raise NotFound("statement", statement_id)
    row = found[0]
    pdf, made = printed(facts_of(session, scope, row))
    return row, pdf, made == row.file_hash


@dataclass(frozen=True, slots=True)
class Batch:
    """Statements about to be made: what for, in which state of the books, for whom, under which numbers."""

    wish: Wish
    known_at: datetime
    customers: tuple[int, ...]
    ids: range


def plan(runtime: Runtime, actor: Actor, wish: Wish, which: Which) -> Batch:
    """Decide on a batch: every customer with a balance that `which` selects (a demand: with something to demand).

    The control is proven here, before the first file is given out. Needs the right to send. Refusals as for one
    statement; `no_statements` when nobody is selected.
    """
    actor.need(Permission.SEND)
    with runtime.read(actor) as view:
        wish = _checked(wish, actor, view.today)
        sums = reports.balances_of(view.session, _asked(view, wish, view.known))
        parties = storage.load_parties(view.session, actor.scope)
        chosen = []
        for customer_id, entries in sums.items():
            party = parties[customer_id]
            late = any(sum(entry.amounts[1:]) + (entry.unapplied if wish.kind == "demand" else 0) > 0 for entry in entries)
            wanted = (not which.segment or party.segment == which.segment) and which.rep_id in (None, party.rep_id)
            if wanted and (late or not (which.overdue or wish.kind == "demand")):
                chosen.append(customer_id)
        known = view.known
    if not chosen:
        raise Refusal("no_statements")
    ids = runtime.small(lambda session, now: next_ids(session, len(chosen)))
    return Batch(wish, known, tuple(sorted(chosen)), ids)


def _asked(view: View, wish: Wish, known: datetime) -> Asked:
    assert wish.as_of is not None  # noqa: S101 - filled in by `_checked`
    buckets = aging.parse_edges(view.seller.buckets or view.settings.buckets)
    return Asked(wish.as_of, known, buckets, view.actor.scope, wish.since)


def batch(runtime: Runtime, actor: Actor, planned: Batch, progress: Callable[[int], None] | None = None) -> Generator[bytes]:
    """The planned statements as one ZIP, piece by piece: a PDF each, and index.csv; memory does not grow with their number.

    One ordered cursor, no query a customer. What was given out is recorded when the reading ends, also when the
    receiver went away in the middle; the rest was never made.
    """
    out = _Pipe()
    rows: list[Statement] = []
    index = io.StringIO()
    told = csv.writer(index)
    told.writerow(("number", "file", "customer_no", "kind", "as_of", "language", "currency", "open", "unapplied", "balance", "overdue", "sha256"))
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive, closing(_each(runtime, actor, planned)) as each:
            for row, pdf in each:
                name = f"{row.number}-{_plain(row.head['debtors'][0]['number'])}.pdf"
                archive.writestr(zipfile.ZipInfo(name, (row.as_of.year, row.as_of.month, row.as_of.day, 0, 0, 0) if row.as_of.year >= 1980 else (1980, 1, 1, 0, 0, 0)), pdf)
                rows.append(row)
                for currency, sums in row.totals.items():
                    who = row.head["debtors"][0]["number"]
                    who = f"'{who}" if is_formula(who) else who
                    told.writerow(
                        (row.number, name, who, row.kind, row.as_of, row.language, currency, *(sums[key] for key in ("open", "unapplied", "balance", "overdue")), row.file_hash)
                    )
                if progress:
                    progress(len(rows))
                yield out.take()
            archive.writestr(zipfile.ZipInfo("index.csv"), index.getvalue())
        yield out.take()
    finally:
        for start in range(0, len(rows), CHUNK):
            runtime.write(actor, lambda work, some=rows[start : start + CHUNK]: _keep(work, some))  # type: ignore[misc]


def _keep(work: Work, rows: Sequence[Statement]) -> None:
    """Record statements that were given out, all of them in one statement."""
    for row in rows:
        row.recorded_at = work.now
        _note_made(work, row)
    storage.add_all(work.session, rows)


def _each(runtime: Runtime, actor: Actor, planned: Batch) -> Generator[tuple[Statement, bytes]]:
    """Each planned statement with its PDF, from one snapshot as it was known when the batch was planned.

    What they say is read here; the processes that draw them know no database.
    """
    wish = planned.wish
    ids = dict(zip(planned.customers, planned.ids, strict=True))
    with runtime.read(actor) as view, without_collection():
        asked = _asked(view, wish, planned.known_at)
        parties = storage.load_parties(view.session, actor.scope)
        accounts = [list(account) for account in storage.own_accounts(view.session, view.seller.id)]
        chosen = [key for key in planned.customers if key in parties]
        heads = {key: _head(key, parties[key].customer_no, parties[key].name, parties[key].address, parties[key].tax_no) for key in chosen}
        made_on = local_day(view.now, view.seller.timezone).isoformat()
        common = {"company": view.seller.name, "made_on": made_on, "buckets": view.seller.buckets or view.settings.buckets, "accounts": accounts}
        sums = reports.balances_of(view.session, asked)
        told = reports.sections(view.session, asked, sums, {key: _party(head) for key, head in heads.items()}, chosen)

        def letters() -> Generator[tuple[Statement, StatementFacts]]:
            for key, sections in told:
                row = _row(view, ids[key], key, wish, wish.language or parties[key].language or view.seller.language)
                row.known_at, row.head = planned.known_at, common | {"debtors": [heads[key]]}
                facts = _facts(row, sections)
                if facts.kind == "demand" and not any(section.asked for section in sections):
                    continue
                row.totals = reports.totals(sections)
                yield row, facts

        with closing(told), closing(letters()) as source, closing(workers.drawn(source, printed, len(chosen))) as drawn:
            for row, (pdf, file_hash) in drawn:
                row.file_hash = file_hash
                yield row, pdf


def _plain(number: str) -> str:
    """A customer's number as a part of a file's name."""
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in number)[:40] or "_"


class _Pipe(io.RawIOBase):
    """What a ZIP is written into and taken from as it grows."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._kept += data
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        return None

    def take(self) -> bytes:
        """What has been written since the last time."""
        taken = bytes(self._kept)
        self._kept.clear()
        return taken


@dataclass(frozen=True, slots=True)
class DifferenceDraft:
    """A line on which the customer's books differ; minor units of `currency`, None where one side has no such document."""

    currency: str
    document_no: str | None
    ours: int | None
    theirs: int | None
    reason: str
    note: str | None = None


def _open(work: Work, statement_id: int, version: int) -> Statement:
    """The statement to change, as it was shown; NotFound outside the scope, Refusal `changed_meanwhile`."""
    work.actor.need(Permission.LOG_CONTACT)
    found = storage.find_statement(work.session, work.actor.scope, statement_id)
    if found is None:
        raise NotFound("statement", statement_id)
    if found[0].version != version:
        raise Refusal("changed_meanwhile", None, what=found[0].number)
    return found[0]


def _turn(work: Work, row: Statement, state: str, action: str, allowed: Sequence[str], **told: Any) -> None:
    """A step in a statement's life; Refusal `statement_state` where it cannot follow."""
    if row.state not in allowed:
        raise Refusal("statement_state", None, number=row.number, state=row.state)
    before = {"statement_state": row.state}
    for name, value in told.items():
        setattr(row, name, value)
    row.state = state
    row.version += 1
    work.note(
        audit.Note(action, "statement", str(row.id), row.customer_id, before, {"statement_state": state, **{name: value for name, value in told.items() if value is not None}})
    )


def mark_sent(work: Work, statement_id: int, day: date, way: str, proof: str | None, version: int) -> None:
    """It went out on a day, one way or another; `proof` is the courier's number or what else shows it (S27, grade B)."""
    row = _open(work, statement_id, version)
    if row.kind == "demand":
        work.actor.need(Permission.SEND)
    if way not in reports.WAYS:
        raise Refusal("not_a_choice", "way", value=way, allowed=", ".join(reports.WAYS))
    _check_day(work, day, date.fromisoformat(row.head["made_on"]))
    _turn(work, row, "sent", "send_statement", ("made", "sent"), sent_on=day, sent_by_way=way, proof=_text(proof, "proof", 200))


def mark_returned(work: Work, statement_id: int, day: date, note: str | None, version: int) -> None:
    """The reply slip came back; what it says is entered next."""
    row = _open(work, statement_id, version)
    _check_day(work, day, row.sent_on or date.fromisoformat(row.head["made_on"]))
    _turn(work, row, "returned", "return_statement", ("made", "sent"), returned_on=day, note=_text(note, "note", 400))


def confirm(work: Work, statement_id: int, note: str | None, version: int) -> None:
    """The customer agrees; one that differed only when every difference is settled (Refusal `differences_open`)."""
    row = _open(work, statement_id, version)
    if any(line.settled_on is None for line in storage.load_differences(work.session, row.id)):
        raise Refusal("differences_open", None, number=row.number)
    _turn(work, row, "confirmed", "confirm_statement", ("returned", "differing"), note=_text(note, "note", 400) or row.note)


def add_difference(work: Work, statement_id: int, draft: DifferenceDraft, version: int) -> int:
    """One line on which the customer's books differ; returns its id. The statement is then differing.

    Our amount left empty is what the statement says of the document, where it lists it.

    Refusals: `no_difference` where both amounts are the same or both are missing, `not_a_choice`, `unknown_currency`.
    """
    row = _open(work, statement_id, version)
    money.exponent(draft.currency)
    if draft.reason not in reports.REASONS:
        raise Refusal("not_a_choice", "reason", value=draft.reason, allowed=", ".join(reports.REASONS))
    ours = draft.ours if draft.ours is not None else _listed(work, row, (draft.document_no or "").strip(), draft.currency)
    if ours == draft.theirs:
        raise Refusal("no_difference", "theirs")
    line = StatementDifference(id=next_ids(work.session, 1)[0], statement_id=row.id, currency=draft.currency, ours_minor=ours, theirs_minor=draft.theirs)
    line.document_no, line.reason, line.note = _text(draft.document_no, "document_no", 64), draft.reason, _text(draft.note, "note", 400)
    line.settled_on, line.recorded_at = None, work.now
    work.session.add(line)
    told = {"document_no": line.document_no, "ours": _amount(line.ours_minor, line.currency), "theirs": _amount(line.theirs_minor, line.currency), "difference_reason": line.reason}
    _turn(work, row, "differing", "differ_statement", ("returned", "differing"))
    work.note(audit.Note("add_difference", "statement", str(row.id), row.customer_id, None, told | {"currency": line.currency}))
    return line.id


def _listed(work: Work, row: Statement, document_no: str, currency: str) -> int | None:
    """What a statement says is open of a document, in minor units; None where it does not list it."""
    if not document_no:
        return None
    sections = facts_of(work.session, work.actor.scope, row).sections
    found = [line.open for section in sections if section.currency == currency for line in section.lines if line.document == document_no]
    return sum(found) if found else None


def settle_difference(work: Work, statement_id: int, difference_id: int, note: str, version: int) -> None:
    """One difference is settled, and how; for finance and managers (the books are corrected by entries of their own)."""
    work.actor.need(Permission.ANSWER_DISPUTE)
    row = _open(work, statement_id, version)
    line = next((line for line in storage.load_differences(work.session, row.id) if line.id == difference_id), None)
    if line is None:
        raise NotFound("difference", difference_id)
    if line.settled_on is not None:
        raise Refusal("difference_settled")
    said = _text(note, "note", 400)
    if not said:
        raise Refusal("missing_value", "note")
    before = line.note
    line.settled_on, line.note = work.today, said if not before else _text(f"{before} / {said}", "note", 400)
    row.version += 1
    work.note(audit.Note("settle_difference", "statement", str(row.id), row.customer_id, {"document_no": line.document_no}, {"settled_on": work.today}, said))


def _amount(minor: int | None, currency: str) -> str | None:
    return None if minor is None else money.plain(minor, currency)


def _check_day(work: Work, day: date, earliest: date) -> None:
    """Refusal `day_out_of_place` for a day before it can have been, or after today."""
    if not earliest <= day <= work.today:
        raise Refusal("day_out_of_place", "day", value=day.isoformat(), earliest=earliest.isoformat())


def _text(given: str | None, field: str, most: int) -> str | None:
    """A text as it is kept, None when empty; Refusal `too_long`, `control_characters`."""
    text = " ".join((given or "").split())
    if not text:
        return None
    if len(text) > most:
        raise Refusal("too_long", field, value=text, longest=most)
    if not text.isprintable():
        raise Refusal("control_characters", field, value=text)
    return text
