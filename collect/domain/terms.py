"""Payment terms: what may be agreed, how it is written, and which open items on which dates it makes of an invoice (S4, S7, S18)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from collect.domain import money
from collect.domain.calendar import add_days, month_end
from collect.domain.errors import Refusal

WHOLE = 10_000
"""100 % in hundredths of a percent, the unit of every share here."""
MOST_DAYS = 3650
LONGEST = 64
PREVIOUS_DAYS = 30
"""上批结清 falls due when the next delivery is asked for, at the latest after so many days (S18)."""
MOVED = "MOVED"
"""What stands in the place of a trigger where no event but a person moved the due date of an item."""


class Trigger(StrEnum):
    """What may start the days instead of the issue date (S7), and the event that makes `PREVIOUS` due."""

    DELIVERY = "DELIVERY"
    ACCEPTANCE = "ACCEPTANCE"
    RECEIPT = "RECEIPT"
    CUTOFF = "CUTOFF"
    WARRANTY = "WARRANTY"
    NEXT_DELIVERY = "NEXT_DELIVERY"


class Kind(StrEnum):
    """How a due date follows from the day the days are counted from."""

    NET = "NET"
    EOM = "EOM"
    COD = "COD"
    PREVIOUS = "PREVIOUS"


@dataclass(frozen=True, slots=True)
class Part:
    """`share` (hundredths of a percent of the invoice) is due `days` after `trigger`, or after the issue date when None."""

    days: int
    share: int = WHOLE
    trigger: Trigger | None = None


@dataclass(frozen=True, slots=True)
class Discount:
    """`percent` (hundredths of a percent) off when paid within `days` of the day the net days are counted from."""

    percent: int
    days: int


@dataclass(frozen=True, slots=True)
class Terms:
    """Agreed terms; one part, or several instalments of kind NET whose shares add up to the whole.

    `str(terms)` is the canonical text, at most 64 characters, which `parse` reads back to equal terms.
    """

    kind: Kind
    parts: tuple[Part, ...]
    discount: Discount | None = None

    def __str__(self) -> str:
        triggers = {part.trigger for part in self.parts}
        shared = "" if len(triggers) > 1 or None in triggers else f"@{self.parts[0].trigger}"
        if len(self.parts) > 1:
            own = len(triggers) > 1
            return "+".join(f"{part.days}/{_percent(part.share)}" + (f"@{part.trigger or 'ISSUE'}" if own else "") for part in self.parts) + shared
        days = self.parts[0].days
        early = f"{_percent(self.discount.percent)}/{self.discount.days} " if self.discount else ""
        told = {Kind.NET: f"NET{days}", Kind.EOM: f"EOM+{days}"}.get(self.kind, self.kind.value)
        return f"{early}{told}{shared}"


@dataclass(frozen=True, slots=True)
class Instalment:
    """One open item that the terms make of an invoice: number `part` of `parts`, `minor` units.

    Until `trigger` has happened `due` is None and `provisional` says when it would be due had it happened on the issue
    date (S7); afterwards, and without a trigger, `provisional` is None.
    """

    part: int
    parts: int
    minor: int
    due: date | None
    provisional: date | None
    trigger: Trigger | None


@dataclass(frozen=True, slots=True)
class EarlyPayment:
    """Through `until` (inclusive), `minor` units less than the amount settle the invoice."""

    until: date
    minor: int


_TRIGGER_WORDS: dict[str, Trigger | None] = {
    "ISSUE": None,
    "开票": None,
    "开票日": None,
    **{trigger.value: trigger for trigger in Trigger if trigger is not Trigger.NEXT_DELIVERY},
    **dict.fromkeys(("送货", "发货", "交货", "到货", "货到", "收货"), Trigger.DELIVERY),
    **dict.fromkeys(("验收", "验收合格"), Trigger.ACCEPTANCE),
    **dict.fromkeys(("票到", "收票", "收到发票"), Trigger.RECEIPT),
    **dict.fromkeys(("月结日", "对账日", "截止日"), Trigger.CUTOFF),
    **dict.fromkeys(("质保期满", "质保到期", "质保期到"), Trigger.WARRANTY),
}
_ALLOWED = ", ".join(word for word in _TRIGGER_WORDS if word.isascii())
_FIXED = {
    **dict.fromkeys(("COD", "CASHONDELIVERY", "本批结清", "货到付款", "现结", "现款现货"), Kind.COD),
    **dict.fromkeys(("PREVIOUS", "上批结清", "压批"), Kind.PREVIOUS),
}
_EVENT = "|".join(sorted((word for word in _TRIGGER_WORDS if not word.isascii()), key=len, reverse=True))
_NET = re.compile(r"(?:NET|N/|N|净|账期)?([0-9]{1,4})(?:DAYS?|D|天|日)?")
_EOM = re.compile(r"EOM(?:\+?([0-9]{1,4})(?:DAYS?|D)?)?|(?:NET)?([0-9]{1,4})EOM|月结(?:([0-9]{1,4})[天日]?)?|次月(0?[1-9]|1[0-9]|2[0-8])[日号]前?")
_AFTER = re.compile(rf"({_EVENT})(?:后|之日起)?(?:月结)?(?:([0-9]{{1,4}})[天日]?|付款|即付)内?(?:付款)?")
_DISCOUNT = re.compile(r"([0-9.]{1,5})%?/([0-9]{1,4}),?((?:NET|N/|N)[0-9]{1,4}.*)")
_PART = re.compile(r"([0-9]{1,4})[天日]?/([0-9]{1,3}(?:\.[0-9]{1,2})?)%?(?:@(.+))?")


@lru_cache(maxsize=4096)
def parse(text: str, field: str = "terms") -> Terms:
    """Terms from what people write, without regard to case, width and spaces.

    `NET30` or a bare `30` · `EOM+15` (15 days after the end of the month) · `COD` · `PREVIOUS` · `30/50+60/50` (days and
    percent) · `2/10 NET30` (2 % off within 10 days) · `NET30@ACCEPTANCE`, `EOM+15@RECEIPT`, `30/90+365/10@DELIVERY`
    (an event after the last part is every part's; else each part names its own, `@ISSUE` the issue date) · the usual
    Chinese words for these, such as 货到付款, 月结30天, 验收后60天. Raises Refusal `bad_terms`, or where the fault is known
    `bad_terms_event`, `_percent`, `_order`, `_days`, `_discount`, `_long`.
    """
    plain = re.sub(r"(?<![0-9])\s+|\s+(?![0-9])", "", money.fold(text)).upper()
    if "+" in plain and "/" in plain and not _DISCOUNT.fullmatch(plain):
        terms = _instalments(plain, text, field)
    elif found := _DISCOUNT.fullmatch(plain):
        terms = _discounted(found, text, field)
    else:
        terms = _single(plain, text, field)
    if any(part.days > MOST_DAYS for part in terms.parts):
        raise Refusal("bad_terms_days", field, value=text, most=MOST_DAYS)
    if len(str(terms)) > LONGEST:
        raise Refusal("bad_terms_long", field, value=text, most=LONGEST)
    return terms


def instalments(terms: Terms, issue_date: date, amount_minor: int, events: Mapping[str, date]) -> tuple[Instalment, ...]:
    """The open items of an invoice of `amount_minor` (1 or more) minor units; they add up to it exactly (S1, S4).

    `events` holds what has happened so far (a Trigger or its name) and when. An instalment that would get no minor unit
    is left out, and the rest is numbered anew. No item falls due before its invoice was issued, however early the event
    was. A month-end cut-off needs no event of its own: it is the end of the month of issue unless `events` names a day.
    Refusal `date_out_of_range` past the year 9999; ValueError for an amount below 1.
    """
    if amount_minor < 1:
        raise ValueError("an invoice has an amount of at least one minor unit")
    shares = money.split(amount_minor, [part.share for part in terms.parts])
    owed = [(part, minor) for part, minor in zip(terms.parts, shares, strict=True) if minor]
    items = []
    for number, (part, minor) in enumerate(owed, 1):
        happened = _start(part, issue_date, events)
        due = None if happened is None else max(_due(terms, part.days, happened, events), issue_date)
        provisional = _due(terms, part.days, issue_date, events) if happened is None else None
        items.append(Instalment(number, len(owed), minor, due, provisional, part.trigger))
    return tuple(items)


def early_payment(terms: Terms, issue_date: date, amount_minor: int, events: Mapping[str, date]) -> EarlyPayment | None:
    """The early payment discount on an invoice; None where none is agreed, or its days have not begun (event not yet happened)."""
    start = _start(terms.parts[0], issue_date, events)
    if terms.discount is None or start is None:
        return None
    off = money.split(amount_minor, [terms.discount.percent, WHOLE - terms.discount.percent])[0]
    return EarlyPayment(max(add_days(start, terms.discount.days), issue_date), off)


@lru_cache(maxsize=1024)
def discount_of(text: str) -> tuple[Discount, int] | None:
    """The discount that an item's terms grant, with their net days; None without one."""
    if " NET" not in text:  # the canonical text has a space behind a discount alone
        return None
    rule = parse(text)
    return (rule.discount, rule.parts[0].days) if rule.discount else None


def with_own_due(text: str | None, issued: date, due: date) -> str | None:
    """The terms that an invoice keeps which brings its own due date: those that grant a discount, without their event; else None.

    The date itself says all but that. The days of the discount count from the issue date, whatever event the terms
    count from; a date before their end agreed something else, for nothing is early once it is due.
    """
    rule = parse(text) if text else None
    if rule is None or rule.discount is None or add_days(issued, rule.discount.days) > due:
        return None
    return str(Terms(rule.kind, (Part(rule.parts[0].days),), rule.discount))


def discount_open(text: str | None, issued: date, due: date | None, amount: int, credited: int, open_amount: int) -> EarlyPayment | None:
    """What an open item still grants for early payment; `amount`, `credited` (by credit notes) and `open_amount` in minor units.

    It is a share of what the invoice comes to after its credit notes. None where no discount is agreed, its days have
    not begun, or anything else has settled a part: a part payment takes none, and none is taken twice. The days count
    from the issue date; under terms that wait for an event (S7) from that event, counted back from `due`, the due date
    that it gave.
    """
    agreed = discount_of(text) if text else None
    whole = amount - credited
    if agreed is None or due is None or whole <= 0 or open_amount != whole:
        return None
    discount, net_days = agreed
    off = money.split(whole, [discount.percent, WHOLE - discount.percent])[0]
    until = add_days(due, discount.days - net_days) if "@" in (text or "") else add_days(issued, discount.days)
    return EarlyPayment(max(until, issued), off) if off else None


def _start(part: Part, issue_date: date, events: Mapping[str, date]) -> date | None:
    """The day a part's days are counted from, or None before its event."""
    if part.trigger is None:
        return issue_date
    if part.trigger is Trigger.CUTOFF:
        return events.get(Trigger.CUTOFF, month_end(issue_date))
    return events.get(part.trigger)


def _due(terms: Terms, days: int, start: date, events: Mapping[str, date]) -> date:
    """The due date of a part whose days are counted from `start`."""
    if terms.kind is Kind.PREVIOUS:
        latest = add_days(start, PREVIOUS_DAYS)
        return min(events.get(Trigger.NEXT_DELIVERY, latest), latest)
    return add_days(month_end(start) if terms.kind is Kind.EOM else start, days)


def _single(plain: str, text: str, field: str) -> Terms:
    """Terms without instalments and without a discount."""
    if plain in _FIXED:
        return Terms(_FIXED[plain], (Part(0),))
    if after := _AFTER.fullmatch(plain):
        kind = Kind.EOM if "月结" in plain[len(after[1]) :] else Kind.NET
        return Terms(kind, (Part(int(after[2] or 0), WHOLE, _TRIGGER_WORDS[after[1]]),))
    head, at, word = plain.partition("@")
    trigger = _trigger(word, text, field) if at else None
    if net := _NET.fullmatch(head):
        return Terms(Kind.NET, (Part(int(net[1]), WHOLE, trigger),))
    if eom := _EOM.fullmatch(head):
        return Terms(Kind.EOM, (Part(int(next((days for days in eom.groups() if days), 0)), WHOLE, trigger),))
    if _PART.fullmatch(head):
        return _instalments(plain, text, field)
    raise Refusal("bad_terms", field, value=text)


def _discounted(found: re.Match[str], text: str, field: str) -> Terms:
    """`2/10 NET30`: the discount must be less than the whole, and end before the net days do."""
    net = _single(found[3], text, field)
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", found[1]):
        raise Refusal("bad_terms_discount", field, value=text)
    discount = Discount(_share(found[1]), int(found[2]))
    if net.kind is not Kind.NET or discount.percent == 0 or discount.days > net.parts[0].days:
        raise Refusal("bad_terms_discount", field, value=text)
    return Terms(Kind.NET, net.parts, discount)


def _instalments(plain: str, text: str, field: str) -> Terms:
    """`30/50+60/50`: days rise where they are counted from the same day, and percentages add up to 100."""
    matches = [_PART.fullmatch(piece) for piece in plain.split("+")]
    found = [match for match in matches if match]
    if len(found) < len(matches):
        raise Refusal("bad_terms", field, value=text)
    words = [match[3] for match in found]
    if any(words[:-1]) and not all(words):
        raise Refusal("bad_terms_event", field, value=text, allowed=_ALLOWED)
    triggers = [_trigger(word or words[-1], text, field) if words[-1] else None for word in words]
    parts = tuple(Part(int(match[1]), _share(match[2]), trigger) for match, trigger in zip(found, triggers, strict=True))
    total = sum(part.share for part in parts)
    if total != WHOLE or not all(part.share for part in parts):
        raise Refusal("bad_terms_percent", field, value=text, total=_percent(total))
    last: dict[Trigger | None, int] = {}
    for part in parts:
        if part.days <= last.get(part.trigger, -1):
            raise Refusal("bad_terms_order", field, value=text)
        last[part.trigger] = part.days
    return Terms(Kind.NET, parts)


def _trigger(word: str, text: str, field: str) -> Trigger | None:
    """The event a word names; None for the issue date."""
    if word not in _TRIGGER_WORDS:
        raise Refusal("bad_terms_event", field, value=text, allowed=_ALLOWED)
    return _TRIGGER_WORDS[word]


def _share(digits: str) -> int:
    """Hundredths of a percent from `50`, `33.3` or `33.33`."""
    whole, _, rest = digits.partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0") or "0")


def _percent(share: int) -> str:
    """A share as percent, without needless zeros: `50`, `33.3`, `33.33`."""
    whole, rest = divmod(share, 100)
    return str(whole) if rest == 0 else f"{whole}.{rest:02d}".rstrip("0")
