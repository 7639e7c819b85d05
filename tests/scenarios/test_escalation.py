"""Escalating on the real book without its payments: who is proposed for what, counted by hand from the file of invoices."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from collect.cli import main
from collect.domain.policy import Rung
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import escalation, policy, verify
from tests.conftest import FixedClock, make_runtime, new_postgres_database
from tests.scenarios.conftest import AMERICAN, NOW
from tests.taking_in import take_in

MARCH, JUNE = date(2012, 3, 31), date(2012, 6, 30)
DRAFT = """
name = "Stop early"
country = "US"
reviewed_on = 2012-01-01

[segments.other]
aliases = []
steps = [{ code = "overdue", days = 7, channel = "email", text = "overdue" }]
ladder = { stop_credit = 45, stop_supply = 60 }
"""


def oldest(as_of: date, shared: Path) -> dict[str, date]:
    """Customer to the earliest due date of what was issued by a date, straight from the file: nothing is ever paid here."""
    found: dict[str, date] = {}
    with (shared / "ar" / "ibm" / "converted" / "invoices.csv").open() as file:
        for row in csv.DictReader(file):
            due = date.fromisoformat(row["due_date"])
            if date.fromisoformat(row["issue_date"]) <= as_of and due < as_of:
                found[row["customer_no"]] = min(due, found.get(row["customer_no"], due))
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def unpaid(request: pytest.FixtureRequest, tmp_path: Path, shared: Path) -> Iterator[Runtime]:
    """The 100 customers and their invoices, and no payment, on each engine in turn."""
    urls = [f"sqlite:///{tmp_path / 'collect.db'}"] if request.param == "sqlite" else new_postgres_database(request.getfixturevalue("postgres_url"))
    for url in urls:
        runtime = make_runtime(url, tmp_path, FixedClock(NOW), AMERICAN)
        for kind in ("customers", "invoices"):
            assert take_in(runtime, kind, shared / "ar" / "ibm" / "converted" / f"{kind}.csv").refused == 0
        yield runtime
        runtime.engine.dispose()


def test_who_is_proposed_for_which_stop(unpaid: Runtime, shared: Path) -> None:
    """ "Stop new credit" at 45 and "stop supply" at 60 days past due for all.

    The first due dates of 2012: 31 March - 45 days = 15 February, 37 customers have something due by then; - 60 days =
    31 January, nobody has. 30 June - 60 days = 1 May: all 100 have.
    """
    with unpaid.read(SYSTEM) as view:
        rules = policy.of_text(DRAFT, view.session, view.seller)
    for as_of, first, second in ((MARCH, 37, 0), (JUNE, 0, 100)):
        told = escalation.escalate(unpaid, SYSTEM, as_of, rules, preview=True)
        assert [sum(one.step == step for one in told) for step in (Rung.STOP_CREDIT, Rung.STOP_SUPPLY)] == [first, second]
        due = oldest(as_of, shared)
        assert {one.customer_no for one in told} == {number for number, day in due.items() if day <= as_of - timedelta(days=45)}
        assert all(one.oldest_days == (as_of - due[one.customer_no]).days for one in told)
    with unpaid.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT count(*) FROM proposal")).scalar() == 0
        assert view.session.execute(sa.text("SELECT count(*) FROM round")).scalar() == 0


def test_the_command_says_the_same(unpaid: Runtime, tmp_path: Path) -> None:
    (tmp_path / "draft.toml").write_text(DRAFT, encoding="utf-8")
    environment = {"COLLECT_DATABASE_URL": unpaid.engine.url.render_as_string(hide_password=False), "COLLECT_DATA_DIR": str(tmp_path)}
    arguments = ["escalate", "--as-of", MARCH.isoformat(), "--preview", "--policy", str(tmp_path / "draft.toml"), "--format", "json"]
    done = CliRunner().invoke(main, arguments, env=environment)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) == 37
    assert set(told[0]) == {"customer_no", "step", "reasons", "currency", "overdue", "oldest_days"}
    assert {(one["step"], tuple(one["reasons"]), one["currency"]) for one in told} == {("stop_credit", ("days_past_due",), "USD")}


def test_the_written_round_grows_with_age_and_the_same_day_again_changes_nothing(unpaid: Runtime) -> None:
    """By the shipped policy (45 and 60 as well): 37 proposals in March, replaced by 100 in June; then a round before June is refused."""
    assert len(escalation.escalate(unpaid, SYSTEM, MARCH)) == 37
    anchor = verify.anchor_of(unpaid)
    assert {one.outcome for one in escalation.escalate(unpaid, SYSTEM, MARCH)} == {"kept"}
    assert verify.anchor_of(unpaid) == anchor
    told = escalation.escalate(unpaid, SYSTEM, JUNE)
    assert [(one.step, one.outcome) for one in told] == [("stop_supply", "new")] * 100
    with unpaid.read(SYSTEM) as view:
        states = view.session.execute(sa.text("SELECT step, state, count(*) FROM proposal GROUP BY step, state ORDER BY step")).all()
    assert [tuple(row) for row in states] == [("stop_credit", "withdrawn", 37), ("stop_supply", "open", 100)]
    with pytest.raises(Exception, match="round_before_latest"):
        escalation.escalate(unpaid, SYSTEM, MARCH)
    assert len(escalation.escalate(unpaid, SYSTEM, MARCH, preview=True)) == 37
    assert verify.verify(unpaid) == []
