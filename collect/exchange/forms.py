"""Dates and numbers as a file writes them: what its values prove about their form, and reading a date in that form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange.cells import Exact

Order = Literal["ymd", "dmy", "mdy"]
ORDERS: tuple[Order, ...] = ("ymd", "dmy", "mdy")

_TIME = r"(?:[ T]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[AaPp][Mm])?)?"
_YEAR_FIRST = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})\2([0-9]{1,2})|\s*年\s*([0-9]{1,2})\s*月\s*([0-9]{1,2})\s*[日号]|([0-9]{2})([0-9]{2}))" + _TIME)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})" + _TIME)
_MOST_SEEN = 50_000
# A currency with four decimals lets every number of decimals pass that any currency has: only the signs matter here.
_ANY = "CLF"
_ONE_GROUP = re.compile(r"[^0-9.,]*[1-9][0-9]{0,2}[.,][0-9]{3}[^0-9.,]*")
_MARKS = re.compile(r"[A-Z]{3}|[¥$€£元]")


@dataclass(frozen=True, slots=True)
class Forms:
    """How a file writes dates and numbers: `dates` is the order of values like 3/5/2026, `decimal` the decimal sign.

    Year-first dates are read whatever the order; `ymd` reads them alone.
    """

    dates: Order
    decimal: money.Decimals


class Evidence:
    """What the values of a file prove about their form; one value may settle it for the whole file.

    Feed every date and amount, then `settle`. It keeps a few examples, however long the file.
    """

    def __init__(self) -> None:
        self._orders: dict[Order, str] = {}
        self._unsure_day: str | None = None
        self._same_day = False
        self._decimals: dict[money.Decimals, str] = {}
        self._unsure_amount: str | None = None
        self._seen_days: set[str] = set()
        self._seen_amounts: set[str] = set()

    def see_day(self, text: str) -> None:
        """Take one date: 31/12/2026 proves day first, 12/31/2026 month first, 3/5/2026 neither; empty and garbage nothing."""
        if not text or text[4:8:3] == "--" or text in self._seen_days:
            return
        if len(self._seen_days) < _MOST_SEEN:
            self._seen_days.add(text)
        found = _YEAR_LAST.fullmatch(money.fold(text))
        if found is None:
            return
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        day_first, month_first = _day(year, second, first), _day(year, first, second)
        if day_first and month_first:
            if day_first == month_first:
                self._same_day = True
            elif self._unsure_day is None:
                self._unsure_day = text
        elif day_first:
            self._orders.setdefault("dmy", text)
        elif month_first:
            self._orders.setdefault("mdy", text)

    def see_amount(self, text: str) -> None:
        """Take one amount: 1,234.50 and 1.5 prove the point, 1.234,50 and 1,5 the comma, 1,234 neither.

        Plain integers, numeric cells of an XLSX, empty texts and garbage prove nothing.
        """
        point_at, comma_at = text.rfind("."), text.rfind(",")
        if point_at == comma_at or isinstance(text, Exact):
            return
        # Most amounts of a long file only say again what is known: they are told apart without reading them.
        sign = "." if point_at > comma_at else ","
        if sign in self._decimals and text.count(sign) == 1:
            return
        if self._unsure_amount is not None and _ONE_GROUP.fullmatch(text):
            return
        if text in self._seen_amounts:
            return
        if len(self._seen_amounts) < _MOST_SEEN:
            self._seen_amounts.add(text)
        point, comma = _minor(text, "."), _minor(text, ",")
        if point is None and comma is not None:
            self._decimals.setdefault(",", text)
        elif comma is None and point is not None:
            self._decimals.setdefault(".", text)
        elif point != comma and self._unsure_amount is None:
            self._unsure_amount = text

    def see_amounts(self, column: Sequence[str]) -> None:
        """Take many amounts: the same as each of them in turn."""
        if "." in self._decimals and "," not in "".join(column):  # those with one point say again what is known, those without any sign nothing
            column = [text for text in column if text.count(".") > 1]
        for text in column:
            self.see_amount(text)

    def seen(self) -> dict[str, str]:
        """What the values proved, each by an example: `dmy`, `mdy`, `.`, `,`; `day` and `amount` can be read in two ways."""
        found: dict[str, str] = dict(self._orders.items())
        found.update(self._decimals.items())
        if self._unsure_day is not None:
            found["day"] = self._unsure_day
        if self._unsure_amount is not None:
            found["amount"] = self._unsure_amount
        return found

    def settle(self, dates: str | None = None, decimal: str | None = None) -> Forms:
        """The forms of the file; an option given overrides what the values say.

        Refusal `ambiguous_dates`, `contradictory_dates`, `ambiguous_numbers` or `contradictory_numbers`, each with a
        value of the file and the option that settles it (`interfaces` Files in); `bad_choice` for an unknown option.
        """
        return Forms(self._order(dates), self._decimal(decimal))

    def _order(self, option: str | None) -> Order:
        if option is not None:
            for order in ORDERS:
                if option == order:
                    return order
            raise Refusal("bad_choice", "dates", value=option, allowed=", ".join(ORDERS))
        if len(self._orders) == 2:
            raise Refusal("contradictory_dates", "dates", first=self._orders["dmy"], second=self._orders["mdy"])
        for order in self._orders:
            return order
        if self._unsure_day is not None:
            readings = [parse_day(self._unsure_day, order).isoformat() for order in ("dmy", "mdy")]
            raise Refusal("ambiguous_dates", "dates", value=self._unsure_day, first=readings[0], second=readings[1])
        return "dmy" if self._same_day else "ymd"

    def _decimal(self, option: str | None) -> money.Decimals:
        if option is not None:
            if option == "." or option == ",":
                return "." if option == "." else ","
            raise Refusal("bad_choice", "decimal", value=option, allowed=". ,")
        if len(self._decimals) == 2:
            raise Refusal("contradictory_numbers", "decimal", first=self._decimals["."], second=self._decimals[","])
        for sign in self._decimals:
            return sign
        if self._unsure_amount is not None:
            readings = [money.plain(_minor(self._unsure_amount, sign) or 0, _ANY) for sign in (".", ",")]
            first, second = (f"{reading.rstrip('0').rstrip('.')}" for reading in readings)
            raise Refusal("ambiguous_numbers", "decimal", value=self._unsure_amount, first=first, second=second)
        return "."


def _minor(text: str, decimal: money.Decimals) -> int | None:
    """The amount in one reading; None where the grammar of amounts has none. Too many decimals is a reading all the same."""
    try:
        return money.parse(text, _ANY, decimal)
    except Refusal as refusal:
        if refusal.code == "amount_in_other_currency":
            plain = _MARKS.sub("", money.fold(text))
            return _minor(plain, decimal) if plain != text else None
        return None if refusal.code == "bad_amount" else -1


def parse_day(text: str, order: Order, field: str = "date") -> date:
    """A date as people and programs write it; the time of day, where there is one, is dropped.

    2026-03-05, 2026/3/5, 2026.3.5, 20260305 and 2026年3月5日 in any order; 05.03.2026, 3/5/2026 and 5-3-2026 by
    `order` (`dmy`, `mdy`); serial days in numeric cells of an XLSX; full-width digits. Refusal `bad_date` for anything
    else: two-digit years, days that are not in the calendar, years outside 1900 to 2199.
    """
    if len(text) == 10 and text[4] == text[7] == "-":
        try:
            return _between(date.fromisoformat(text), text, field)
        except ValueError:
            pass
    plain = money.fold(text)
    found = _YEAR_FIRST.fullmatch(plain)
    day: date | None = None
    if found:
        parts = [part for part in found.groups()[2:] if part]
        day = _day(int(found[1]), int(parts[0]), int(parts[1]))
    elif isinstance(text, Exact):
        day = text.serial_day()
    elif order != "ymd" and (found := _YEAR_LAST.fullmatch(plain)):
        first, second = int(found[1]), int(found[3])
        day = _day(int(found[4]), second, first) if order == "dmy" else _day(int(found[4]), first, second)
    if day is None:
        raise Refusal("bad_date", field, value=text)
    return _between(day, text, field)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _between(day: date, text: str, field: str) -> date:
    if not 1900 <= day.year <= 2199:
        raise Refusal("bad_date", field, value=text)
    return day
