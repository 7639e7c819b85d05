"""Reminders on the pages: planned, made, held back with reasons, a look at any day, and the round by hand."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime, Work
from collect.services import dunning
from collect.storage.notices import Notice, Round
from tests.conftest import FixedClock
from tests.taking_in import take_in
from tests.web.conftest import SignIn, post

CUSTOMERS = (
    "customer_no,name,segment,email,language,rep\n"
    "N1,North Clinic,dealer,ap@north.example,en,rui\n"
    "N2,South Dealer,dealer,,en,rosa\n"
    "N3,Quiet Customer,dealer,ap@quiet.example,en,rui\n"
    "N4,Fresh Customer,dealer,ap@fresh.example,en,rui\n"
)
# As of Tuesday 10 March 2026: 8 days past due, 16 days past due, 8 days past due, due in June.
INVOICES = (
    "invoice_no,customer_no,issue_date,due_date,amount\n"
    "A-1,N1,2026-02-01,2026-03-02,1000.00\nA-2,N1,2026-02-01,2026-03-03,250.50\nB-1,N2,2026-01-20,2026-02-22,777.00\n"
    "C-1,N3,2026-02-01,2026-03-02,300.00\nD-1,N4,2026-03-01,2026-06-01,900.00\n"
)


@pytest.fixture
def owing(filled: Runtime, clock: FixedClock) -> Runtime:
    clock.now = max(clock.now, datetime.fromisoformat("2026-03-10T05:00:00+08:00"))
    take_in(filled, "customers", CUSTOMERS)
    take_in(filled, "invoices", INVOICES)
    take_in(filled, "payments", "payment_ref,customer_no,date,amount\nU-1,N3,2026-03-09,300.00\n")
    return filled


def test_a_first_look_says_what_belongs_here(owing: Runtime, sign_in: SignIn) -> None:
    page = sign_in(Role.FINANCE).get("/reminders").get_data(as_text=True)
    assert "No round has been done yet." in page and "Nobody is to be contacted" in page and "Do today&#39;s round" in page
    assert "Do today&#39;s round" not in sign_in(Role.AUDITOR).get("/reminders").get_data(as_text=True)


def test_the_preview_decides_for_everybody_and_writes_nothing(owing: Runtime, sign_in: SignIn) -> None:
    finance = sign_in(Role.FINANCE)
    page = finance.get("/reminders/preview?limit=200").get_data(as_text=True)
    assert "North Clinic" in page and "1,250.50" in page and "Covered by money not yet applied" in page
    assert "Fresh Customer" in finance.get("/reminders/preview?decision=nothing&limit=200").get_data(as_text=True)
    assert "Fresh Customer" not in finance.get("/reminders/preview?decision=planned&limit=200").get_data(as_text=True)
    assert finance.get("/reminders/preview?as_of=2026-02-30").status_code == 422
    assert sign_in(Role.REP).get("/reminders/preview").status_code == 403
    with owing.read(SYSTEM) as view:
        assert view.session.scalar(sa.select(sa.func.count()).select_from(Round)) == 0


def test_the_round_by_hand_and_what_each_list_then_shows(owing: Runtime, sign_in: SignIn) -> None:
    """N1: reminder by e-mail, 1,000.00 + 250.50; N2: no address, 16 days past due, a call; N3: covered by 300.00 unapplied."""
    finance = sign_in(Role.FINANCE)
    answer = post(finance, "/reminders/run")
    assert answer.status_code == 303
    planned = finance.get("/reminders?limit=200").get_data(as_text=True)
    assert "North Clinic" in planned and "1,250.50" in planned and "South Dealer" in planned and "777.00" in planned
    assert "Quiet Customer" not in planned
    held = finance.get("/reminders?show=held&limit=200").get_data(as_text=True)
    assert "Quiet Customer" in held and "Covered by money not yet applied" in held
    with owing.read(SYSTEM) as view:
        notice = view.session.scalars(sa.select(Notice).where(Notice.step == "overdue", Notice.channel == "email")).first()
        assert notice is not None
    shown = finance.get(f"/reminders/{notice.id}").get_data(as_text=True)
    assert "A-1" in shown and "1,000.00" in shown and "2026-03-02" in shown
    history = finance.get("/reminders/customers/N3").get_data(as_text=True)
    assert "held back" in history and "2026-03-10" in history


def test_a_rep_sees_the_contacts_of_his_own_customers_alone(owing: Runtime, sign_in: SignIn) -> None:
    dunning.remind(owing, SYSTEM, datetime(2026, 3, 10).date())
    rep = sign_in(Role.REP)
    page = rep.get("/reminders?limit=200").get_data(as_text=True)
    assert "North Clinic" in page and "South Dealer" not in page
    with owing.read(SYSTEM) as view:
        foreign = view.session.scalars(sa.select(Notice.id).where(Notice.channel == "call", Notice.step == "call")).all()
    answers = [rep.get(f"/reminders/{key}").status_code for key in foreign]
    assert 404 in answers and rep.get("/reminders/999999999").status_code == 404
    assert rep.get("/reminders/customers/N2").status_code == 404
    assert post(rep, "/reminders/run").status_code == 403


def test_a_round_before_the_latest_is_refused_in_words(owing: Runtime, sign_in: SignIn) -> None:
    dunning.remind(owing, SYSTEM, datetime(2026, 3, 12).date())
    answer = post(sign_in(Role.FINANCE), "/reminders/run")
    assert answer.status_code == 422 and "2026-03-12" in answer.get_data(as_text=True)


def test_a_letter_is_proven_by_the_number_of_its_posting(owing: Runtime, sign_in: SignIn) -> None:
    """N2 has no address: the notice of an approved stop is a letter. Without a number it is refused, with one it is done."""
    rights = owing.write(SYSTEM, lambda work: dunning.formal(work, _customer(work, "N2"), "stop_credit", 1, None))
    rep = sign_in("rosa")
    page = rep.get(f"/reminders/{rights}").get_data(as_text=True)
    assert "The letter went out" in page
    assert post(rep, f"/reminders/{rights}/posted", proof=" ").status_code == 422
    assert post(sign_in(Role.REP), f"/reminders/{rights}/posted", proof="SF1").status_code == 404
    assert post(rep, f"/reminders/{rights}/posted", proof="SF1234567890").status_code == 303
    with owing.read(SYSTEM) as view:
        notice = view.session.get_one(Notice, rights)
        assert (notice.state, notice.done_on) == ("done", datetime(2026, 3, 10).date())
    assert post(rep, f"/reminders/{rights}/posted", proof="SF2").status_code == 422


def test_only_a_manager_lets_a_round_go_past_the_guard(owing: Runtime, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a floor of none and a share of 1 %, the round stops; finance cannot go on, a manager can."""
    monkeypatch.setattr(dunning, "_guard", guard_of_one)
    refused = post(sign_in(Role.FINANCE), "/reminders/run")
    assert refused.status_code == 422 and "a manager may let it go on" in refused.get_data(as_text=True)
    assert post(sign_in(Role.FINANCE), "/reminders/run-all").status_code == 403
    assert post(sign_in(Role.MANAGER), "/reminders/run-all").status_code == 303


def guard_of_one(_session: object, _rules: object, plans: list[dunning.Plan], allow_many: bool) -> None:
    """The guard of a policy that allows nothing."""
    if plans and not allow_many:
        raise Refusal("too_many_contacts", None, count=len(plans), customers=len(plans), share=1)


def _customer(work: Work, number: str) -> int:
    return int(work.session.execute(sa.text("SELECT id FROM customer WHERE customer_no = :number"), {"number": number}).scalar_one())
