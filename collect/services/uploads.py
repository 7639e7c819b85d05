"""A file taken in step by step: kept aside, looked at, its columns placed, what it would do shown, and then taken in, with progress."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from collect import i18n, sentences
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Actor, Permission
from collect.exchange import columns, forms, sheets
from collect.runtime import Runtime
from collect.services import imports
from collect.storage import bank as bank_storage
from collect.storage import uploads as storage
from collect.storage.imports import Mapping, find_run_of_file, load_mappings
from collect.storage.uploads import Shelf, Upload

log = logging.getLogger(__name__)

SAMPLES = 3
"""Different values of a column shown beside its header."""
EXAMINED = 2000
"""Rows looked at for samples and for what they prove; what decides in the end is the whole file."""
PREVIEWED = 50
"""First rows of which the preview tells what would become of them."""
ERRORS = 20
"""Refused rows that the preview tells of."""
_CELL = 80

BEAT = 1.0
"""Seconds between two notes of how far a reading has got."""
DEAD = timedelta(seconds=60)
"""A reading that has left no note for so long is at an end, whatever happened to it."""
WAIT = 1.5
"""Seconds that whoever starts a reading waits for it: a short file needs no page that tells its progress."""

_PROCESS = secrets.token_hex(8)
_running: dict[str, Thread] = {}
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Header:
    """One column of the file as the mapping page shows it: its header, its first values, and what they prove (`forms.Evidence.seen`)."""

    name: str
    samples: list[str]
    proves: dict[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What the first rows of a file show; `encoding` is `xlsx` for a workbook, which has `sheets`."""

    headers: list[Header]
    rows: int
    encoding: str
    sheets: list[str]


@dataclass
class Job:
    """What is done with a waiting file. `what`: check or take; `state`: running, done, refused or stopped.

    `rows` of `total` (0: not counted yet) are decided. `told` holds what came of it by language; `about` is the field of
    the form that a refusal is about, `run_id` the import that it became.
    """

    what: str
    state: str
    started: datetime
    beat: datetime
    process: str
    rows: int = 0
    total: int = 0
    run_id: int | None = None
    about: str | None = None
    told: dict[str, Any] = field(default_factory=dict)
    for_choices: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a reading: what the page tells, by language, how many rows there were, the run that it became, and whether it is in the books."""

    told: dict[str, Any]
    rows: int
    run_id: int | None
    stored: bool


Reader = Callable[[Runtime, Actor, Upload, str, Callable[[int], None], Callable[[int], None]], Came]
"""Reads a waiting file to its end, to `check` it or to `take` it in; tells the rows done, and how many there are."""


class UploadGone(NotFound):
    """The file waits no longer for this person: taken in, thrown away, too old, or never his (S28)."""

    def __init__(self, token: str) -> None:
        super().__init__("upload", token[:40])


def shelf(runtime: Runtime) -> Shelf:
    """Where this installation keeps waiting files."""
    return Shelf(runtime.settings.data_dir / "uploads", runtime.settings.max_bytes)


def receive(runtime: Runtime, actor: Actor, kind: str, name: str, save: Callable[[Path], object], encoding: str | None = None) -> Upload:
    """Keep a file aside and look at it: `save` writes its bytes to the path it is given.

    The columns are recognised, by a saved mapping where one fits. Nothing is kept of a file that is no table or none of
    `kind`: the Refusal says why.
    """
    columns.columns_of(kind)
    return keep(runtime, actor, kind, name, save, lambda upload: read_anew(runtime, actor, upload, kind, None, encoding))


def keep(runtime: Runtime, actor: Actor, kind: str, name: str, save: Callable[[Path], object], look: Callable[[Upload], None]) -> Upload:
    """Keep a file aside if `look`, which is to save what it saw, does not refuse it."""
    actor.need(Permission.IMPORT)
    place = shelf(runtime)
    path = place.receive()
    try:
        save(path)
        upload = place.put(actor.name, name, kind, path, runtime.clock())
    finally:
        path.unlink(missing_ok=True)
    try:
        look(upload)
    except BaseException:
        place.drop(upload.token)
        raise
    return upload


def find(runtime: Runtime, actor: Actor, token: str, kinds: Sequence[str] = imports.KINDS) -> Upload:
    """A file of this person, of one of these kinds, that waits; UploadGone otherwise."""
    actor.need(Permission.IMPORT)
    found = shelf(runtime).find(actor.name, token)
    if found is None or found.kind not in kinds:
        raise UploadGone(token)
    return found


def read_anew(runtime: Runtime, actor: Actor, upload: Upload, kind: str, sheet: str | None, encoding: str | None) -> None:
    """Look at the file as another kind, another sheet or in another encoding: its columns are recognised anew."""
    upload.looked = _look(runtime, upload, sheet, encoding)
    upload.kind = kind
    upload.choices = {"sheet": sheet, "encoding": encoding, "dates": None, "decimal": None, "strict": False, "mapping": None}
    names = [header["name"] for header in upload.looked["headers"]]
    upload.choices["columns"] = list(columns.guess(kind, names))
    fits = [mapping for mapping in mappings(runtime, actor, kind) if fitting(mapping, names)]
    if fits:
        apply_mapping(upload, max(fits, key=lambda mapping: len(mapping.form["columns"])))
    shelf(runtime).save(upload)


def mappings(runtime: Runtime, actor: Actor, kind: str) -> list[Mapping]:
    """The saved mappings for a kind of file."""
    with runtime.read(actor) as view:
        found = load_mappings(view.session, kind)
        view.session.expunge_all()
    return found


def fitting(mapping: Mapping, names: Sequence[str]) -> bool:
    """Whether every header that a saved mapping places is in the file."""
    there = {columns.fold(name) for name in names}
    placed = [header for header, key in mapping.form["columns"].items() if key]
    return bool(placed) and all(columns.fold(header) in there for header in placed)


def apply_mapping(upload: Upload, mapping: Mapping) -> None:
    """Place the columns of the file as a saved mapping says."""
    names = [header.name for header in look_of(upload).headers]
    upload.choices["columns"] = list(columns.guess(upload.kind, names, mapping.form["columns"]))
    upload.choices["dates"], upload.choices["decimal"] = mapping.form.get("dates"), mapping.form.get("decimal")
    upload.choices["mapping"] = mapping.name


def choose(runtime: Runtime, upload: Upload, keys: Sequence[str], dates: str | None, decimal: str | None, strict: bool) -> None:
    """Keep what was chosen on the mapping page, right or not: going back shows it again."""
    names = [header.name for header in look_of(upload).headers]
    known = columns.columns_of(upload.kind)
    upload.choices |= {
        "columns": [key if key in known else "" for key in [*keys, *([""] * len(names))][: len(names)]],
        "dates": dates if dates in forms.ORDERS else None,
        "decimal": decimal if decimal in (".", ",") else None,
        "strict": strict,
    }
    shelf(runtime).save(upload)


def check_columns(upload: Upload) -> None:
    """Refusal `duplicate_column` or `missing_column` where the chosen columns cannot be right."""
    columns.place(upload.kind, [header.name for header in look_of(upload).headers], upload.choices["columns"])


def chosen_mapping(upload: Upload) -> dict[str, str]:
    """The chosen columns as a mapping to save: header to column, an empty text for one to ignore."""
    return {header.name: key for header, key in zip(look_of(upload).headers, upload.choices["columns"], strict=True) if header.name}


def proofs(upload: Upload, keys: Sequence[str]) -> dict[str, str]:
    """What the values of the columns chosen as dates and amounts prove, as `forms.Evidence.seen` says it."""
    found: dict[str, str] = {}
    for header, key in zip(look_of(upload).headers, keys, strict=False):
        days, amounts = key in imports.DATES[upload.kind], key in imports.AMOUNTS[upload.kind]
        for name, value in header.proves.items():
            if days if name in ("dmy", "mdy", "day") else amounts:
                found.setdefault(name, value)
    return found


def look_of(upload: Upload) -> Look:
    """What the first rows showed."""
    looked = upload.looked or {"headers": [], "rows": 0, "encoding": "", "sheets": []}
    return Look([Header(**header) for header in looked["headers"]], looked["rows"], looked["encoding"], looked["sheets"])


def _open(runtime: Runtime, upload: Upload, sheet: str | None, encoding: str | None) -> sheets.Sheet:
    path = shelf(runtime).path(upload.token)
    if not path.exists():
        raise Refusal("upload_gone", None)
    return sheets.open_sheet(path, upload.name, sheets.Limits.of(runtime.settings), encoding, sheet)


def _look(runtime: Runtime, upload: Upload, sheet: str | None, encoding: str | None) -> dict[str, Any]:
    """Read the first rows: a few values of each column, and what its values prove about dates and numbers."""
    table = _open(runtime, upload, sheet, encoding)
    samples: list[list[str]] = [[] for _ in table.headers]
    evidence = [forms.Evidence() for _ in table.headers]
    count = 0
    for _line, cells in islice(table.rows(), EXAMINED):
        count += 1
        for values, proof, text in zip(samples, evidence, cells, strict=False):
            shown = _short(text)
            if len(values) < SAMPLES and shown and shown not in values:
                values.append(shown)
            proof.see_day(text)
            proof.see_amount(text)
    headers = [
        {"name": name, "samples": values, "proves": {key: _short(value) for key, value in proof.seen().items()}}
        for name, values, proof in zip(table.headers, samples, evidence, strict=True)
    ]
    return {"headers": headers, "rows": count, "encoding": table.encoding, "sheets": list(table.sheets), "sha256": table.sha256}


def _short(text: str) -> str:
    """A value on one line, as long as a page can bear; signs that cannot be shown are a space."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text[: _CELL * 4]).split())
    return plain if len(plain) <= _CELL else plain[: _CELL - 1] + "…"


def start(runtime: Runtime, actor: Actor, upload: Upload, what: str, reader: Reader | None = None) -> Job:
    """Begin to read the whole file: `check` says what it would do and changes nothing, `take` takes it in.

    `reader` reads it, without one the import of its kind does. It goes on in a thread of this process, in one transaction: when the process ends before, nothing was changed.
    Returns how it stands after a moment. Refusal `upload_busy` while it is being read, `upload_unchecked` before it was
    checked with these choices, `upload_gone`.
    """
    actor.need(Permission.IMPORT)
    place = shelf(runtime)
    if not place.path(upload.token).exists():
        raise Refusal("upload_gone", None)
    with _lock:
        known = status(runtime, actor, upload)
        if known is not None and known.state == "running":
            raise Refusal("upload_busy", None)
        if what == "take" and (known is None or not is_current(upload, known) or known.what != "check" or known.state != "done"):
            raise Refusal("upload_unchecked", None)
        now = runtime.clock()
        job = Job(what, "running", now, now, _PROCESS, total=known.total if known and what == "take" else 0, for_choices=_fixed(upload))
        _note(place, upload.token, job)
        thread = Thread(target=_read, args=(runtime, actor, upload, job, i18n.current(), reader or _import), name="collect-import", daemon=True)
        _running[upload.token] = thread
        thread.start()
    thread.join(WAIT)
    return status(runtime, actor, upload) or job


def status(runtime: Runtime, actor: Actor, upload: Upload) -> Job | None:
    """How the reading of a file stands, None where none was begun; one whose process is gone is `stopped`, unless it was done."""
    job = _job(runtime, upload.token)
    if job is None or job.state != "running" or _alive(runtime, upload.token, job):
        return job
    # It may have come to its end between the two looks.
    job = _job(runtime, upload.token) or job
    if job.state == "running":
        job.state = "stopped"
        if job.what == "take":
            _ask_books(runtime, actor, upload, job)
    return job


def _job(runtime: Runtime, token: str) -> Job | None:
    note = shelf(runtime).job(token)
    return Job(**note | {"started": datetime.fromisoformat(note["started"]), "beat": datetime.fromisoformat(note["beat"])}) if note else None


def _alive(runtime: Runtime, token: str, job: Job) -> bool:
    """Whether somebody still reads: a thread of this process, or another process that left a note a moment ago."""
    if job.process != _PROCESS:
        return runtime.clock() - job.beat < DEAD
    thread = _running.get(token)
    return thread is not None and thread.is_alive()


def _ask_books(runtime: Runtime, actor: Actor, upload: Upload, job: Job) -> None:
    """Whether the file went in although nobody lived to say so."""
    find = find_run_of_file if upload.kind in imports.KINDS else bank_storage.find_statement_of_file
    with runtime.read(actor) as view:
        run = find(view.session, (upload.looked or {}).get("sha256", ""), actor.name, job.started)
    if run is not None:
        job.state, job.run_id = "done", run.id


def forget(runtime: Runtime, actor: Actor, upload: Upload) -> None:
    """Throw the file away; Refusal `upload_busy` while it is being taken in."""
    known = status(runtime, actor, upload)
    if known is not None and known.state == "running":
        raise Refusal("upload_busy", None)
    shelf(runtime).drop(upload.token)


_OF_TABLES = ("head", "account", "currency")
"""What is chosen for a bank's table alone."""


def _fixed(upload: Upload) -> dict[str, Any]:
    """The choices that decide what a file does: what a check was made for."""
    return {
        name: upload.choices.get(name) for name in ("sheet", "encoding", "columns", "dates", "decimal", "strict", *_OF_TABLES) if name in upload.choices or name not in _OF_TABLES
    } | {"kind": upload.kind}


def is_current(upload: Upload, job: Job) -> bool:
    """Whether what was found out still holds for what is chosen now."""
    return job.for_choices == _fixed(upload)


def waiting(runtime: Runtime, actor: Actor, kinds: Sequence[str] = imports.KINDS) -> list[Upload]:
    """The files of these kinds that this person has waiting, latest first."""
    return [upload for upload in shelf(runtime).waiting(actor.name) if upload.kind in kinds]


def _options(upload: Upload, what: str) -> imports.Options:
    chosen = upload.choices
    return imports.Options(
        encoding=chosen["encoding"],
        dates=chosen["dates"],
        decimal=chosen["decimal"],
        strict=chosen["strict"],
        dry_run=what == "check",
        columns=tuple(chosen["columns"]),
        sheet=chosen["sheet"],
        preview=PREVIEWED if what == "check" else 0,
    )


def _import(runtime: Runtime, actor: Actor, upload: Upload, what: str, done: Callable[[int], None], counted: Callable[[int], None]) -> Came:
    """Read the file as an import."""
    result = imports.run(runtime, actor, upload.kind, shelf(runtime).path(upload.token), upload.name, _options(upload, what), done, counted)
    told = imports.in_every_language(lambda: _told(result))
    if result.refused_csv is not None:
        result.refused_csv.close()
    return Came(told, result.rows, result.run_id, result.run_id is not None)


def _read(runtime: Runtime, actor: Actor, upload: Upload, job: Job, language: str, reader: Reader) -> None:
    """The whole reading, in its thread: leaves a note every few seconds and one at the end, whatever happens."""
    i18n.use(language)
    place = shelf(runtime)
    ended = Event()

    def beat() -> None:
        while not ended.wait(BEAT):
            job.beat = runtime.clock()
            _note(place, upload.token, job)

    beating = Thread(target=beat, name="collect-import-beat", daemon=True)
    beating.start()

    def done(rows: int) -> None:
        job.rows = rows

    def counted(total: int) -> None:
        job.total = total

    stored = False
    try:
        came = reader(runtime, actor, upload, job.what, done, counted)
        job.told, job.run_id, job.state, job.rows = came.told, came.run_id, "done", came.rows
        stored = came.stored
    except Refusal as refusal:
        job.state, job.about = "refused", refusal.field
        job.told = _sentence(refusal)
    except Exception:
        log.exception("the file %s was not read to its end", upload.token)
        job.state, job.told = "refused", _sentence(Refusal("upload_failed", None))
    finally:
        ended.set()
        beating.join()
        job.beat = runtime.clock()
        _note(place, upload.token, job)
        if stored and job.what == "take":
            place.drop_bytes(upload.token)
        _running.pop(upload.token, None)


def _sentence(refusal: Refusal) -> dict[str, Any]:
    """A refusal of the whole file in every language."""
    return imports.in_every_language(lambda: sentences.say(refusal))


def _told(result: imports.Result) -> dict[str, Any]:
    """What came of it, for the page: counts, sentences, and the first rows with what becomes of each."""
    told = result.as_json()
    return told | {
        "errors": told["errors"][:ERRORS],
        "preview": [
            {"line": row.line, "cells": [_short(cell) for cell in row.cells], "outcome": row.outcome, "reason": sentences.say(row.refusal) if row.refusal else ""}
            for row in result.preview
        ],
    }


def _note(place: storage.Shelf, token: str, job: Job) -> None:
    place.save_job(token, vars(job) | {"started": job.started.isoformat(), "beat": job.beat.isoformat()})
