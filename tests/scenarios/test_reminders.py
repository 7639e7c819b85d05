"""Reminding on the real book: every customer of 30 June 2012 has a decision, and sixteen are decided by hand."""

from __future__ import annotations

import csv
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collect.domain.rights import ALL, SYSTEM
from collect.runtime import Runtime
from collect.services import dunning, verify
from collect.storage.notices import latest_round
from tests.conftest import SHARED

SATURDAY = date(2012, 6, 30)

# number: decision, reason, step, slot on Tuesday 3 July, amount, invoices
BY_HAND: dict[str, tuple[str, str, str | None, str, str, list[str]]] = {
    "5875-VZQCZ": ("planned", "no_email", "due", "09:00", "157.55", ["3905872436", "3478923173"]),
    "9117-LYRCE": ("planned", "step_reached", "call", "09:10", "148.87", ["6346701213", "7022172137", "2123935700"]),
    "8690-EEBEO": ("planned", "step_reached", "call", "09:20", "142.30", ["6219456346", "9647514843"]),
    "8887-NCUZC": ("planned", "no_email", "due", "09:30", "151.51", ["0601440262", "0101415601", "6612036759", "6813183069"]),
    "3831-FXWYK": ("planned", "step_reached", "call", "09:40", "80.07", ["0028049695"]),
    "6708-DPYTF": ("planned", "no_email", "overdue", "09:50", "79.59", ["7790893341"]),
    "4460-ZXNDN": ("planned", "no_email", "overdue", "10:00", "74.28", ["9551992852"]),
    "7938-EVASK": ("planned", "no_email", "due", "10:10", "68.22", ["6846122698"]),
    "9149-MATVB": ("planned", "no_email", "pre_due", "10:20", "64.06", ["5876175760"]),
    "8364-UWVLM": ("planned", "step_reached", "call", "10:30", "54.92", ["9200291512"]),
    "6831-FIODB": ("planned", "no_email", "overdue", "10:40", "42.16", ["4458878337"]),
    "3271-YDPUJ": ("planned", "no_email", "pre_due", "10:50", "35.30", ["8466153246"]),
    "9883-SDWFS": ("planned", "no_email", "overdue", "11:00", "19.01", ["3193716421"]),
}
HELD = {"3676-CQAIF", "7600-OISKG", "8389-TCXFQ"}


def read() -> dict[str, list[tuple[date, str]]]:
    """Customer to (due date, invoice) of what is open on 30 June 2012, straight from the files."""
    folder = SHARED / "ar" / "ibm" / "converted"
    with (folder / "payments.csv").open() as file:
        paid = {row["invoice_no"] for row in csv.DictReader(file) if date.fromisoformat(row["date"]) <= SATURDAY}
    found: dict[str, list[tuple[date, str]]] = {}
    with (folder / "invoices.csv").open() as file:
        for row in csv.DictReader(file):
            if date.fromisoformat(row["issue_date"]) <= SATURDAY and row["invoice_no"] not in paid:
                found.setdefault(row["customer_no"], []).append((date.fromisoformat(row["due_date"]), row["invoice_no"]))
    return found


def test_the_round_of_a_saturday_before_a_holiday(book: Runtime) -> None:
    """`remind --as-of 2012-06-30 --preview`: 30 June is a Saturday, Wednesday 4 July a holiday; nobody has an e-mail address.

    So every message becomes a call in finance's queue, one person: calls of ten minutes from 09:00 on Tuesday 3 July, by
    the amount that is due on the day of the decision, the largest first. From the two files, open on 30 June, oldest first:

    | customer   | open items: due date, amount                                     | age of oldest | step                 | due on 30 June | call  |
    |------------|-------------------------------------------------------------------|---------------|----------------------|----------------|-------|
    | 5875-VZQCZ | 06-26 70.07, 06-27 87.48                                          | 4             | on the due date (0)  | 157.55         | 09:00 |
    | 9117-LYRCE | 06-15 29.99, 06-20 63.33, 06-28 55.55                             | 15            | call (14)            | 148.87         | 09:10 |
    | 8690-EEBEO | 06-15 71.26, 06-24 71.04, (07-15 51.35 is not asked)              | 15            | call (14)            | 142.30         | 09:20 |
    | 8887-NCUZC | 06-29 42.76, 06-30 40.07, and by 3 July 07-01 34.27, 07-01 34.41  | 1             | on the due date (0)  | 82.83          | 09:30 |
    | 3831-FXWYK | 06-13 80.07                                                       | 17            | call (14)            | 80.07          | 09:40 |
    | 6708-DPYTF | 06-22 79.59                                                       | 8             | reminder (7)         | 79.59          | 09:50 |
    | 4460-ZXNDN | 06-22 74.28, (two of 07-09 are not asked)                         | 8             | reminder (7)         | 74.28          | 10:00 |
    | 7938-EVASK | 06-29 68.22                                                       | 1             | on the due date (0)  | 68.22          | 10:10 |
    | 9149-MATVB | 07-05 64.06                                                       | -5            | before (-3): see (a) | 64.06          | 10:20 |
    | 8364-UWVLM | 06-10 54.92, (07-30 is not asked)                                 | 20            | call (14)            | 54.92          | 10:30 |
    | 6831-FIODB | 06-21 42.16, (07-05 71.50 is not asked)                           | 9             | reminder (7)         | 42.16          | 10:40 |
    | 3271-YDPUJ | 07-03 35.30                                                       | -3            | before (-3): see (b) | 35.30          | 10:50 |
    | 9883-SDWFS | 06-22 19.01, (07-13 is not asked)                                 | 8             | reminder (7)         | 19.01          | 11:00 |

    (a) Due Thursday 5 July; three days before is Monday 2 July, which moves back to Thursday 28 June. That morning went by:
    it is caught up on the first one left, Tuesday 3 July, still before the due date. (b) Due Tuesday 3 July; three days
    before is the Saturday itself, moved back to 28 June, caught up on the due date, never after it. The amount of 8887-NCUZC
    on its morning is 42.76 + 40.07 + 34.27 + 34.41 = 151.51: on 3 July all four are due.

    3676-CQAIF, 7600-OISKG and 8389-TCXFQ have their oldest due on Sunday 1 July: no allowed morning is left before it, so
    they are held back until then. The other 39 with open items fall due later: nothing yet; 45 customers owe nothing.
    """
    told = dunning.remind(book, SYSTEM, SATURDAY, preview=True)
    rows = {row["customer_no"]: row for row in dunning.as_json(told)}
    assert len(rows) == len(told) == 100
    planned = {number: row for number, row in rows.items() if row["decision"] == "planned"}
    assert set(planned) == set(BY_HAND)
    for number, (decision, reason, step, at, amount, items) in BY_HAND.items():
        row = rows[number]
        assert (row["decision"], row["reason"], row["step"], row["channel"]) == (decision, reason, step, "call"), number
        assert row["slot"] == f"2012-07-03T{at}:00-04:00", number
        assert (row["amount"], row["currency"], row["items"]) == (amount, "USD", items), number
    assert {number: (row["reason"], row["next_on"]) for number, row in rows.items() if row["decision"] == "held"} == dict.fromkeys(HELD, ("no_slot_before_due", "2012-07-01"))
    owing = read()
    for number, row in rows.items():
        if row["decision"] == "nothing":
            assert row["reason"] == ("not_due" if number in owing else "nothing_open"), number
    with book.read(SYSTEM) as view:
        assert latest_round(view.session, "remind") is None, "a preview writes nothing"


def test_every_contact_of_a_year_of_rounds_falls_on_an_allowed_morning(book: Runtime) -> None:
    """A round every fifth day of 2012, written: each planned contact on a Tuesday to Thursday morning in New York, on no holiday of 2012."""
    holidays = {date(2012, 7, 4), date(2012, 11, 22), date(2012, 12, 25), date(2013, 1, 1)}
    seen: set[tuple[str, Any]] = set()
    for day in range(0, 366, 5):
        as_of = date.fromordinal(date(2012, 1, 1).toordinal() + day)
        for told in dunning.remind(book, SYSTEM, as_of):
            if told.slot is not None:
                local = told.slot.astimezone(ZoneInfo("America/New_York"))
                assert local.weekday() in (1, 2, 3) and local.date() not in holidays and local.date() >= as_of
                assert time(9) <= local.time() <= time(11, 20)
                seen.add((told.customer_no, told.slot))
    assert len(seen) > 300
    assert verify.verify(book) == []


@pytest.mark.parametrize("twice", [False, True])
def test_the_same_day_again_changes_nothing(book: Runtime, twice: bool) -> None:
    """Thirteen contacts planned once; again, and again by a second round at the same date: the same thirteen, no new row of the log."""
    from collect.storage.audit import AuditHead

    first = dunning.remind(book, SYSTEM, SATURDAY)
    with book.read(SYSTEM) as view:
        head = view.session.get_one(AuditHead, 1).seq
    for _ in range(2 if twice else 1):
        assert dunning.remind(book, SYSTEM, SATURDAY) == first
    with book.read(SYSTEM) as view:
        assert view.session.get_one(AuditHead, 1).seq == head
        assert len(dunning.storage.load_planned(view.session, ALL)) == 13
