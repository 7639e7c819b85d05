"""Questions that bank lines put to a person: whether one takes another back, and whether it is the same in another form (S13, S16)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from collect.domain import money, sameness
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.domain.sameness import Told
from collect.runtime import Work
from collect.services import receipts
from collect.storage import audit
from collect.storage import bank as storage
from collect.storage.bank import BankLine
from collect.storage.bank_lines import find_line
from collect.storage.cash import Credit

REVERSAL, DOUBLE = "reversal", "double"
LONGEST_NOTE = 200
MOST_COMPARED = 200
"""So many lines of one amount are compared with a new one; among more, the rest are for a person."""


def told_of(line: BankLine) -> Told:
    """A stored line as far as its form does not matter; one stored before lines had traces is known by its reference."""
    trace = line.trace if line.trace is not None else sameness.trace_of("", line.reference or "")
    texts = (line.payer or "", line.payer_account or "", line.narrative or "")
    return Told(line.day, line.value_day, line.amount_minor, line.currency, trace, *texts)


def known_in_other_forms(work: Work, account_id: int, form: str, entries: Sequence[Told]) -> list[tuple[str, int | None]]:
    """For each new line of a statement what another form told of it: ("same", line), ("perhaps", line) or ("other", None).

    Each line that is there already is one new line at most: two truly equal movements stay two (S16).
    """
    verdicts: list[tuple[str, int | None]] = [(sameness.OTHER, None)] * len(entries)
    if not entries:
        return verdicts
    days = [entry.day for entry in entries] + [entry.value_day for entry in entries if entry.value_day]
    there, paired = storage.load_other_forms(work.session, account_id, form, min(days) - timedelta(days=10), max(days) + timedelta(days=10))
    free: dict[tuple[int, str], list[tuple[int, Told]]] = {}
    for line in there:
        free.setdefault((line.amount_minor, line.currency), []).append((line.id, told_of(line)))
    for wanted in (sameness.SAME, sameness.PERHAPS):
        for place, entry in enumerate(entries):
            if verdicts[place][1] is not None:
                continue
            left = free.get((entry.amount, entry.currency), [])
            found = next(
                (at for at, (key, known) in enumerate(left[:MOST_COMPARED]) if (wanted == sameness.SAME or key not in paired) and sameness.compare(entry, known) == wanted), None
            )
            if found is not None:
                verdicts[place] = (wanted, left.pop(found)[0])
    return verdicts


def ask_reversals(work: Work, account_id: int, line_ids: Sequence[int]) -> int:
    """Mark each of these lines with money out that seems to take an earlier credit back; how many. Nothing is reversed by itself."""
    outs: list[BankLine] = []
    for start in range(0, len(line_ids), 500):
        query = sa.select(BankLine).where(BankLine.id.in_(line_ids[start : start + 500]), BankLine.amount_minor < 0)
        outs += work.session.scalars(query.order_by(BankLine.day, BankLine.id))
    if not outs:
        return 0
    since = min(line.day for line in outs) - timedelta(days=sameness.LATEST_RETURN)
    credits = storage.load_credits_of(work.session, account_id, {-line.amount_minor for line in outs}, since, max(line.day for line in outs))
    asked = 0
    by_amount: dict[int, list[BankLine]] = {}
    for credit in credits:
        if credit.question is None:
            by_amount.setdefault(credit.amount_minor, []).append(credit)
    for line in outs:
        earlier = by_amount.get(-line.amount_minor, [])
        place = sameness.taken_back(told_of(line), line.reversal, [told_of(credit) for credit in earlier])
        if place is not None:
            line.question, line.other_id = REVERSAL, earlier.pop(place).id
            asked += 1
    work.session.flush()
    return asked


def answer(work: Work, line_id: int, version: int, yes: bool, note: str) -> None:
    """Answer a line's question. Raises NotFound; Refusal `changed_meanwhile`, `no_question`, `missing_reason` (a no needs one), and
    what voiding refuses.

    That it takes the other back: the receipts of the other are voided by entries of their own, effective on the bank's
    day (today where its month is closed), so that promises are judged anew (S5, S22); the other waits for nobody any
    more. That it is the same: it is set aside. A no keeps its note, and a line with money in then waits as any other.
    """
    work.actor.need(Permission.ALLOCATE)
    line = find_line(work.session, work.actor.scope, line_id, lock=True)
    if line is None:
        raise NotFound("bank_line", line_id)
    if line.version != version:
        raise Refusal("changed_meanwhile", None, what=line.payer or line.reference or str(line.id))
    if line.question is None or line.other_id is None:
        raise Refusal("no_question", None)
    told = " ".join(note.split())
    if not yes and not told:
        raise Refusal("missing_reason", "reason")
    if len(told) > LONGEST_NOTE:
        raise Refusal("too_long", "reason", value=told[:40], longest=LONGEST_NOTE)
    question, line.question, line.reason, line.version = line.question, None, told or None, line.version + 1
    if yes and question == REVERSAL:
        _take_back(work, line, told)
    elif yes:
        line.state = "ignored"
    after = {"question": question, "answer": "yes" if yes else "no", "other": line.other_id, "amount": money.plain(line.amount_minor, line.currency)}
    work.note(audit.Note("answer", "bank_line", str(line.id), line.customer_id, {"question": question}, after, told or None))
    work.session.flush()


def _take_back(work: Work, line: BankLine, note: str) -> None:
    """Void what was made of the credit that a line takes back, and set the credit aside."""
    credit_line = work.session.scalars(sa.select(BankLine).where(BankLine.id == line.other_id).with_for_update().execution_options(populate_existing=True)).one()
    reason = note or f"{line.day.isoformat()} {line.reference or line.narrative or ''}".strip()[:LONGEST_NOTE]
    made = list(work.session.scalars(sa.select(Credit).where(Credit.line_id == credit_line.id, Credit.voided_on.is_(None)).order_by(Credit.id)))
    receipts.void_from(work, made, line.day, reason)
    before, owner = credit_line.state, credit_line.customer_id
    credit_line.state, credit_line.proposal, credit_line.score, credit_line.reason = "ignored", None, None, reason
    credit_line.version += 1
    line.customer_id = owner if made else None
    after = {"line_state": "ignored", "amount": money.plain(credit_line.amount_minor, credit_line.currency), "taken_back_by": line.id}
    work.note(audit.Note("take_back", "bank_line", str(credit_line.id), owner, {"line_state": before}, after, reason))


def ask_again(work: Work, line: BankLine) -> None:
    """A line that was set aside waits again, and so do the questions about it: whether it is another one, whether the bank took it back."""
    if line.other_id is not None:
        line.question = DOUBLE
    query = sa.select(BankLine).where(BankLine.account_id == line.account_id, BankLine.day >= line.day, BankLine.other_id == line.id, BankLine.amount_minor < 0)
    query = query.where(BankLine.question.is_(None)).order_by(BankLine.id)
    for taking in work.session.scalars(query.with_for_update().execution_options(populate_existing=True)):
        taking.question, taking.customer_id, taking.reason, taking.version = REVERSAL, None, None, taking.version + 1
        work.note(audit.Note("undo", "bank_line", str(taking.id), None, {"question": None}, {"question": REVERSAL, "other": line.id}))
