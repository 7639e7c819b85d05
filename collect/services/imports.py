"""Taking in a file: read it twice (its forms, then its rows), decide each row, store the good ones in one transaction."""

from __future__ import annotations

import csv
import hashlib
import heapq
import io
import json
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, islice, repeat
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, TypeVar

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.rights import Actor, Permission
from collect.exchange import columns, export, forms, sheets, sorting
from collect.runtime import Runtime, Work, without_collection
from collect.services import cash_in, customers, deliveries, intake, receivables
from collect.storage import audit
from collect.storage.database import next_ids
from collect.storage.imports import ImportRun, Mapping, find_repeat
from collect.storage.ledger import load_closed_months

T = TypeVar("T")
KINDS = columns.KINDS
DATES = {"invoices": ("issue_date", "due_date", "delivered_on"), "payments": ("date",), "credits": ("date",), "deliveries": ("delivered_on",), "customers": (), "contacts": ()}
AMOUNTS = {"invoices": ("amount",), "payments": ("amount", "allocated"), "credits": ("amount",), "deliveries": ("amount",), "customers": ("credit_limit",), "contacts": ()}
_KEYS = {
    "invoices": ("invoice_no",),
    "payments": ("payment_ref",),
    "credits": ("credit_no",),
    "deliveries": ("delivery_no",),
    "customers": ("customer_no",),
    "contacts": ("customer_no", "name"),
}
_TAKE: dict[str, Callable[[intake.Batch, list[intake.Group]], None]] = {
    "invoices": receivables.take_in_invoices,
    "payments": cash_in.take_in,
    "credits": cash_in.take_in,
    "deliveries": deliveries.take_in,
    "customers": customers.take_in_customers,
    "contacts": customers.take_in_contacts,
}
_KEPT_REFUSED = 2_000_000
"""Characters of refused rows kept with the import for download from its page."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file: `dates` ymd, dmy or mdy; `decimal` . or ,; `mapping` a saved mapping's name. None: by evidence.

    `columns` says for each header in turn which column it is (empty: none) and goes before any mapping; `sheet` names
    the sheet of a workbook; `preview` asks what becomes of each of so many first rows (`Result.preview`).
    """

    encoding: str | None = None
    dates: str | None = None
    decimal: str | None = None
    strict: bool = False
    dry_run: bool = False
    mapping: str | None = None
    columns: tuple[str, ...] | None = None
    sheet: str | None = None
    preview: int = 0


@dataclass
class Seen:
    """What became of one row of the file: `new`, `changed`, `unchanged` or `refused`, and then why."""

    line: int
    cells: list[str]
    outcome: str = ""
    refusal: Refusal | None = None


@dataclass
class Result:
    """What became of a file. `refused_csv` is the open file of refused rows (UTF-8 CSV), None when nothing was refused."""

    kind: str
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    ignored_columns: tuple[str, ...] = ()
    errors: list[intake.Error] = field(default_factory=list)
    notices: list[Refusal] = field(default_factory=list)
    refused_csv: IO[str] | None = None
    run_id: int | None = None
    preview: list[Seen] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows in = new + changed + unchanged + refused, always."""
        return self.new + self.changed + self.unchanged + self.refused

    def as_json(self, refused_file: str | None = None) -> dict[str, Any]:
        """The result under the fixed keys of `interfaces`; sentences in the current language."""
        return {
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": self.refused,
            "ignored_columns": list(self.ignored_columns),
            "refused_file": refused_file,
            "errors": [{"line": error.line, "field": error.refusal.field, "value": error.value, "message": sentences.say(error.refusal)} for error in self.errors],
            "notices": [sentences.say(notice) for notice in self.notices],
        }


class _Undone(Exception):
    """Leaves the transaction without keeping anything: a dry run, or a strict file with a refused row."""


def run(
    runtime: Runtime,
    actor: Actor,
    kind: str,
    source: Path | bytes,
    name: str,
    options: Options,
    progress: Callable[[int], None] | None = None,
    counted: Callable[[int], None] | None = None,
) -> Result:
    """Import one file of `kind` (customers, contacts, deliveries, invoices, credits, payments) in one transaction.

    Good rows are stored and refused ones told with line and reason; one bad row never stops the others unless
    `strict`. A file that cannot be read at all, or whose dates or numbers can be read in two ways, raises a Refusal and
    changes nothing. The same content again changes nothing (S16). `progress` is told the rows done so far,
    `counted` how many rows the file has, before the first of them is decided.
    """
    actor.need(Permission.IMPORT)
    if kind not in KINDS:
        raise Refusal("unknown_import_kind", "kind", value=kind)
    sheet = sheets.open_sheet(source, name, sheets.Limits.of(runtime.settings), options.encoding, options.sheet)
    if of_refused_rows(sheet.headers):
        sheet = replace(sheet, headers=[*map(export.unguarded, sheet.headers)], _rows=partial(_unguarded, sheet))
    headers: dict[str, Any] = {}
    if options.mapping:
        with runtime.read(actor) as view:
            saved = view.session.get(Mapping, options.mapping)
        if saved is None or saved.kind != kind:
            raise Refusal("unknown_mapping", "map", value=options.mapping)
        headers = saved.form
    found = columns.match(kind, sheet.headers, headers.get("columns")) if options.columns is None else columns.place(kind, sheet.headers, options.columns)
    reading = _reading(found, options, headers)
    repeated = _repeated(runtime, actor, kind, sheet, found, options, reading)
    if repeated is not None:
        return repeated
    with without_collection():
        plan = _first_pass(sheet, kind, dict(found.index), options.dates or headers.get("dates"), options.decimal or headers.get("decimal"))
    if counted:
        counted(plan.rows)

    holder: list[Result] = []

    def act(work: Work) -> None:
        holder[:] = [_second_pass(work, kind, sheet, found, plan, reading, progress, options.preview)]
        if options.dry_run or (options.strict and holder[0].refused):
            raise _Undone

    try:
        with without_collection():
            runtime.write(actor, act)
    except _Undone:
        holder[0].run_id = None
        if options.strict and holder[0].refused and not options.dry_run:
            result = holder[0]
            result.new = result.changed = result.unchanged = 0
    return holder[0]


_HARMLESS = frozenset(
    {
        *("bank", "bank_day", "bank_line", "contact", "dispute", "draft", "hold", "notice", "payer", "policy", "promise", "proposal", "rate", "rebate"),
        *("round", "running_account", "standing", "statement", "task", "view"),
    }
)
"""Kinds of change that leave what an import of customers, invoices, credits or payments compares as it is; receipts out of bank lines tell of themselves."""
_BESIDE = {
    "invoices": frozenset({"payments", "receipt", "contacts", "deliveries", "delivery"}),
    "customers": frozenset({"payments", "receipt", "credits", "credit_note", "invoices", "invoice", "contacts", "deliveries", "delivery", "adjustment"}),
}
"""What is harmless to one kind of file alone: an invoice is compared with itself, whatever was paid of it, a receipt with what is open."""


def _reading(found: columns.Columns, options: Options, headers: dict[str, Any]) -> str:
    """The SHA-256 of everything besides the content that decides how a file is read: its columns, forms, encoding and sheet."""
    told = [dict(found.index), options.dates or headers.get("dates"), options.decimal or headers.get("decimal"), options.encoding, options.sheet]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _repeated(runtime: Runtime, actor: Actor, kind: str, sheet: sheets.Sheet, found: columns.Columns, options: Options, reading: str) -> Result | None:
    """The result of the same file once more where nothing was recorded that could change it (S16): every row is unchanged.

    A million rows need not be compared to know that. None where they do: for a preview, contacts and deliveries, notices, or
    anything of the books recorded since; then the ordinary way decides.
    """
    if options.preview or kind in ("contacts", "deliveries"):
        return None
    with runtime.read(actor) as view:
        run = find_repeat(view.session, kind, sheet.sha256, reading, _HARMLESS | _BESIDE.get(kind, frozenset()))
        if run is None or any(told.get("notices") for told in run.result.values()):
            return None
        rows = run.new + run.changed + run.unchanged
    result = Result(kind, unchanged=rows, ignored_columns=columns.foreign(found.ignored))
    if not options.dry_run:

        def act(work: Work) -> None:
            result.run_id = next_ids(work.session, 1)[0]
            _keep(work, result, sheet, reading)

        runtime.write(actor, act)
    return result


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the first pass learned: the forms in force, keys that stand on several rows, invoices that several rows reach for."""

    forms: forms.Forms
    repeated: sorting.Repeated
    contested: sorting.Repeated
    rows: int


def _first_pass(sheet: sheets.Sheet, kind: str, index: dict[str, int], dates: str | None, decimal: str | None) -> _Plan:
    """What the whole file proves about its dates and numbers; keys and invoices are remembered as 8-byte hashes."""
    evidence = forms.Evidence()
    day_columns = [index[key] for key in DATES[kind] if key in index]
    amount_columns = [index[key] for key in AMOUNTS[kind] if key in index]
    keys = [index[key] for key in _KEYS[kind]]
    invoice = index.get("invoice_no", -1) if kind in ("payments", "credits") else -1
    hashes, reached = array("q"), array("q")
    seen: set[str] = set()
    for block in _blocks(sheet):
        table = list(zip(*(cells for _, cells in block), strict=False))
        hashes.extend(_hashes(table, keys))
        if invoice >= 0:
            reached.extend(_hashes([tuple(filter(None, table[invoice]))], [0]))
        for at in day_columns:
            for text in dict.fromkeys(table[at]):
                if text not in seen:
                    if len(seen) < 200_000:
                        seen.add(text)
                    evidence.see_day(text)
        for at in amount_columns:
            evidence.see_amounts(table[at])
    return _Plan(evidence.settle(dates, decimal), sorting.Repeated(hashes), sorting.Repeated(reached), len(hashes))


def _blocks(sheet: sheets.Sheet) -> Iterator[list[tuple[int, list[str]]]]:
    """The rows some hundred at a time, for work by the column: as many as a processor keeps at hand."""
    rows = sheet.rows()
    while block := list(islice(rows, 300)):
        yield block


def _hashes(table: Sequence[tuple[str, ...]], keys: list[int]) -> Iterator[int]:
    """The hashes of what names each row's object; equal keys have equal hashes, and a rare false match costs only an order."""
    folded = [_folded(table[at]) for at in keys]
    return map(hash, folded[0]) if len(keys) == 1 else map(hash, zip(*folded, strict=True))


def _folded(column: tuple[str, ...]) -> Sequence[str]:
    """`money.fold` of each text; most columns of numbers have nothing to fold."""
    whole = "".join(column)
    if whole.isascii() and whole.isprintable() and " " not in whole and set(map(type, column)) <= {str}:
        return column
    return list(map(money.fold, column))


def _groups(sheet: sheets.Sheet, kind: str, batch: intake.Batch, plan: _Plan) -> Iterator[intake.Group]:
    """The rows of one key together, wherever in the file they stand; keys on one row pass straight through.

    Receipts and credits that reach for an invoice which another row reaches for come last, by date and number, so
    that the order of the rows decides nothing (S16). What has to wait is sorted outside memory, so that a long file
    needs no more of it than a short one.
    """
    keys = [batch.index[key] for key in _KEYS[kind]]
    invoice = batch.index.get("invoice_no", -1) if plan.contested else -1
    typed = sheet.encoding == "xlsx"
    by_key, waiting, alone = sorting.Sorter(), sorting.Sorter(), sorting.Texts()
    days: dict[str, str] = {}

    def contested(cells: list[str]) -> bool:
        return invoice >= 0 and bool(cells[invoice]) and hash(money.fold(cells[invoice])) in plan.contested

    for block in _blocks(sheet):
        table = list(zip(*(cells for _, cells in block), strict=False)) if plan.repeated or invoice >= 0 else []
        hashes = list(_hashes(table, keys)) if plan.repeated else [0] * len(block)
        twice = plan.repeated.among(hashes) if plan.repeated else repeat(False)
        reached = plan.contested.among(list(_hashes(table, [invoice]))) if invoice >= 0 else repeat(False)
        for (line, cells), key, again, wanted in zip(block, hashes, twice, reached, strict=False):
            if again:
                kept = cells if typed else _JOIN.join(cells)
                by_key.add((key, line), kept, sum(map(len, cells)))
            elif wanted and cells[invoice]:
                if typed:
                    waiting.add((True, *_order(batch, intake.Row(line, [*cells, ""]), keys[0]), line), [(line, cells)], sum(map(len, cells)))
                    continue
                day = days.get(cells[batch.index["date"]])
                if day is None:
                    day = days[cells[batch.index["date"]]] = _order(batch, intake.Row(line, [*cells, ""]), keys[0])[0]
                alone.add_text(_JOIN.join((day, cells[keys[0]], f"{line:012d}", *cells)))
            else:
                cells.append("")
                yield [intake.Row(line, cells)]
    for _key_of_all, records in groupby(by_key, key=lambda record: record[0][0]):
        group = [(line, kept) for (_, line), kept in records]
        rows = [intake.Row(line, _unpacked(kept)) for line, kept in group]
        first = next((row for row in rows if contested(row.cells)), None)
        turn = (False, "", "") if first is None else (True, *_order(batch, first, keys[0]))
        waiting.add((*turn, group[0][0]), group, sum(len(cell) for row in rows for cell in row.cells))
    others = ((turn, [intake.Row(line, _unpacked(kept)) for line, kept in group]) for turn, group in waiting)
    for _turn, rows in heapq.merge(others, map(_alone, alone), key=itemgetter(0)):
        yield from _by_text(rows, keys)


def _alone(text: str) -> tuple[tuple[Any, ...], intake.Group]:
    """A row that waited as one text, with its turn: the joining sign sorts before all others, as the end of a text does."""
    day, number, line, *cells = text.split(_JOIN)
    cells.append("")
    return (True, day, number, int(line)), [intake.Row(int(line), cells)]


def _order(batch: intake.Batch, row: intake.Row, number: int) -> tuple[str, str]:
    """When a receipt takes its turn among those that reach for the same invoice: by its date, then by its number."""
    try:
        day = batch.day(row, "date")
    except Refusal:
        day = None
    return (day.isoformat() if day else "", row.cells[number])


_JOIN = "\x00"
"""Joins the cells of a row that waits; a reader of text files never yields this character."""


def _unpacked(waited: list[str] | str) -> list[str]:
    """The cells of a row that waited (a spreadsheet's keep their kinds), with the empty one that stands for missing columns."""
    return [*(waited.split(_JOIN) if isinstance(waited, str) else waited), ""]


def _by_text(rows: intake.Group, keys: list[int]) -> Iterator[intake.Group]:
    """Rows of equal hash as groups of equal key: two keys that share a hash by accident are told apart again."""
    if len(rows) == 1:
        yield rows
        return
    apart: dict[tuple[str, ...], intake.Group] = {}
    for row in rows:
        apart.setdefault(tuple(money.fold(row.cells[at]) for at in keys), []).append(row)
    yield from apart.values()


def refused_columns(headers: Sequence[str]) -> tuple[str, str]:
    """What the two last columns of a file of refused rows are called: such that none of them is a column the file has.

    A file of refused rows is corrected and taken in again, so its own columns must not be taken for the file's.
    """
    taken = {columns.fold(header) for header in headers}
    return ("line" if "line" not in taken else "refused_line", "reason" if not taken & _REASONS else "refused_reason")


def of_refused_rows(headers: Sequence[str]) -> bool:
    """Whether a file is one of refused rows that comes back corrected: its two last columns tell line and reason."""
    return len(headers) > 2 and headers[-2] in ("line", "refused_line") and headers[-1] in ("reason", "refused_reason")


def _unguarded(sheet: sheets.Sheet) -> Iterator[tuple[int, list[str]]]:
    """The rows of such a file, without the signs that kept a spreadsheet from running their cells."""
    for line, cells in sheet.rows():
        yield line, [cell if isinstance(cell, sheets.Exact) else export.unguarded(cell) for cell in cells]


_REASONS = {columns.fold(name) for name in ("reason", columns.columns_of("credits")["reason"].zh, *columns.columns_of("credits")["reason"].also)}


def _second_pass(work: Work, kind: str, sheet: sheets.Sheet, found: columns.Columns, plan: _Plan, reading: str, progress: Callable[[int], None] | None, preview: int) -> Result:
    """Decide and store every row, inside one transaction."""
    index = dict(found.index) | {"#width": len(sheet.headers)}
    # The CLI and the page copy it out and close it; it is a spooled file, so a small one never touches the disk.
    refused = tempfile.SpooledTemporaryFile(max_size=1 << 20, mode="w+", encoding="utf-8", newline="")  # noqa: SIM115
    writer = csv.writer(refused)
    writer.writerow([*map(export.guarded, sheet.headers), *refused_columns(sheet.headers)])

    seen = {line: Seen(line, cells) for line, cells in islice(sheet.rows(), preview)}

    def on_refused(row: intake.Row, refusal: Refusal) -> None:
        if row.line in seen:
            seen[row.line].outcome, seen[row.line].refusal = "refused", refusal
        writer.writerow([*map(export.guarded, row.cells[:-1]), row.line, export.guarded(sentences.say(refusal))])

    finalizer = weakref.finalize(work, refused.close)
    batch = intake.Batch(work, kind, index, plan.forms, next_ids(work.session, 1)[0], load_closed_months(work.session), on_refused)
    take = _TAKE[kind]
    done = 0
    parents: dict[str, tuple[intake.Row, str]] = {}
    for chunk in _chunks(_groups(sheet, kind, batch, plan), seen):
        before = _counts(batch)
        take(batch, chunk)
        if len(chunk) == 1:
            _tell(seen, chunk[0], before, _counts(batch))
        done += sum(len(group) for group in chunk)
        if kind == "customers" and "parent_no" in index:
            parents.update(
                (money.fold(batch.cell(group[0], "customer_no")), (group[0], money.fold(batch.cell(group[0], "parent_no")))) for group in chunk if batch.cell(group[0], "parent_no")
            )
        if progress:
            progress(done)
    if parents:
        customers.link_parents(batch, parents)
    refused.seek(0)
    errors = sorted(batch.errors, key=lambda error: error.line)
    counts = (batch.new, batch.changed, batch.unchanged, batch.refused)
    result = Result(kind, *counts, columns.foreign(found.ignored), errors, batch.notices, None, batch.import_id, list(seen.values()))
    if batch.refused:
        result.refused_csv = refused
        finalizer.detach()
        weakref.finalize(result, refused.close)
    digest = "".join(batch.finish_digest(name)[:21] for name in ("items", "credits", "allocations"))
    _keep(work, result, sheet, reading, digest, refused.read(_KEPT_REFUSED) if batch.refused else None)
    refused.seek(0)
    return result


def _chunks(groups: Iterator[intake.Group], seen: dict[int, Seen]) -> Iterator[list[intake.Group]]:
    """The groups in chunks for bulk work; one that has a previewed row stands alone, so that what became of it shows in the counts."""
    if not seen:
        yield from intake.chunks(groups)
        return
    chunk: list[intake.Group] = []
    for group in groups:
        alone = any(row.line in seen for row in group)
        if chunk and (alone or len(chunk) >= _CHUNK):
            yield chunk
            chunk = []
        if alone:
            yield [group]
        else:
            chunk.append(group)
    if chunk:
        yield chunk


_CHUNK = intake.CHUNK


def _counts(batch: intake.Batch) -> tuple[int, int, int]:
    return batch.new, batch.changed, batch.unchanged


def _tell(seen: dict[int, Seen], group: intake.Group, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    """What became of the previewed rows of a group decided alone: the counts it raised, handed out to its rows in order."""
    words = [word for word, was, now in zip(("new", "changed", "unchanged"), before, after, strict=True) for _ in range(now - was)]
    for row, word in zip(group, words, strict=False):
        if row.line in seen and not seen[row.line].outcome:
            seen[row.line].outcome = word


def _keep(work: Work, result: Result, sheet: sheets.Sheet, reading: str, digest: str | None = None, refused_csv: str | None = None) -> None:
    """Keep the run for its page; an audit row only when something was stored or changed (S30)."""
    counts = {"new": result.new, "changed": result.changed, "unchanged": result.unchanged, "refused": result.refused}
    work.session.add(
        ImportRun(
            id=result.run_id,
            kind=result.kind,
            file_name=sheet.name[:255],
            file_hash=sheet.sha256,
            by=work.actor.name,
            **counts,
            digest=digest,
            reading=reading,
            result=in_every_language(result.as_json),
            refused_csv=refused_csv,
            recorded_at=work.now,
        )
    )
    if result.new or result.changed:
        work.note(audit.Note("import", result.kind, str(result.run_id), after=counts | {"file": sheet.name[:255], "file_hash": sheet.sha256, "digest": digest}))


def in_every_language(tell: Callable[[], T]) -> dict[str, T]:
    """What a function says in each language: who reads the page of an import may read another language than who took the file in."""
    before, told = i18n.current(), {}
    try:
        for language in i18n.LANGUAGES:
            i18n.use(language)
            told[language] = tell()
    finally:
        i18n.use(before)
    return told


def save_mapping(work: Work, name: str, kind: str, names: dict[str, str], dates: str | None, decimal: str | None) -> None:
    """Save under a name how files of a kind are read: header to column, date order, decimal sign.

    Refusal `mapping_of_other_kind` where the name is taken by one for another kind of file, which would be lost.
    """
    work.actor.need(Permission.IMPORT)
    form = {"columns": names, "dates": dates, "decimal": decimal}
    known = work.session.get(Mapping, name)
    if known is not None and known.kind != kind:
        raise Refusal("mapping_of_other_kind", "save_as", name=name)
    if known is None:
        work.session.add(Mapping(name=name, kind=kind, form=form, recorded_at=work.now))
    else:
        known.form = form
    work.note(audit.Note("save", "mapping", name, after=form | {"kind": kind}))


def refused_text(result: Result) -> str:
    """The refused rows as CSV text (for tests and small files)."""
    if result.refused_csv is None:
        return ""
    result.refused_csv.seek(0)
    return io.StringIO(result.refused_csv.read()).getvalue()
