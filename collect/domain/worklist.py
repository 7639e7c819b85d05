"""Ranking the day's work: points that add up, each with its reason, so that everybody sees why an account stands where it stands (P3-P5, P22)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from collect.domain import money

BUCKETS = ((180, 35), (90, 30), (60, 20), (30, 10), (0, 5))
"""Days past due of the oldest overdue item, more than so many: so many points (1-30, 31-60, 61-90, 91-180, 180+; P22)."""
REMEMBERED = 30
"""Calendar days for which a broken promise and a contact that we missed count."""
SILENCE = 14
"""Calendar days without a contact after which silence itself counts."""
_BROKEN, _FURTHER, _MOST_BROKEN = 25, 10, 45
_PROMISE_DUE = 15
_TASK_DUE = 15
_PLANNED = _MISSED = 10
_SILENT = 10
_LIMIT_USED = 10
_LIMIT_PERCENT = 90
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the rank of one customer depends on; minor units by currency.

    `overdue` is what may be asked of what is overdue: less accepted disputes and money tied to no item (S17); promises
    take nothing off it. `oldest_days` are days past due of the oldest overdue item, 0 when nothing is overdue.
    `promised` and `promises_due` are of live promises, `broken` the days on which promises were found broken, `tasks`
    the due days of open tasks, `planned` the days of planned contacts not yet made, `missed` those that we let go by.
    `last_contact` is the day of the last contact that took place (None: never). `owed` is the exposure in `currency`,
    the one that `credit_limit` is in. `has_next` says whether anything at all is to happen next (P4).
    """

    customer_no: str
    currency: str
    overdue: Mapping[str, int] = field(default_factory=dict)
    oldest_days: int = 0
    owed: int = 0
    credit_limit: int | None = None
    promised: Mapping[str, int] = field(default_factory=dict)
    promises_due: tuple[date, ...] = ()
    broken: tuple[date, ...] = ()
    tasks: tuple[date, ...] = ()
    planned: tuple[date, ...] = ()
    missed: tuple[date, ...] = ()
    last_contact: date | None = None
    has_next: bool = True
    do_not_contact: bool = False
    insolvent: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of the sum: a code, its points, and the facts that its words need (days, counts, minor units)."""

    code: str
    points: int
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entry with its points. `held` is a code why it stands behind all others whatever its points, or None.

    `no_next_action` is the fault that an overdue account must not have (P4).
    """

    entry: Entry
    points: int
    reasons: tuple[Reason, ...]
    held: str | None
    no_next_action: bool


def rank(entries: Iterable[Entry], as_of: date) -> list[Ranked]:
    """The entries in the order in which they are to be worked: most points first.

    Behind all others stand those who are promised in full, insolvent or never to be contacted. Equal points: the one
    whose oldest debt is older first (age decides, not size; P22), then the customer number. The points are those of
    `reasons`, added; the same facts give the same order.
    """
    found = [_judge(entry, as_of) for entry in entries]
    return sorted(found, key=lambda one: (one.held is not None, -one.points, -one.entry.oldest_days, one.entry.customer_no))


def amount_points(minor: int, currency: str) -> int:
    """10 × log10 of an amount in whole units of its currency, rounded down: 1,000.00 is 30, 1,200.00 is 30, 2,000.00 is 33.

    In whole numbers: 10 × log10(n) rounded down is one less than the number of digits of n to the tenth power. Less
    than one unit gives 0. Amounts of different currencies are never added up.
    """
    whole = minor // 10 ** money.exponent(currency)
    return len(str(whole**10)) - 1 if whole > 0 else 0


def age_points(days: int) -> int:
    """Points for the oldest overdue item by its days past due, 0 when it is not overdue (P22)."""
    return next((points for over, points in BUCKETS if days > over), 0)


def _judge(entry: Entry, as_of: date) -> Ranked:
    reasons = tuple(reason for reason in _reasons(entry, as_of) if reason is not None)
    is_owing = any(amount > 0 for amount in entry.overdue.values())
    return Ranked(entry, sum(reason.points for reason in reasons), reasons, _held(entry, as_of), is_owing and not entry.has_next)


def _held(entry: Entry, as_of: date) -> str | None:
    """Why the entry stands behind: nobody may speak with the customer, or he has promised everything and it is not yet time.

    A promise that falls due today or tomorrow does not hold it back: that is when one asks whether the money is on its way.
    """
    if entry.do_not_contact:
        return "do_not_contact"
    if entry.insolvent:
        return "insolvent"
    owing = {currency: amount for currency, amount in entry.overdue.items() if amount > 0}
    in_full = bool(owing) and all(entry.promised.get(currency, 0) >= amount for currency, amount in owing.items())
    return "promised_in_full" if in_full and not _due_now(entry, as_of) else None


def _due_now(entry: Entry, as_of: date) -> list[date]:
    return sorted(day for day in entry.promises_due if as_of <= day <= as_of + _DAY)


def _reasons(entry: Entry, as_of: date) -> list[Reason | None]:
    """Every reason that applies, in the order in which they are shown."""
    return [_amount(entry), _age(entry), _broken(entry, as_of), _promise(entry, as_of), *_agenda(entry, as_of), _silence(entry, as_of), _limit(entry)]


def _amount(entry: Entry) -> Reason | None:
    """The amount of the currency that gives most points: it orders the day's work, and nothing else (P22)."""
    best = max(((amount_points(amount, currency), amount, currency) for currency, amount in entry.overdue.items() if amount > 0), default=None)
    return Reason("overdue_amount", best[0], {"amount": best[1], "currency": best[2]}) if best else None


def _age(entry: Entry) -> Reason | None:
    return Reason("oldest_days", age_points(entry.oldest_days), {"days": entry.oldest_days}) if entry.oldest_days > 0 else None


def _broken(entry: Entry, as_of: date) -> Reason | None:
    count = sum(1 for day in entry.broken if 0 <= (as_of - day).days <= REMEMBERED)
    return Reason("promise_broken", min(_BROKEN + _FURTHER * (count - 1), _MOST_BROKEN), {"count": count, "days": REMEMBERED}) if count else None


def _promise(entry: Entry, as_of: date) -> Reason | None:
    due = _due_now(entry, as_of)
    return Reason("promise_due", _PROMISE_DUE, {"day": due[0]}) if due else None


def _agenda(entry: Entry, as_of: date) -> list[Reason | None]:
    """What is in the diary: tasks that are due, a contact planned for the day, and contacts that we missed since the last one (P4)."""
    tasks = sum(1 for day in entry.tasks if day <= as_of)
    missed = [day for day in entry.missed if (as_of - day).days <= REMEMBERED] + [day for day in entry.planned if day < as_of]
    missed = [day for day in missed if entry.last_contact is None or day > entry.last_contact]
    return [
        Reason("task_due", _TASK_DUE, {"count": tasks}) if tasks else None,
        Reason("contact_planned", _PLANNED) if as_of in entry.planned else None,
        Reason("contact_missed", _MISSED, {"count": len(missed)}) if missed else None,
    ]


def _silence(entry: Entry, as_of: date) -> Reason | None:
    """Nobody spoke with one who is overdue for more than `SILENCE` days (P5)."""
    if entry.oldest_days <= 0:
        return None
    if entry.last_contact is None:
        return Reason("never_contacted", _SILENT) if entry.oldest_days > SILENCE else None
    days = (as_of - entry.last_contact).days
    return Reason("long_silent", _SILENT, {"days": days}) if days > SILENCE else None


def _limit(entry: Entry) -> Reason | None:
    """More than 90 % of the credit limit is used; any debt uses all of a limit of nothing."""
    if entry.credit_limit is None or entry.owed * 100 <= entry.credit_limit * _LIMIT_PERCENT:
        return None
    return Reason("limit_used", _LIMIT_USED, {"owed": entry.owed, "limit": entry.credit_limit, "currency": entry.currency})
