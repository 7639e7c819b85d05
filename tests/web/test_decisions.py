"""Decisions in the browser: the list, the whole case of one, the three forms, direct POSTs, proposing by hand, and the customer's page."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import cases, escalation, users, verify
from tests.conftest import FixedClock
from tests.web.book import take_in
from tests.web.conftest import PASSWORD, SignIn, post
from tests.web.reading import field_of, read
from tests.web.test_aging import get

TODAY = date(2026, 3, 10)


@pytest.fixture
def proposed(filled: Runtime) -> int:
    """The round of the day; the id of C001's proposal: a dealer with 1,040.00 of A1 59 days late, less 60.00 unapplied: stop supply."""
    told = escalation.escalate(filled, SYSTEM, TODAY)
    assert [(one.customer_no, one.step, one.overdue, one.oldest_days) for one in told] == [("C001", "stop_supply", 98_000, 59)]
    filled.write(SYSTEM, lambda work: users.add(work, "mia", "Mia Manager", Role.MANAGER, PASSWORD))
    return number_of(filled)


def number_of(runtime: Runtime) -> int:
    with runtime.read(SYSTEM) as view:
        return int(view.session.execute(sa.text("SELECT max(id) FROM proposal")).scalar_one())


def state_of(runtime: Runtime, number: int) -> str:
    with runtime.read(SYSTEM) as view:
        return str(view.session.execute(sa.text("SELECT state FROM proposal WHERE id = :id"), {"id": number}).scalar_one())


def decide(client: Any, number: int, verdict: str, **fields: str) -> Any:
    """Send one of the three forms as its page has it."""
    page = client.get(f"/decisions/{number}").get_data(as_text=True)
    return post(client, f"/decisions/{number}", **({"verdict": verdict, "content_hash": field_of(page, "content_hash")} | fields))


def test_the_list_shows_what_waits_and_why(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    page = get(client, "/decisions")
    assert "同仁大药房 Stop supply new The oldest item is 59 days past due; this step is due from 30 days on. Overdue CNY 980.00" in page.text
    assert "Oldest, days late 59 Asked for by Policy Since 2026-03-10" in page.text
    assert client.get("/").headers["Location"].endswith("/decisions"), "a manager lands here"


def test_the_whole_case_is_on_one_page(filled: Runtime, proposed: int, sign_in: SignIn, clock: FixedClock) -> None:
    """What is owed and its chance (80 % of 980.00... of the item itself, 1,040.00: 832.00), twelve months of sales (1,580.50 less CN-1), promises, contacts, notice."""
    draft = cases.PromiseDraft(amount=50_000, currency="CNY", due=date(2026, 3, 12), person="王莉", reason="Waits for the bank")
    contact = cases.Contact(kind="call", note="Asked for patience.", promise=draft)
    filled.write(SYSTEM, lambda work: cases.log(work, "C001", contact))
    page = get(sign_in(Role.MANAGER), f"/decisions/{proposed}")
    assert "Stop supply: 同仁大药房" in page.text and "this step is due from 30 days on" in page.text
    assert [(row["Document"].text, row["Asked for"].value, row["Chance"].text) for row in page.rows(0)] == [("A1", "1040.00", "80 %")]
    for told in ("980.00", "832.00", "Sales in twelve months", "1,560.50", "500.00", "Waits for the bank", "Asked for patience.", "The margin is not known", "供货"):
        assert told in page.text, told


def test_a_manager_approves_and_the_customer_s_page_and_the_question_change(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    assert "A stop of supply is proposed and not decided." in get(client, "/customers/C001").text
    answer = decide(client, proposed, "approve", basis="", note="As agreed.")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/decisions")
    page = get(client, "/decisions")
    assert "Approved; it is in force." in page.text and "Nothing waits for a decision" in page.text
    assert [(row["Step"].text, row["State"].text, row["By"].text, row["Note"].text) for row in page.rows(0)] == [("Stop supply", "approved", "Ming Manager", "As agreed.")]
    customer = get(client, "/customers/C001")
    assert "May not be supplied" in customer.text and "Supply is stopped." in customer.text and "Stop in force" in customer.text
    assert escalation.answer(filled, SYSTEM, "C001", "1").answer == "no"
    shown = get(client, f"/decisions/{proposed}")
    assert "in force" in shown.text and "<form" not in client.get(f"/decisions/{proposed}").get_data(as_text=True).split("Overdue items", 1)[0].split("<main", 1)[1]
    assert verify.verify(filled) == []


def test_a_step_that_cannot_be_taken_back_is_approved_by_who_has_read_the_case(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    """A referral has a box to tick, checked here and not by the browser alone; a stop, which can be lifted, has none. Refusing needs none."""
    client = sign_in(Role.MANAGER)
    assert "I have read the case" not in get(client, f"/decisions/{proposed}").text
    filled.write(SYSTEM, lambda work: work.session.execute(sa.text("UPDATE proposal SET step = 'referral' WHERE id = :id"), {"id": proposed}))
    assert "I have read the case" in get(client, f"/decisions/{proposed}").text
    told = decide(client, proposed, "approve", note="It has gone on for too long.")
    assert (told.status_code, state_of(filled, proposed)) == (422, "open")
    page = read(told.get_data(as_text=True)).text
    assert "Say that you have read the case." in page and "It has gone on for too long." in told.get_data(as_text=True)
    assert "Say that you have read the case." not in decide(client, proposed, "approve", read="y").get_data(as_text=True)
    assert decide(client, proposed, "refuse", note="Not yet.").status_code == 303


def test_refusing_and_deferring_need_a_reason_and_keep_what_was_typed(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    bare = decide(client, proposed, "refuse", note=" ")
    assert bare.status_code == 422 and "Give a reason." in read(bare.get_data(as_text=True)).text
    wrong = decide(client, proposed, "defer", note="He pays on Friday.", until="2026-03-10")
    text = wrong.get_data(as_text=True)
    assert wrong.status_code == 422 and "Defer until a day from 2026-03-11 to 2026-06-08." in read(text).text and "He pays on Friday." in text
    assert decide(client, proposed, "defer", note="He pays on Friday.", until="2026-03-13").status_code == 303
    assert "Deferred until 2026-03-13" in get(client, f"/decisions/{proposed}").text
    assert decide(client, proposed, "refuse", note="Paid in cash.").status_code == 303
    assert state_of(filled, proposed) == "refused"
    assert verify.verify(filled) == []


def test_a_stale_page_decides_nothing(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    """10.00 arrive while the page is open; sent again as it is shown then, it is decided."""
    client = sign_in(Role.MANAGER)
    seen = field_of(client.get(f"/decisions/{proposed}").get_data(as_text=True), "content_hash")
    assert take_in(filled, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nR-9,C001,2026-03-10,CNY,10.00,A1\n").new == 1
    answer = post(client, f"/decisions/{proposed}", verdict="approve", content_hash=seen, note="typed", basis="")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "The case has changed since this page was loaded" in read(text).text and "typed" in text
    assert field_of(text, "content_hash") != seen and state_of(filled, proposed) == "open"
    assert post(client, f"/decisions/{proposed}", verdict="approve", content_hash=field_of(text, "content_hash")).status_code == 303


def test_twice_is_once(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    first, second = sign_in(Role.MANAGER), sign_in("mia")
    seen = field_of(second.get(f"/decisions/{proposed}").get_data(as_text=True), "content_hash")
    assert decide(first, proposed, "approve").status_code == 303
    answer = post(second, f"/decisions/{proposed}", verdict="approve", content_hash=seen)
    assert answer.status_code == 409 and "it is approved" in read(answer.get_data(as_text=True)).text
    with filled.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT count(*) FROM hold")).scalar() == 1


def test_a_post_that_no_form_of_ours_sends(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    """No verdict, an unknown one, a field that would decide: nothing happens; a proposal that is not there is a missing page."""
    client = sign_in(Role.MANAGER)
    assert post(client, f"/decisions/{proposed}").status_code in (409, 422)
    assert post(client, f"/decisions/{proposed}", verdict="hang", content_hash="x").status_code == 422
    assert decide(client, proposed, "approve", state="approved", decided_by="1").status_code == 303
    with filled.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT username FROM user_account u JOIN proposal p ON p.decided_by = u.id")).scalar() == "ming"
    assert post(client, "/decisions/1", verdict="approve").status_code == 404
    assert client.post(f"/decisions/{proposed}", data={"verdict": "approve"}).status_code == 400


@pytest.mark.parametrize("role", [Role.REP, Role.LEAD, Role.FINANCE, Role.AUDITOR, Role.ADMIN])
def test_only_managers_see_the_forms_and_only_they_may_send_them(filled: Runtime, proposed: int, sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    shown = client.get(f"/decisions/{proposed}")
    assert shown.status_code == (403 if role is Role.ADMIN else 200)
    assert 'name="verdict"' not in shown.get_data(as_text=True)
    assert post(client, f"/decisions/{proposed}", verdict="approve", content_hash="x").status_code == 403
    assert state_of(filled, proposed) == "open"


def test_a_foreign_proposal_is_a_missing_one(filled: Runtime, proposed: int, sign_in: SignIn) -> None:
    rosa = sign_in("rosa")
    assert rosa.get(f"/decisions/{proposed}").status_code == rosa.get("/decisions/1").status_code == 404
    assert "同仁" not in rosa.get("/decisions").get_data(as_text=True)
    assert rosa.get("/customers/C001/propose").status_code == 404
    assert post(rosa, "/customers/C001/propose", step="stop_credit", note="x").status_code == 404


def test_a_person_proposes_on_the_customer_s_page_and_somebody_else_decides(filled: Runtime, sign_in: SignIn) -> None:
    """ming asks for a stop: he sees it wait, has no form, and a POST of his own is refused; mia decides it."""
    filled.write(SYSTEM, lambda work: users.add(work, "mia", "Mia Manager", Role.MANAGER, PASSWORD))
    client = sign_in(Role.MANAGER)
    assert "/customers/C001/propose" in client.get("/customers/C001").get_data(as_text=True)
    bare = post(client, "/customers/C001/propose", step="stop_credit", note="")
    assert bare.status_code == 422 and "Give a reason." in read(bare.get_data(as_text=True)).text
    assert post(client, "/customers/C001/propose", step="release", note="x").status_code == 422
    answer = post(client, "/customers/C001/propose", step="stop_credit", note="Buys elsewhere on credit.")
    number = number_of(filled)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/decisions/{number}")
    page = get(client, f"/decisions/{number}")
    assert "You asked for this, so somebody else decides it." in page.text and "Buys elsewhere on credit." in page.text
    refused = post(client, f"/decisions/{number}", verdict="approve", content_hash="x")
    assert refused.status_code == 422 and "Nobody decides his own request" in read(refused.get_data(as_text=True)).text
    assert decide(sign_in("mia"), number, "approve").status_code == 303
    assert state_of(filled, number) == "approved"
    assert verify.verify(filled) == []


def test_a_dispute_that_nobody_answers_comes_before_the_manager(filled: Runtime, sign_in: SignIn, clock: FixedClock) -> None:
    """Raised on Tuesday 10 March; five business days later is Tuesday the 17th (S24)."""
    filled.write(SYSTEM, lambda work: cases.raise_dispute(work, "A1", 10_000, "quality", "Broken boxes"))
    client = sign_in(Role.MANAGER)
    assert "Dispute without an answer" not in get(client, "/decisions").text
    clock.set("2026-03-17T02:00:00")
    client = sign_in(Role.MANAGER)
    assert "Dispute without an answer" in get(client, "/decisions").text
