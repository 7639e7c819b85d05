"""A bank's table taken in step by step, like any other file: kept aside, its columns placed, what each line would do shown, then taken in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.rights import Actor
from collect.exchange import forms
from collect.exchange.bank import layout, reading, tables
from collect.exchange.bank.layout import Placing
from collect.exchange.sheets import Limits
from collect.runtime import Runtime
from collect.services import bank, matching, uploads
from collect.services.imports import in_every_language
from collect.storage import imports as mapping_storage
from collect.storage.uploads import Upload

MENDED_BY_PLACING = frozenset(
    {
        *("statement_no_head", "ambiguous_dates", "contradictory_dates", "ambiguous_numbers", "contradictory_numbers", "statement_direction"),
        *("bad_statement_line", "statement_balance", "statement_column_twice", "statement_column_missing", "statement_amounts_both", "statement_no_lines"),
    }
)
"""Why a table is refused although somebody who knows it could say which column is which."""


def receive(runtime: Runtime, actor: Actor, name: str, save: Callable[[Path], object], account: str | None, why: Refusal | None = None) -> Upload:
    """Keep a table aside, with the reason `why` it was refused for, and look at it.

    Raises the Refusal of `layout.guess` or of its form where it is no table with a day in it.
    """
    upload = uploads.keep(runtime, actor, bank.KIND, name, save, lambda upload: read_anew(runtime, actor, upload, None, account))
    if why is not None and why.code != "statement_no_head" and upload.looked is not None:
        upload.looked["why"] = in_every_language(lambda: sentences.say(why))
        uploads.shelf(runtime).save(upload)
    return upload


def find(runtime: Runtime, actor: Actor, token: str) -> Upload:
    """A table of this person that waits; UploadGone otherwise."""
    return uploads.find(runtime, actor, token, (bank.KIND,))


def read_anew(runtime: Runtime, actor: Actor, upload: Upload, head: int | None, account: str | None) -> None:
    """Look at the table with its head in line `head` (from 1), else where a saved mapping, the words of banks or its form put it."""
    path = uploads.shelf(runtime).path(upload.token)
    if not path.exists():
        raise Refusal("upload_gone", None)
    saved = [bank.placing_of(mapping) for mapping in uploads.mappings(runtime, actor, bank.KIND)]
    rows = reading.rows_of_table(path, upload.name, Limits.of(runtime.settings), saved)
    at, used = _head(rows, upload.name, saved) if head is None else (head - 1, None)
    if not 0 <= at < min(len(rows), layout.PREAMBLE):
        raise Refusal("statement_head_line", "head", last=min(len(rows), layout.PREAMBLE))
    columns = layout.look(rows, at, uploads.EXAMINED)
    above, currency = tables.preamble(rows[:at])
    upload.looked = {
        "headers": [{"name": column.name, "samples": column.samples, "proves": column.proves} for column in columns],
        "rows": len(rows) - at - 1,
        "encoding": "",
        "sheets": [],
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    upload.choices = {
        "sheet": None,
        "encoding": None,
        "strict": False,
        "mapping": None,
        "head": at + 1,
        "account": account or above,
        "currency": currency,
        "columns": [column.role for column in columns],
        "dates": None,
        "decimal": None,
    }
    if used is not None:
        apply(upload, used)
    uploads.shelf(runtime).save(upload)


def _head(rows: Sequence[Sequence[str]], name: str, saved: Sequence[Placing]) -> tuple[int, Placing | None]:
    try:
        found = layout.find(rows, name, None, saved)
    except Refusal:
        return layout.guess(rows, name), None
    return found.at, found.placed


def apply(upload: Upload, placing: Placing) -> None:
    """Place the columns of the table as a saved mapping does; those it does not know are not read."""
    own = {layout.fold(name): role for name, role in placing.columns.items() if role in layout.ROLES}
    upload.choices |= {
        "columns": [own.get(layout.fold(header.name), "") for header in uploads.look_of(upload).headers],
        "dates": placing.dates,
        "decimal": placing.decimal,
        "mapping": placing.name or None,
    }


def load(runtime: Runtime, actor: Actor, upload: Upload, name: str) -> None:
    """Place the columns as the saved mapping of that name does; Refusal `unknown_mapping`."""
    apply(upload, bank.saved_placing(runtime, actor, name))
    uploads.shelf(runtime).save(upload)


def choose(runtime: Runtime, upload: Upload, roles: Sequence[str], how: Mapping[str, str]) -> None:
    """Keep what was chosen, right or not: a role for each column, and `dates`, `decimal`, `account`, `currency`."""
    count = len(uploads.look_of(upload).headers)
    upload.choices |= {
        "columns": [role if role in layout.ROLES else "" for role in [*roles, *([""] * count)][:count]],
        "dates": how.get("dates") if how.get("dates") in forms.ORDERS else None,
        "decimal": how.get("decimal") if how.get("decimal") in (".", ",") else None,
        "account": (how.get("account") or "").strip()[:64] or None,
        "currency": (how.get("currency") or "").strip().upper()[:3] or None,
    }
    uploads.shelf(runtime).save(upload)


def check(upload: Upload) -> None:
    """Refusal where the chosen columns cannot be right (`layout.check`) or the currency is none."""
    layout.check(placed(upload))
    code = upload.choices["currency"]
    if code and not money.is_currency(code):
        raise Refusal("unknown_currency", "currency", value=code)
    if not upload.choices["account"]:
        raise Refusal("statement_account", "account", name=upload.name)


def placed(upload: Upload) -> dict[str, str]:
    """The chosen columns as a mapping to save: the name of each to its role, empty for one that is not read."""
    return {header.name: role for header, role in zip(uploads.look_of(upload).headers, upload.choices["columns"], strict=True)}


def proofs(upload: Upload) -> dict[str, str]:
    """What the values of the columns chosen as day and amounts prove, as `forms.Evidence.seen` says it."""
    found: dict[str, str] = {}
    for header, role in zip(uploads.look_of(upload).headers, upload.choices["columns"], strict=False):
        for name, value in header.proves.items():
            if role == "day" if name in ("dmy", "mdy", "day") else role in ("amount", "in", "out"):
                found.setdefault(name, value)
    return found


def missing_mapping(runtime: Runtime, actor: Actor, upload: Upload) -> bool:
    """Whether the saved mapping that placed the columns is there no longer."""
    name = upload.choices["mapping"]
    if not name:
        return False
    with runtime.read(actor) as view:
        return view.session.get(mapping_storage.Mapping, name) is None


def start(runtime: Runtime, actor: Actor, upload: Upload, what: str) -> uploads.Job:
    """Begin to `check` or to `take` in the whole table, as `uploads.start` does with imports."""
    return uploads.start(runtime, actor, upload, what, _read)


def _read(runtime: Runtime, actor: Actor, upload: Upload, what: str, _done: Callable[[int], None], _counted: Callable[[int], None]) -> uploads.Came:
    chosen = upload.choices
    placing = Placing(placed(upload), chosen["dates"], chosen["decimal"], chosen["head"])
    how = bank.Reading(chosen["account"], chosen["currency"], placing, what == "check", uploads.PREVIEWED if what == "check" else 0)
    taken = bank.take_in(runtime, actor, uploads.shelf(runtime).path(upload.token), upload.name, how=how)
    if what == "take" and taken.line_ids:
        runtime.write(actor, lambda work: matching.propose_and_apply(work, taken.line_ids))
    told = _told(taken)
    return uploads.Came(dict.fromkeys(i18n.LANGUAGES, told), taken.lines + taken.left_out, None, what == "take")


def _told(taken: bank.Taken) -> dict[str, Any]:
    """What came of it, for the page: counts, what each statement adds up to, and the first rows with what becomes of each."""
    rows = []
    for seen in taken.seen:
        row: dict[str, Any] = {"line": seen.line, "outcome": seen.outcome, "text": seen.text}
        if (entry := seen.entry) is not None:
            row |= {"day": entry.day.isoformat(), "amount": entry.amount, "currency": entry.currency, "payer": entry.payer, "payer_account": entry.payer_account}
            row |= {"reference": entry.reference, "narrative": entry.narrative[:200]}
        rows.append(row)
    sums = [{"account": one.account, "currency": one.currency, "opening": one.opening, "moved": one.moved, "closing": one.closing} for one in taken.balances]
    return taken.as_json() | {"balances": sums, "preview": rows}
