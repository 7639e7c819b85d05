"""The aging report over HTTP: the figures of the book worked out by hand, and the same JSON as the report itself for every option."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from collect.domain.aging import Basis, parse_edges
from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM
from collect.reports import aging
from collect.reports.options import parse_day, parse_instant
from collect.runtime import Runtime
from collect.web import create_app
from tests.api.conftest import AGING, Caller, fill, token_for
from tests.conftest import FixedClock
from tests.taking_in import take_in

NONE = {"provisional": "0.00", "disputed": "0.00", "promised": "0.00", "in_paper": "0.00"}
C001 = {"currency": "CNY", "not_due": "300.00", "1-30": "0.00", "31-60": "1200.00", "61+": "0.00", "unapplied": "-250.00", "total": "1250.00", **NONE}
C002 = {"currency": "CNY", "not_due": "0.00", "1-30": "400.00", "31-60": "0.00", "61+": "0.00", "unapplied": "0.00", "total": "400.00", **NONE}
C003 = {"currency": "USD", "not_due": "0.00", "1-30": "0.00", "31-60": "99.99", "61+": "0.00", "unapplied": "0.00", "total": "99.99", **NONE}
CNY = {"currency": "CNY", "not_due": "300.00", "1-30": "400.00", "31-60": "1200.00", "61+": "0.00", "unapplied": "-250.00", "total": "1650.00", **NONE}


def test_the_report_worked_out_by_hand(runtime: Runtime, clock: FixedClock) -> None:
    """On both engines: the figures of conftest's table, keys in the order of `interfaces`, and no cookie."""
    fill(runtime, clock)
    answer = Caller(create_app(runtime), token_for(runtime, "fang")).get(as_of="2026-03-31", buckets="30,60")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    found = answer.json
    known = found["control"].pop("known")
    assert datetime.fromisoformat(known).tzinfo is not None
    assert found == {
        "as_of": "2026-03-31",
        "known_at": None,
        "basis": "due",
        "by": "customer",
        "buckets": ["not_due", "1-30", "31-60", "61+"],
        "rows": [{"key": "C001", "name": "Alder", **C001}, {"key": "C002", "name": "Birch", **C002}, {"key": "C003", "name": "Cedar", **C003}],
        "totals": [CNY, C003],
        "control": {"ties_out": True},
    }
    assert list(found["rows"][0]) == ["key", "name", "currency", "not_due", "1-30", "31-60", "61+", "provisional", "unapplied", "total", "disputed", "promised", "in_paper"]


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({}, {}),
        ({"as_of": "2026-02-28"}, {"as_of": date(2026, 2, 28)}),
        ({"basis": "issue", "buckets": "15,30,60"}, {"basis": Basis.ISSUE, "buckets": parse_edges("15,30,60")}),
        *[({"by": by}, {"by": by}) for by in aging.GROUPINGS],
        ({"customer": "C001", "by": "item"}, {"customer": "C001", "by": "item"}),
        ({"currency": "USD"}, {"currency": "USD"}),
        ({"currency": "usd"}, {"currency": "USD"}),
        # 2026-03-30 in Shanghai ends at 16:00 UTC; nothing was known then.
        ({"known_at": "2026-03-30"}, {"known_at": datetime(2026, 3, 30, 15, 59, 59, 999999, UTC)}),
        ({"known_at": "2026-03-31T23:00:00+08:00"}, {"known_at": datetime(2026, 3, 31, 15, tzinfo=UTC)}),
        ({"known_at": "2026-03-31T23:00"}, {"known_at": datetime(2026, 3, 31, 15, tzinfo=UTC)}),
        ({"known_at": "2026-03-31T15:00:00Z"}, {"known_at": datetime(2026, 3, 31, 15, tzinfo=UTC)}),
    ],
)
def test_every_option_gives_what_the_report_says(finance: Caller, filled: Runtime, query: dict[str, str], options: dict[str, Any]) -> None:
    """Today is 2026-03-31 and the company's buckets are the default ones."""
    asked = {"as_of": date(2026, 3, 31), "buckets": parse_edges("30,60,90,180,365,730,1095"), **options}
    with filled.read(SYSTEM) as view:
        told = aging.as_json(aging.build(view, ALL, aging.AgingOptions(**asked)))
    answer = finance.get(**query)
    assert answer.status_code == 200
    assert json.dumps(json.loads(answer.get_data(as_text=True))) == json.dumps(told)


def test_the_order_of_buckets_survives(finance: Caller) -> None:
    """`100+` sorts before `2-99` as text, so a sorted object would show."""
    assert list(finance.get(buckets="1,99", customer="C002").json["totals"][0])[1:5] == ["not_due", "1-1", "2-99", "100+"]


def test_known_gives_the_same_report_again(finance: Caller, filled: Runtime, clock: FixedClock) -> None:
    """A receipt of 400.00 dated 2026-03-20 and entered in April closes I3 as of March, but not as known before it."""
    before = finance.get(as_of="2026-03-31").json
    clock.set("2026-04-07T02:00:00")
    take_in(filled, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nP3,C002,2026-03-20,CNY,400.00,I3\n")
    after = finance.get(as_of="2026-03-31").json
    assert [row["key"] for row in after["rows"]] == ["C001", "C003"]
    again = finance.get(as_of="2026-03-31", known_at=before["control"]["known"]).json
    assert (again["rows"], again["totals"]) == (before["rows"], before["totals"])


def test_a_plus_that_became_a_space(finance: Caller) -> None:
    """`+` in an address is a space; an offset is the only thing that may follow one there."""
    plain = finance.client.get(f"{AGING}?known_at=2026-03-31T23:00:00+08:00", headers=finance.headers)
    assert plain.json == finance.get(known_at="2026-03-31T23:00:00+08:00").json


@pytest.mark.parametrize("text", ["2026-03-31", "2026-02-30", "2026-3-1", "20260331", "", "2026-W13-2", "٢٠٢٦-٠٣-٣١"])
def test_days_read_as_the_command_reads_them(finance: Caller, text: str) -> None:
    try:
        told = parse_day(text, "as_of").isoformat() if text else None
    except Refusal:
        told = None
    answer = finance.get(as_of=text)
    assert answer.json.get("as_of") == told
    assert answer.status_code == (200 if told else 422)


@pytest.mark.parametrize("text", ["2026-03-31", "2026-03-31T17:00:00+08:00", "2026-03-31T17:00:00.123456Z", "2026-03-31 17:00", "9999-12-31", "0001-01-01", "yesterday"])
def test_instants_read_as_the_command_reads_them(finance: Caller, text: str) -> None:
    try:
        told = parse_instant(text, "Asia/Shanghai").isoformat()
    except Refusal:
        told = None
    answer = finance.get(known_at=text)
    assert answer.json.get("known_at") == told
    assert answer.status_code == (200 if told else 422)


@pytest.mark.parametrize("query", [{"as_of": "0001-01-01"}, {"as_of": "9999-12-31"}, {"customer": "x" * 5000}, {"buckets": "1," * 3000}, {"customer": "💥' OR 1=1 --"}])
def test_extremes_are_answered(runtime: Runtime, clock: FixedClock, query: dict[str, str]) -> None:
    """Nothing that can be asked makes an error of the server, on either engine."""
    fill(runtime, clock)
    assert Caller(create_app(runtime), token_for(runtime, "fang")).get(**query).status_code in (200, 404, 422)


def test_a_head_request_has_the_length_and_no_body(finance: Caller) -> None:
    answer = finance.client.head(AGING, headers=finance.headers)
    assert (answer.status_code, answer.get_data()) == (200, b"")
