"""The demonstration company: made once from a seed, dated relative to today, and brought up to today at each start (`interfaces` `collect demo`)."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from collect import runtime as running
from collect import settings
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM, Actor, Role
from collect.runtime import Clock, Runtime, Work, local_day, system_clock, without_collection
from collect.services import day, demo_walk, imports, setup, users
from collect.services.demo_data import Span, company, folder, logins, span
from collect.services.demo_walk import Walk
from collect.storage import database
from collect.storage.users import load_users

SEED = 20260310
MARK = "demonstration"
"""The file that tells a demonstration's folder from an installation's; it names the day it was made on, and the seed."""
Progress = Callable[[int, int], None]
"""Told the days lived so far, and how many there are."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to sign in as."""

    username: str
    name: str
    role: Role
    password: str


def configured(place: Path, language: str | None = None) -> settings.Settings:
    """The settings of a demonstration in a folder: its own database and outbox, whatever the environment says; never a mail server."""
    environment = {
        "COLLECT_DATABASE_URL": f"sqlite:///{place / 'collect.db'}",
        "COLLECT_DATA_DIR": str(place),
        "COLLECT_SMTP_FOLDER": str(place / "outbox"),
        "COLLECT_SMTP_FROM": str(company()["sender"]),
    }
    return replace(settings.load(environment), language=language)


def exists(place: Path) -> bool:
    """Whether a demonstration was made in the folder; one that was broken off while it was made does not count.

    Refusal `demo_foreign` for a database that is none: its messages must not go to a folder, nor its users be told.
    """
    made = (place / "collect.db").is_file()
    if made and not (place / MARK).is_file():
        raise Refusal("demo_foreign", "dir", dir=place)
    return made


def make(place: Path, clock: Clock = system_clock, seed: int = SEED, progress: Progress | None = None) -> None:
    """Make the company in a folder, with its history up to last night; the same today and seed give the same company.

    It is made under another name and moved into its place when it is whole, so that one that was broken off is made
    again from the start. Refusal `demo_exists` where there is a database already.
    """
    if exists(place):
        raise Refusal("demo_exists", "dir", dir=place)
    building = place / "making"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    days = span(local_day(clock(), str(company()["timezone"])))
    walking = demo_walk.Clock(datetime.combine(days.start, time(8), ZoneInfo(str(company()["timezone"]))))
    chosen = configured(building)
    runtime = Runtime(_quick(database.make_engine(chosen.database_url)), chosen, walking)
    try:
        _live(runtime, walking, days, seed, building / "outbox", progress)
        with runtime.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        runtime.engine.dispose()
    shutil.rmtree(place / "outbox", ignore_errors=True)
    (building / "outbox").mkdir(exist_ok=True)
    (building / "outbox").replace(place / "outbox")
    (place / MARK).write_text(f"{days.today.isoformat()} {seed}\n", encoding="ascii")
    (building / "collect.db").chmod(0o600)
    (building / "collect.db").replace(place / "collect.db")
    shutil.rmtree(building, ignore_errors=True)
    setup.make_secret(configured(place))


def _quick(engine: sa.Engine) -> sa.Engine:
    """Without waiting for the disk: what is lost with the machine is simply made again."""

    @sa.event.listens_for(engine, "connect")
    def hurry(connection: object, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]

    return engine


def _live(runtime: Runtime, clock: demo_walk.Clock, days: Span, seed: int, outbox: Path, progress: Progress | None) -> None:
    """Set up the installation, its people and customers, and live every day up to yesterday."""
    about = company()
    firm = setup.Company(about["name"], about["country"], about["currency"], about["timezone"], about["language"])
    setup.initialise(runtime, firm, about["password"], f"admin@{about['domain']}")
    runtime.write(SYSTEM, _add_people)
    actors = _actors(runtime)
    for kind in ("customers", "contacts"):
        result = imports.run(runtime, actors["fang"], kind, folder() / f"{kind}.csv", f"{kind}.csv", imports.Options())
        if result.refused:
            raise AssertionError(imports.refused_text(result))
    walk = Walk(runtime, clock, days, seed, actors, outbox)
    whole = (days.today - days.start).days
    with without_collection():
        for lived in range(whole):
            walk.live(days.start + timedelta(days=lived))
            if lived % 30 == 0:
                gc.collect()
            if progress is not None:
                progress(lived + 1, whole)
        walk.finish()


def _add_people(work: Work) -> None:
    about = company()
    for one in logins():
        users.add(work, one.username, one.name, one.role, about["password"], email=f"{one.username}@{about['domain']}", lead=one.lead or None)


def _actors(runtime: Runtime) -> dict[str, Actor]:
    with runtime.read(SYSTEM) as view:
        return {user.username: users.actor_of(view.session, user) for user in load_users(view.session)}


def open_at(place: Path, clock: Clock | None = None, language: str | None = None) -> Runtime:
    """The running demonstration of a folder, migrated to this version of the program; it is what time it is unless a clock is given."""
    chosen = configured(place, language)
    runtime = running.start(chosen) if clock is None else running.start(chosen, clock)
    setup.upgrade(runtime)
    setup.make_secret(chosen)
    return runtime


def catch_up(runtime: Runtime) -> day.DayResult | None:
    """Do the daily round up to today; None where a later round was done already (a clock set back)."""
    with runtime.read(SYSTEM) as view:
        today = view.today
    try:
        return day.run(runtime, SYSTEM, today, allow_many=True)
    except Refusal as refusal:
        if refusal.code != "round_before_latest":
            raise
        return None


def people() -> list[Person]:
    """One person of each role, in the order in which one would look around: rep, lead, finance, manager, auditor, administrator."""
    password = str(company()["password"])
    found = [Person("admin", "admin", Role.ADMIN, password)]
    for one in logins():
        if all(person.role != one.role for person in found):
            found.append(Person(one.username, one.name, one.role, password))
    return sorted(found, key=lambda person: list(Role).index(person.role))
