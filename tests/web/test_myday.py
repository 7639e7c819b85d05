"""My day as pages: who lands where, cards with what a thumb needs, whose day one may open, the points line by line, and what nobody has touched."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.storage.cases import Standing
from tests.reports.test_worklist import TODAY, add, plan, promised, task
from tests.web.conftest import SignIn
from tests.web.reading import Page, read


def ids(runtime: Runtime) -> dict[str, int]:
    """User ids by user name."""
    with runtime.engine.connect() as connection:
        return {row.username: row.id for row in connection.exec_driver_sql("SELECT id, username FROM user_account")}


def page(sign_in: SignIn, who: Role | str, path: str = "/my-day") -> Page:
    answer = sign_in(who).get(path)
    assert answer.status_code == 200, path
    return read(answer.get_data(as_text=True))


def names(shown: Page) -> list[str]:
    """The customers on the list, in order."""
    cards = {f"/customers/{number}": number for number in ("C001", "C%252F2", "C003")}
    found = [cards[href] for href, text in shown.links if href in cards and text not in ("Details", "Log")]
    return [number.replace("%252F", "/") for number in found]


@pytest.mark.parametrize(
    ("role", "path"),
    [(Role.REP, "/my-day"), (Role.LEAD, "/my-day"), (Role.FINANCE, "/aging"), (Role.MANAGER, "/decisions"), (Role.AUDITOR, "/aging"), (Role.ADMIN, "/settings")],
)
def test_each_role_lands_on_its_own_page(app: Flask, sign_in: SignIn, role: Role, path: str) -> None:
    if path == "/decisions" and "decisions.index" not in app.view_functions:
        path = "/my-day"
    client = sign_in(role)
    assert client.get("/").location == path
    assert client.get("/", follow_redirects=True).status_code == 200


@pytest.mark.parametrize("role", list(Role))
def test_who_has_a_day(sign_in: SignIn, role: Role) -> None:
    has = role in (Role.REP, Role.LEAD, Role.FINANCE, Role.MANAGER)
    client = sign_in(role)
    assert client.get("/my-day").status_code == (200 if has else 403)
    account = client.get("/account").get_data(as_text=True)
    assert ('href="/my-day"' in account) is has
    if has:
        first = re.search(r'<nav class="side".*?data-go="(\w)"', account, re.DOTALL)
        assert first and first[1] == "d", "the first entry of the navigation"


def test_an_empty_day_says_what_belongs_there(app: Flask, sign_in: SignIn) -> None:
    text = page(sign_in, Role.REP).text
    assert "Nothing to do on this day" in text and "Calls and visits that are planned" in text


def test_a_card_has_what_one_needs_at_the_door(filled: Runtime, sign_in: SignIn) -> None:
    """The amounts are worked out in tests/reports/test_worklist.py: 980.00 may be asked of 1,040.00 overdue."""
    people = ids(filled)
    plan(filled, "C001", TODAY, people["rui"], "visit", hour=2)
    plan(filled, "C001", TODAY - timedelta(days=1), people["rui"])
    task(filled, "C001", TODAY, people["rui"], excuse="cheque_in_mail", facts='{"cheque_no": "7788", "sent_on": "2026-03-05"}')
    task(filled, "C001", TODAY + timedelta(days=2), people["rui"], "own", title="Send <b>the</b> rebate")
    promised(filled, "C001", TODAY - timedelta(days=5), 40_000, "broken", TODAY - timedelta(days=3))
    shown = page(sign_in, Role.REP)
    assert names(shown) == ["C001"]
    for text in (
        "10:00 · Visit",
        "missed on 2026-03-09",
        "Paid, the cheque is in the mail · Cheque number: 7788 · Date sent: 2026-03-05",
        "Overdue CNY 1,040.00 Owes in all 1,280.50 Oldest 59 days",
        "Last contact never",
        "Last promise 400.00 CNY for 2026-03-05 Broken",
        "We still owe them Send <b>the</b> rebate due 2026-03-12",
        "Whom to see 王莉 decides, original contact, runs the money",
        "1 Calls 1 Visits 1 Checks and tasks 0 Promises due",
        # 29 for 980.00, 10 for 59 days, 25 broken, 15 check, 10 planned, 10 missed, 10 never spoken with, 10 limit.
        "119 points",
        "Overdue 980.00 CNY 29",
        "Oldest 59 days past due 10",
        "Promises broken in the last 30 days: 1 25",
        "Credit limit of 1,000.00 CNY used to more than 90 % 10",
        "Together 119",
    ):
        assert text in shown.text, text
    assert ("tel:13800138000", "13800138000") in shown.links
    assert "Asia/Shanghai" not in shown.text, "the customer's zone is the reader's"


def test_the_sum_is_the_sum_of_its_lines(filled: Runtime, sign_in: SignIn) -> None:
    plan(filled, "C001", TODAY, ids(filled)["fang"])
    shown = page(sign_in, Role.MANAGER)
    for body, foot in zip(shown.bodies, shown.feet, strict=True):
        assert sum(int(row[1].text) for row in body) == int(foot[0][1].text)
    assert len(shown.bodies) == 2


def test_the_list_of_one_kind_and_of_another_day(filled: Runtime, sign_in: SignIn) -> None:
    people = ids(filled)
    plan(filled, "C001", TODAY, people["fang"])
    plan(filled, "C/2", TODAY + timedelta(days=1), people["rosa"], "visit")
    assert names(page(sign_in, Role.MANAGER)) == ["C001"]
    assert names(page(sign_in, Role.MANAGER, "/my-day?day=2026-03-11")) == ["C/2"]
    assert names(page(sign_in, Role.MANAGER, "/my-day?what=call")) == ["C001"]
    assert "Nobody on the list is there for this" in page(sign_in, Role.MANAGER, "/my-day?what=visit").text
    assert names(page(sign_in, Role.MANAGER, "/my-day?what=nonsense&day=2001-01-01")) == ["C001"], "a day that is over is today"
    shown = page(sign_in, Role.MANAGER, "/my-day?what=call")
    assert ("/my-day?day=2026-03-11&what=call", "Tomorrow") in [(href.replace("what=call&day=2026-03-11", "day=2026-03-11&what=call"), text) for href, text in shown.links]
    wrong = sign_in(Role.REP).get("/my-day?day=soon")
    assert wrong.status_code == 422 and "soon is no date" in wrong.get_data(as_text=True)


def test_whose_day_one_may_open(filled: Runtime, sign_in: SignIn) -> None:
    """A rep his own, a lead his team's, finance and the manager anybody's; a person of another team does not exist (S28)."""
    people = ids(filled)
    plan(filled, "C001", TODAY, people["rui"])
    plan(filled, "C003", TODAY, None)
    assert names(page(sign_in, Role.REP)) == ["C001"] and names(page(sign_in, "rosa")) == ["C/2"]
    lead = page(sign_in, Role.LEAD)
    assert names(lead) == ["C001"] and "Rui Rep" in lead.text and "Northwind" not in lead.text
    assert names(page(sign_in, Role.LEAD, "/my-day?person=rui")) == ["C001"]
    assert names(page(sign_in, Role.FINANCE)) == ["C003"], "what is hers, and what is nobody's"
    assert names(page(sign_in, Role.FINANCE, "/my-day?person=-all")) == ["C/2", "C001", "C003"], "Rosa's, Rui's, nobody's"
    assert sorted(names(page(sign_in, Role.MANAGER))) == ["C/2", "C001", "C003"]
    assert names(page(sign_in, Role.MANAGER, "/my-day?person=rosa")) == ["C/2"]
    assert names(page(sign_in, Role.MANAGER, "/my-day?person=-queue")) == ["C003"]
    for who, path in ((Role.REP, "rui"), (Role.REP, "rosa"), (Role.LEAD, "rosa"), (Role.LEAD, "-all"), (Role.LEAD, "-queue"), (Role.MANAGER, "nobody"), (Role.MANAGER, "ao")):
        assert sign_in(who).get(f"/my-day?person={path}").status_code == 404, (who, path)


def test_a_customer_who_must_not_be_contacted_has_no_number_to_tap(filled: Runtime, sign_in: SignIn) -> None:
    add(filled, Standing, "C001", do_not_contact=True, insolvent=False, since=TODAY, version=1)
    shown = page(sign_in, Role.FINANCE)
    assert "Marked: do not contact" in shown.text and not [href for href, _ in shown.links if href.startswith("tel:")]


def test_a_slot_in_another_zone_names_it(filled: Runtime, sign_in: SignIn) -> None:
    """09:00 in New York on 10 March 2026 (summer time, UTC-4) is 13:00 UTC."""
    with filled.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE customer SET timezone = 'America/New_York' WHERE customer_no = 'C001'")
    plan(filled, "C001", TODAY, ids(filled)["rui"], hour=13)
    assert "09:00 · Call America/New_York" in page(sign_in, Role.REP).text


def test_what_nobody_has_touched(filled: Runtime, sign_in: SignIn) -> None:
    """C001 is 59 days late and was never spoken with: more than the policy's longest distance of 14. A visit of rui's was missed."""
    plan(filled, "C001", TODAY - timedelta(days=3), ids(filled)["rui"], "visit", state="missed")
    shown = page(sign_in, Role.MANAGER, "/my-day?view=untouched")
    assert "untouched for more than 14 days" in shown.text
    assert [[cell.text for cell in row] for row in shown.bodies[0]] == [["Fang Finance", "1", "1", "–"], ["Rosa Rep", "1", "–", "–"], ["Rui Rep", "–", "–", "1"]]
    assert [(row["Customer no."].text, row["Days untouched"].text, row["Next contact"].text) for row in shown.rows(1)] == [("C001", "59", "none"), ("C/2", "9", "none")]
    assert [cell.text for cell in shown.bodies[2][0]] == ["2026-03-07", "C001", "同仁大药房", "Visit", "Rui Rep"]
    team = page(sign_in, Role.LEAD, "/my-day?view=untouched")
    assert "Northwind" not in team.text and "Rui Rep" in team.text
    one = page(sign_in, Role.MANAGER, "/my-day?view=untouched&person=rosa")
    assert [row["Customer no."].text for row in one.rows(1)] == ["C/2"]


def test_nothing_untouched_says_so(app: Flask, sign_in: SignIn) -> None:
    assert "Everybody was touched" in page(sign_in, Role.MANAGER, "/my-day?view=untouched").text


def test_the_list_is_paged(filled: Runtime, sign_in: SignIn) -> None:
    first = page(sign_in, Role.MANAGER, "/my-day?limit=1")
    following = next(href for href, text in first.links if text == "Next page")
    rest = page(sign_in, Role.MANAGER, following)
    assert (names(first), names(rest)) == (["C001"], ["C/2"])
    assert "1 of 2 customers" in first.text
