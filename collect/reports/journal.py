"""The journal for the general ledger: balanced vouchers 凭证, and the control report receivables = ledger, month by month (S9)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from collect import assets, i18n
from collect.domain import aging, ledger, money
from collect.domain.errors import Refusal
from collect.domain.rights import Scope
from collect.exchange.spool import Spool
from collect.i18n import mark as _
from collect.runtime import View
from collect.storage import balances
from collect.storage import vouchers as storage
from collect.table import Column, Table

EVENTS = {
    "issue": _("Documents issued"),
    "void": _("Documents voided"),
    "receive": _("Receipts and credits"),
    "settle": _("Receipts and credits, applied at once"),
    "allocate": _("Receipts and credits applied"),
    "redate": _("Due dates changed"),
    "transfer": _("Applied across a group"),
    "prepay": _("Kept for an order"),
}


class Account(NamedTuple):
    """An account of the general ledger: its code, and its name in the reader's language."""

    code: str
    name: str


class Entry(NamedTuple):
    """One line of a voucher in minor units; `customer_no` and `customer_name` are empty on the other side."""

    account: Account
    customer_no: str
    customer_name: str
    debit: int
    credit: int


@dataclass(frozen=True, slots=True)
class Voucher:
    """One balanced voucher: what one kind of event did on a day in a currency against one account."""

    number: str
    day: date
    currency: str
    event: str
    entries: tuple[Entry, ...]

    @property
    def amount(self) -> int:
        """The total of each side."""
        return sum(entry.debit for entry in self.entries)


def accounts(language: str, data_dir: Path | None = None) -> dict[str, Account]:
    """The accounts by their names in the journal: the shipped ones, with the installation's own over them.

    Refusal `bad_accounts_file` for a file that cannot be read, or an entry without `code`, `en` and `zh`.
    """
    found: dict[str, Account] = {}
    for path in (assets.folder("config") / "accounts.toml", *([data_dir / "accounts.toml"] if data_dir else [])):
        try:
            for name, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
                found[name] = Account(str(entry["code"]), {"en": str(entry["en"]), "zh": str(entry["zh"])}[language if language in ("en", "zh") else "en"])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise Refusal("bad_accounts_file", None, value=str(path), reason=str(problem)) from None
    return found


def vouchers(view: View, scope: Scope, since: date, until: date, language: str, currency: str | None = None) -> Iterator[Voucher]:
    """The vouchers of the days from `since` to `until`, in order, each balanced (Refusal `voucher_unbalanced`).

    Numbers follow from the content: day, currency, and the place among that day's. A month that is closed keeps its
    vouchers for ever; in an open month an entry made later may add to an earlier day. Refusal `bad_range`.
    """
    if since > until:
        raise Refusal("bad_range", "until", since=since.isoformat(), until=until.isoformat())
    named = accounts(language, view.settings.data_dir)
    rows = storage.load_entries(view.session, scope, since, until, view.known, currency)
    for (day, code), of_day in groupby(rows, key=lambda row: (row[0], row[1])):
        for place, ((event, account), some) in enumerate(groupby(of_day, key=lambda row: (row[2], row[3])), start=1):
            entries = _entries(list(some), named, account)
            voucher = Voucher(f"{day:%Y%m%d}-{code}-{place:02d}", day, code, event, entries)
            credit = sum(entry.credit for entry in entries)
            if voucher.amount != credit:
                raise Refusal("voucher_unbalanced", None, voucher=voucher.number, debit=money.plain(voucher.amount, code), credit=money.plain(credit, code), currency=code)
            yield voucher


def _entries(rows: list[Any], named: Mapping[str, Account], account: str | None) -> tuple[Entry, ...]:
    """The lines of one voucher: receivables and unapplied by customer, then the other side in one."""
    found = []
    contra = 0
    for row in rows:
        number, name = row[4], row[5]
        for key, amount in (("receivable", int(row[6])), ("unapplied", int(row[7]))):
            if amount:
                found.append(Entry(_account(named, key), number, name, max(amount, 0), max(-amount, 0)))
        contra += int(row[8])
    if contra:
        found.append(Entry(_account(named, account or ""), "", "", max(contra, 0), max(-contra, 0)))
    return tuple(found)


def _account(named: Mapping[str, Account], key: str) -> Account:
    """The account of a name; one that nobody mapped shows the journal's own name, so that nothing is hidden."""
    return named.get(key, Account(key or "?", key))


COLUMNS = (
    Column("voucher", _("Voucher"), "code"),
    Column("date", _("Date"), "date"),
    Column("summary", _("Summary")),
    Column("account", _("Account"), "code"),
    Column("account_name", _("Account name")),
    Column("customer_no", _("Customer no."), "code"),
    Column("customer_name", _("Customer")),
    Column("currency", _("Currency"), "code"),
    Column("debit", _("Debit"), "money"),
    Column("credit", _("Credit"), "money"),
)


def as_table(found: Iterable[Voucher], since: date, until: date, language: str) -> Table:
    """The vouchers as a table, a row an entry, with a total of each side by currency."""
    sums: dict[str, list[int]] = {}

    def cells() -> Iterator[tuple[Any, ...]]:
        for voucher in found:
            summary = i18n.in_language(language, EVENTS.get(voucher.event, voucher.event))
            side = sums.setdefault(voucher.currency, [0, 0])
            for entry in voucher.entries:
                side[0] += entry.debit
                side[1] += entry.credit
                sides = (entry.debit or None, entry.credit or None)
                yield (voucher.number, voucher.day, summary, *entry.account, entry.customer_no, entry.customer_name, voucher.currency, *sides)

    rows = Spool(cells())
    totals = [(_("Total"), None, None, None, None, None, None, currency, *sides) for currency, sides in sorted(sums.items())]
    facts = ((_("From"), since.isoformat()), (_("To"), until.isoformat()))
    return Table(_("Vouchers"), COLUMNS, rows, totals, facts, currency=7)


def as_json(found: Iterable[Voucher]) -> Iterator[dict[str, Any]]:
    """The vouchers one by one, with fixed keys; amounts are decimal strings (S1)."""

    def told(voucher: Voucher, entry: Entry) -> dict[str, Any]:
        sides = {"debit": money.plain(entry.debit, voucher.currency), "credit": money.plain(entry.credit, voucher.currency)}
        return {"account": entry.account.code, "account_name": entry.account.name, "customer_no": entry.customer_no or None, **sides}

    for voucher in found:
        yield {
            "voucher": voucher.number,
            "date": voucher.day.isoformat(),
            "event": voucher.event,
            "currency": voucher.currency,
            "entries": [told(voucher, entry) for entry in voucher.entries],
        }


class Month(NamedTuple):
    """One month's end in one currency: the ledger, and beside it what the open items say; minor units.

    `increase` and `decrease` moved the receivables account in the month, `receivable` and `unapplied` are its balance and
    that of what is not applied, `items` is Σ open - unapplied from the documents.
    """

    month: str
    currency: str
    increase: int
    decrease: int
    receivable: int
    unapplied: int
    items: int

    @property
    def ledger(self) -> int:
        """The balance of the journal's receivables accounts."""
        return self.receivable + self.unapplied

    @property
    def difference(self) -> int:
        """Nothing, where it ties out."""
        return self.items - self.ledger


def control(view: View, scope: Scope, as_of: date, latest: int | None = None) -> list[Month]:
    """Receivables = ledger at the end of each month up to a date, by currency (S9); only the `latest` so many where told.

    The ledger is added up from its lines; the items from the documents, which no allocation changes. A difference is
    shown, not hidden: this is the report that finds it. The last line ends with `as_of`.
    """
    days = storage.load_days(view.session, scope, as_of, view.known)
    if not days:
        return []
    first = min(entry.day for entry in days)
    months = _months(first, as_of)
    told = months if latest is None else months[-latest:]
    proved = {name: _documents(view, scope, end) for name, end in told}
    found = []
    for currency in sorted({entry.currency for entry in days} | {code for sums in proved.values() for code in sums}):
        mine = [entry for entry in days if entry.currency == currency]
        receivable = unapplied = 0
        for name, _end in months:
            some = [entry for entry in mine if ledger.month_of(entry.day) == name]
            up, down = sum(entry.up for entry in some), sum(entry.down for entry in some)
            receivable += up + down
            unapplied += sum(entry.unapplied for entry in some)
            if name in proved and (some or receivable or unapplied or proved[name].get(currency, 0)):
                found.append(Month(name, currency, up, down, receivable, unapplied, proved[name].get(currency, 0)))
    return found


def _months(first: date, last: date) -> list[tuple[str, date]]:
    """Each month from one date to another with its last day, the last one cut at the date."""
    found = []
    at = first.replace(day=1)
    while at <= last:
        end = (at + timedelta(days=31)).replace(day=1) - timedelta(days=1) if (at.year, at.month) != (9999, 12) else date.max
        found.append((ledger.month_of(at), min(end, last)))
        if end == date.max:
            break
        at = end + timedelta(days=1)
    return found


def _documents(view: View, scope: Scope, as_of: date) -> dict[str, int]:
    """Σ open - unapplied by currency, as the documents have it."""
    return balances.load_control(view.session, balances.Question(as_of, view.known, aging.Basis.DUE, aging.Buckets((30,)), scope))


CONTROL_COLUMNS = (
    Column("month", _("Month"), "code"),
    Column("currency", _("Currency"), "code"),
    Column("increase", _("Increase"), "money"),
    Column("decrease", _("Decrease"), "money"),
    Column("receivable", _("Receivables in the ledger"), "money"),
    Column("unapplied", _("Unapplied in the ledger"), "money"),
    Column("ledger", _("Ledger"), "money"),
    Column("items", _("Open less unapplied"), "money"),
    Column("difference", _("Difference"), "money"),
)


def control_table(found: list[Month], as_of: date) -> Table:
    """The control report as a table; its sentence says whether it ties out."""
    rows = [(*line[:6], line.ledger, line.items, line.difference) for line in found]
    note = _("Every month ties out.") if ties_out(found) else _("There is a difference: run `collect verify` and look into it before anything is printed.")
    return Table(_("Receivables and ledger"), CONTROL_COLUMNS, rows, facts=((_("As of"), as_of.isoformat()),), notes=(i18n.gettext(note),), currency=1)


def ties_out(found: list[Month]) -> bool:
    """Whether no month has a difference."""
    return not any(line.difference for line in found)


def control_json(found: list[Month], as_of: date) -> dict[str, Any]:
    """The control report with fixed keys; amounts are decimal strings."""
    names = ("increase", "decrease", "receivable", "unapplied", "ledger", "items", "difference")
    rows = [{"month": line.month, "currency": line.currency, **{name: money.plain(getattr(line, name), line.currency) for name in names}} for line in found]
    return {"as_of": as_of.isoformat(), "rows": rows, "control": {"ties_out": ties_out(found)}}
