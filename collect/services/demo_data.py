"""The demonstration company as data: its people, customers and words from `config/demo`, and the days that its story hangs on."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from collect import assets, calendars
from collect.domain import money
from collect.domain.calendar import Calendar
from collect.domain.rights import Role

_DAY = timedelta(days=1)
YEAR = 371
"""Days of history: a year and the days back to a Monday."""
DAILY, WEEKLY, SELDOM = 35, 91, 5
"""The round is done on every business day of the last 35 days, on Mondays of the last 91, and before that every fifth Monday."""


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody of the company who can sign in; `lead` is a user name or empty."""

    username: str
    name: str
    role: Role
    lead: str


@dataclass(frozen=True, slots=True)
class Client:
    """A customer with its habit: an invoice of about `amount` (minor units) every so many days; `people` are those one talks to."""

    number: str
    segment: str
    terms: str
    currency: str
    country: str
    language: str
    rep: str
    habit: str
    every: int
    amount: int
    email: str
    people: tuple[str, ...]

    @property
    def abroad(self) -> bool:
        """Whether it is written to in English."""
        return self.language == "en"


@dataclass(frozen=True, slots=True)
class Span:
    """The time that the story takes: from `start`, a Monday, to `today`, by the company's calendar."""

    start: date
    today: date
    calendar: Calendar

    @property
    def bank_from(self) -> date:
        """The day from which bank statements are taken in: every later round is a daily one."""
        return self.today - DAILY * _DAY

    def has_round(self, day: date) -> bool:
        """Whether files are taken in and the round is done on a day."""
        left = (self.today - day).days
        if left <= DAILY:
            return self.working(day)
        return day.weekday() == 0 and (left <= WEEKLY or (day - self.start).days // 7 % SELDOM == 0)

    def back(self, count: int) -> date:
        """The count-th business day before today."""
        return self.calendar.add_business_days(self.today, -count)

    def working(self, day: date) -> bool:
        """Whether the company works on a day."""
        return self.calendar.is_business_day(day)


def span(today: date) -> Span:
    """The span that ends today."""
    start = today - YEAR * _DAY
    return Span(start - start.weekday() * _DAY, today, calendars.load(str(company()["country"])))


def folder() -> Path:
    """Where the company's files are."""
    return assets.folder("config") / "demo"


@cache
def company() -> Mapping[str, Any]:
    """The company's own file."""
    return tomllib.loads((folder() / "company.toml").read_text(encoding="utf-8"))


@cache
def cash() -> Mapping[str, Any]:
    """What comes through the banks, and what finance does with it."""
    return tomllib.loads((folder() / "cash.toml").read_text(encoding="utf-8"))


@cache
def names() -> Mapping[str, str]:
    """The customers' names by number."""
    return {row["客户编号"]: row["客户名称"] for row in rows("customers.csv")}


def logins() -> list[Login]:
    """Everybody but the administrator, leads before those whom they lead."""
    found = [Login(username, name, Role(role), lead) for username, (name, role, lead) in company()["people"].items()]
    return sorted(found, key=lambda login: bool(login.lead))


def rows(name: str) -> list[dict[str, str]]:
    """A CSV file of the company by header."""
    with (folder() / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def clients() -> tuple[Client, ...]:
    """All customers, in the order of their file."""
    people: dict[str, list[str]] = {}
    for row in rows("contacts.csv"):
        people.setdefault(row["客户编号"], []).append(row["联系人"])
    habits = {row["customer_no"]: row for row in rows("habits.csv")}
    return tuple(_client(row, habits[row["客户编号"]], tuple(people[row["客户编号"]])) for row in rows("customers.csv"))


def _client(row: Mapping[str, str], habit: Mapping[str, str], people: tuple[str, ...]) -> Client:
    return Client(
        number=row["客户编号"],
        segment=row["客户分类"],
        terms=row["付款条件"],
        currency=row["币种"],
        country=row["国家"],
        language=row["语言"],
        rep=row["业务员"],
        habit=habit["habit"],
        every=int(habit["every"]),
        amount=money.parse(habit["amount"], row["币种"]),
        email=row["邮箱"],
        people=people,
    )


def chance(seed: int, *about: object) -> Random:
    """A source of chance of its own for one matter, so that one matter more leaves the others as they were."""
    return Random(f"{seed}/" + "/".join(map(str, about)))  # noqa: S311 - invents a company, guards nothing
