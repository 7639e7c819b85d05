"""Bank statements into the books: accounts recognised, each line stored once, and through which day the bank's data are complete."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from collect.domain import coverage, money, sameness
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Actor, Permission
from collect.exchange.bank import reading
from collect.exchange.bank.layout import Placing
from collect.exchange.bank.shape import Entry, LeftOut, Statement
from collect.exchange.sheets import Limits
from collect.runtime import Runtime, View, Work
from collect.services import line_questions
from collect.storage import audit, database
from collect.storage import bank as storage
from collect.storage.bank import BankAccount, BankLine, BankStatement
from collect.storage.imports import Mapping, load_mappings

KIND = "statement"
"""What a saved mapping of a bank's table is a mapping of."""
MOST_TOLD = 20
"""Rows left out that are told with their text."""
_LINE = (
    *("id", "account_id", "statement_id", "fingerprint", "ordinal", "day", "value_day", "amount_minor", "currency", "payer", "payer_account"),
    *("reference", "narrative", "reversal", "state", "trace", "question", "other_id", "version", "recorded_at"),
)


@dataclass(frozen=True, slots=True)
class SeenLine:
    """What becomes of one row of a table: `in` or `out` (new, by which way the money went), `known`, or `left_out` with its text."""

    line: int
    outcome: str
    entry: Entry | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """What a statement adds up to, in minor units; the balances are None where the file tells none."""

    account: str
    currency: str
    opening: int | None
    moved: int
    closing: int | None


@dataclass
class Taken:
    """What became of a file: statements and lines in it, lines that are new, money in among them, and the ids of those to match.

    `currencies_made` are those of `accounts_made`: one number may be that of several. `mapping` is the saved mapping that
    a table was read with, `left_out` how many of its rows are no lines of an account, `left_rows` the first of them;
    `notices` tell of each statement whose lines could not be held against its balances. `seen` tells of the first rows
    what becomes of each, as many as were asked for. `doubtful` lines are perhaps there already, told by another form;
    `taken_back` ones seem to take a credit back.
    """

    statements: int = 0
    lines: int = 0
    new: int = 0
    unchanged: int = 0
    incoming: int = 0
    doubtful: int = 0
    taken_back: int = 0
    accounts: list[str] = field(default_factory=list)
    accounts_made: list[str] = field(default_factory=list)
    currencies_made: list[str] = field(default_factory=list)
    line_ids: list[int] = field(default_factory=list)
    mapping: str = ""
    left_out: int = 0
    left_rows: list[LeftOut] = field(default_factory=list)
    notices: list[Refusal] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)
    seen: list[SeenLine] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The result for a program."""
        names = ("statements", "lines", "new", "unchanged", "incoming", "doubtful", "taken_back", "accounts", "accounts_made", "currencies_made", "left_out")
        return {name: getattr(self, name) for name in names} | {"mapping": self.mapping or None, "left_rows": [row.as_json() for row in self.left_rows]}


class _Undone(Exception):
    """Leaves the transaction of a dry run."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read: `account` ours, and `currency`, where a table tells none; `placing` its columns, `sheet` that of a workbook.

    `preview` so many first rows are told of.
    """

    account: str | None = None
    currency: str | None = None
    placing: Placing | None = None
    dry_run: bool = False
    preview: int = 0
    sheet: str | None = None


def take_in(runtime: Runtime, actor: Actor, source: Path | bytes, name: str, account: str | None = None, dry_run: bool = False, how: Reading | None = None) -> Taken:
    """Take the statements of a bank file in, in one transaction; the same lines again change nothing (S16).

    An account that is not known yet is made from the number in the file, for there is no money in it to lose: finance
    names or closes it afterwards. `account` names ours where a table tells none; a table whose headings are those of a
    saved mapping is read by it. Two lines that the bank tells exactly alike in one file are two; a line that another file
    told already is the same one. Raises a Refusal, and stores nothing, where a file cannot be read, does not add up
    (`statement_off`, `statement_balance`), tells no account (`statement_account`) or one that perhaps is ours written in another way
    (`statement_like_account`) or another than was named (`statement_other_account`), or is in the books already and was
    read in another way then (`statement_twice`).
    """
    actor.need(Permission.IMPORT)
    how = how or Reading(account, dry_run=dry_run)
    with runtime.read(actor) as view:
        currency = how.currency or view.seller.currency
        own = storage.find_account(view.session, view.seller.id, _plain(how.account), how.currency) if how.account else None
        saved = [] if how.placing else [placing_of(mapping) for mapping in load_mappings(view.session, KIND)]
    statements, sha256 = reading.read(source, name, Limits.of(runtime.settings), how.placing, saved, own.currency if own else currency, how.sheet)
    holder: list[Taken] = []

    def act(work: Work) -> None:
        holder[:] = [_store(work, statements, name, sha256, how)]
        if how.dry_run:
            raise _Undone

    with suppress(_Undone):
        runtime.write(actor, act)
    return holder[0]


def placing_of(mapping: Mapping) -> Placing:
    """A saved mapping as the reader of tables takes it."""
    form = mapping.form
    return Placing(form.get("columns") or {}, form.get("dates"), form.get("decimal"), None, mapping.name)


def saved_placing(runtime: Runtime, actor: Actor, name: str) -> Placing:
    """The saved mapping of that name; Refusal `unknown_mapping`."""
    with runtime.read(actor) as view:
        saved = view.session.get(Mapping, name)
    if saved is None or saved.kind != KIND:
        raise Refusal("unknown_mapping", "map", value=name)
    return placing_of(saved)


def _plain(number: str) -> str:
    """An account number as banks compare it."""
    return "".join(money.fold(number).replace("\x00", "").split()).upper()[:64]


def _text(text: str, most: int) -> str | None:
    """A text of a line as it is kept; the one sign that no database takes goes, and so does what is beyond the column."""
    return text.replace("\x00", "")[:most] or None


def _store(work: Work, statements: list[Statement], name: str, sha256: str, how: Reading) -> Taken:
    taken = Taken()
    seen: dict[int, Counter[str]] = {}
    for statement in statements:
        number = _plain(how.account) if how.account else _plain(statement.account)
        if not number:
            raise Refusal("statement_account", "account", name=name)
        of_file = _plain(statement.account)
        if how.account and of_file and not _may_be(of_file, number):
            raise Refusal("statement_other_account", "account", value=of_file, other=number)
        found = _account_of(work, number, statement.currency, bool(how.account))
        if found is None:
            found = _open_account(work, number, statement.currency)
            taken.accounts_made.append(number)
            taken.currencies_made.append(statement.currency)
        if found.number not in taken.accounts:
            taken.accounts.append(found.number)
        known_file = found.id not in seen and storage.has_file(work.session, found.id, sha256)
        before = taken.new
        _store_one(work, found, statement, name, sha256, taken, seen.setdefault(found.id, Counter()), how.preview)
        if known_file and taken.new > before:
            raise Refusal("statement_twice", None, name=name, account=found.number)
    _complete(work, seen, taken)
    taken.seen.sort(key=lambda row: row.line)
    del taken.seen[how.preview :]
    if taken.new or taken.accounts_made:
        told = {"file": name[:255], "file_hash": sha256, "lines": taken.lines, "new": taken.new, "accounts": taken.accounts}
        work.note(audit.Note("take_in", "bank", sha256[:16], after=told))
    return taken


def _may_be(told: str, named: str) -> bool:
    """Whether the account that a file tells, perhaps with its middle hidden (`6222****1234`), may be the one that a person named."""
    shown = ".*".join(re.escape(part) for part in re.split(r"\*+", told))
    return bool(re.fullmatch(shown, named)) or sameness.compare_numbers(told, named) != sameness.OTHER


def _account_of(work: Work, number: str, currency: str, named: bool) -> BankAccount | None:
    """Our account of a number, be it written at home or as an IBAN; None for a new one. Refusal `statement_like_account` where a person has to say.

    A number that somebody `named` is taken as it is written.
    """
    found = storage.find_account(work.session, work.seller.id, number, currency)
    if found is not None or named:
        return found
    alike = [(sameness.compare_numbers(account.number, number), account) for account in storage.load_accounts_in(work.session, work.seller.id, currency)]
    same = [account for verdict, account in alike if verdict == sameness.SAME]
    perhaps = [account for verdict, account in alike if verdict == sameness.PERHAPS]
    if same:
        return same[0]
    if perhaps:
        raise Refusal("statement_like_account", "account", value=number, other=perhaps[0].number)
    return None


def _open_account(work: Work, number: str, currency: str) -> BankAccount:
    account = BankAccount(id=database.next_ids(work.session, 1)[0], seller_id=work.seller.id, number=number, name=number, currency=currency, version=1, recorded_at=work.now)
    work.session.add(account)
    work.session.flush()
    return account


def _store_one(work: Work, account: BankAccount, statement: Statement, name: str, sha256: str, taken: Taken, counted: Counter[str], preview: int) -> None:
    """One statement: its row, and those of its lines that no file told before."""
    prints = [entry.fingerprint() for entry in statement.entries]
    known = storage.load_known(work.session, account.id, set(prints))
    ids = iter(database.next_ids(work.session, len(prints) + 1))
    row = BankStatement(
        id=next(ids),
        account_id=account.id,
        form=statement.form,
        number=_text(statement.number, 64),
        since=statement.since,
        through=statement.through,
        opening_minor=statement.opening,
        closing_minor=statement.closing,
        covers=_covered(statement, work.today),
        lines=len(prints),
        fresh=0,
        file_name=name.replace("\x00", "")[:255],
        file_hash=sha256,
        by=work.actor.name,
        recorded_at=work.now,
    )
    rows = []
    fresh: list[tuple[Entry, str, int]] = []
    fates: dict[int, str] = {}
    for place, (entry, mark) in enumerate(zip(statement.entries, prints, strict=True)):
        count, following = known.get(mark, (0, 0))
        if counted[mark] >= count:
            fates[place] = "in" if _incoming(entry) else "out"
            fresh.append((entry, mark, following + counted[mark] - count))
        counted[mark] += 1
    tellings = [entry.told() for entry, _, _ in fresh]
    elsewhere = line_questions.known_in_other_forms(work, account.id, statement.form, tellings)
    for place, (entry, mark, ordinal), telling, (verdict, other) in zip(list(fates), fresh, tellings, elsewhere, strict=True):
        if verdict == sameness.SAME:
            del fates[place]
            continue
        key, incoming = next(ids), _incoming(entry)
        texts = (_text(entry.payer, 200), _text(entry.payer_account, 64), _text(entry.reference, 140), _text(entry.narrative, 2000))
        state = "open" if incoming else "out"
        doubtful = incoming and verdict == sameness.PERHAPS
        rest = (*texts, entry.reversal, state, telling.trace, line_questions.DOUBLE if doubtful else None, other)
        rows.append((key, account.id, row.id, mark, ordinal, entry.day, entry.value_day, entry.amount, entry.currency, *rest, 1, work.now))
        taken.doubtful += doubtful
        if incoming and not doubtful:
            taken.incoming += 1
            taken.line_ids.append(key)
    seen = [SeenLine(entry.line, fates.get(place, "known"), entry) for place, entry in enumerate(statement.entries[:preview])]
    taken.statements += 1
    taken.mapping = statement.mapping
    taken.left_out += len(statement.left_out)
    taken.left_rows += statement.left_out[: MOST_TOLD - len(taken.left_rows)]
    if statement.broken:
        code = "statement_gap" if statement.broken.code == "statement_balance" else statement.broken.code
        taken.notices.append(Refusal(code, "balance", **(statement.broken.params | {"account": account.number})))
    elif statement.opening is None or statement.closing is None:
        taken.notices.append(Refusal("statement_unproved", None, account=account.number, currency=statement.currency))
    taken.seen += [*seen, *(SeenLine(row.line, "left_out", None, row.text) for row in statement.left_out[:preview])]
    moved = sum(entry.amount for entry in statement.entries if entry.currency == statement.currency)
    taken.balances.append(Balance(account.number, statement.currency, statement.opening, moved, statement.closing))
    taken.lines += len(prints)
    taken.new += len(rows)
    taken.unchanged += len(prints) - len(rows)
    if rows or not storage.has_file(work.session, account.id, sha256):
        row.fresh = len(rows)
        work.session.add(row)
        work.session.flush()
        database.bulk(work.session, BankLine.__table__, _LINE, rows)  # type: ignore[arg-type]
        taken.taken_back += line_questions.ask_reversals(work, account.id, [values[0] for values in rows if values[7] < 0])


def _incoming(entry: Entry) -> bool:
    """Whether a movement is money that came in, and so waits to be matched."""
    return entry.amount > 0 and not entry.reversal


_CLOSED_DAYS = ("camt.053", "mt940")
_WITHIN_A_DAY = ("camt.052", "camt.054", "mt942")


def _complete(work: Work, account_ids: Collection[int], taken: Taken) -> None:
    """Say of each account through which day its statements complete it, and tell where one is missing in between (S22)."""
    for account_id, stretches in sorted(storage.load_stretches(work.session, account_ids).items()):
        account = work.session.get_one(BankAccount, account_id)
        covered, gap = coverage.reached(stretches)
        if covered is not None and (account.through is None or account.through < covered):
            account.through, account.version = covered, account.version + 1
        if gap is not None:
            taken.notices.append(_told(account, gap))


def missing(view: View) -> dict[int, Refusal]:
    """Of each open account that lacks a statement between two others, the sentence that says so, by the account's id."""
    found: dict[int, Refusal] = {}
    for account_id, stretches in storage.load_stretches(view.session).items():
        account = view.session.get_one(BankAccount, account_id)
        _, gap = coverage.reached(stretches)
        if gap is not None and account.closed_on is None:
            found[account_id] = _told(account, gap)
    return found


def _told(account: BankAccount, gap: coverage.Gap) -> Refusal:
    """The sentence about a statement that an account lacks."""
    figures = {name: money.plain(value, account.currency) for name, value in (("closing", gap.closing), ("opening", gap.opening))}
    return Refusal("statement_leap", "balance", account=account.number, currency=account.currency, last=gap.last.isoformat(), following=gap.following.isoformat(), **figures)


def _covered(statement: Statement, today: date) -> date | None:
    """Through which day a statement's account is complete; None where the statement says nothing of it (S22).

    A camt.053 or MT940 closes its last day. Reports within a day and advices (camt.052, camt.054, MT942) are never the
    whole of one. What somebody downloads (OFX, tables) is no more complete than the day before it was taken in: a
    payment may still come today. A table whose balances do not follow one another lacks lines, and completes nothing; nor
    does a statement whose two balances are in different currencies.
    """
    if statement.through is None or statement.broken or statement.form in _WITHIN_A_DAY:
        return None
    return min(statement.through, today if statement.form in _CLOSED_DAYS else today - timedelta(days=1))


def change_account(work: Work, account_id: int, name: str, closed: bool, version: int) -> None:
    """Give an account another name, or close it: its data are waited for no longer (S22). Refusal `changed_meanwhile`, `account_name_missing`."""
    work.actor.need(Permission.ALLOCATE)
    account = work.session.scalars(sa.select(BankAccount).where(BankAccount.id == account_id).with_for_update()).first()
    if account is None:
        raise NotFound("bank_account", account_id)
    if account.version != version:
        raise Refusal("changed_meanwhile", None, what=account.number)
    if not name.strip():
        raise Refusal("account_name_missing", "name")
    before = {"name": account.name, "closed": account.closed_on is not None}
    account.name = name.strip()[:100]
    account.closed_on = (account.closed_on or work.today) if closed else None
    account.version += 1
    after = {"name": account.name, "closed": account.closed_on is not None}
    if after != before:
        work.note(audit.Note("change", "bank", account.number, before=before, after=after))
