"""Interest and rates on their pages."""

from __future__ import annotations

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.web.conftest import SignIn, post
from tests.web.test_aging import get


def test_a_late_invoice_shows_its_interest_and_finance_claims_it(filled: Runtime, sign_in: SignIn) -> None:
    """A1: 1,200.00 due 10 January; 150.00 off from 10 February, 10.00 from 5 March; 0.05 % a day through 10 March.

    30 days of 1,200 + 23 of 1,050 + 6 of 1,040 = 36,000 + 24,150 + 6,240 = 66,390 × 0.0005 = 33.195, so 33.20.
    """
    client = sign_in(Role.FINANCE)
    page = get(client, "/invoices/A1/interest")
    assert "33.20" in page.text and "LPR_1Y" in page.text
    answer = post(client, "/invoices/A1/interest", rule="sme", number="A1-INT", through="2026-03-10")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/invoices/A1-INT")
    page = client.get("/invoices/A1/interest").get_data(as_text=True)
    assert "Claimed already, and taken off a new claim:" in page and 'value="A1-INT2"' in page
    assert post(client, "/invoices/A1/interest", rule="sme", number="A1-INT2", through="2026-03-10").status_code == 422
    assert post(client, "/invoices/A1/interest", rule="sme", number="A1-INT3", through="2027-03-10").status_code == 422
    assert verify.verify(filled) == []


def test_readers_see_it_and_claim_nothing(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.AUDITOR)
    assert "33.20" in get(client, "/invoices/A1/interest").text
    assert post(client, "/invoices/A1/interest", rule="sme", number="X", through="2026-03-10").status_code == 403
    assert client.get("/invoices/NONE/interest").status_code == 404
    assert client.get("/rates").status_code == 403


def test_rates_are_entered_and_listed(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert "No rates yet" in get(client, "/rates").text
    assert post(client, "/rates", base="usd", quote="cny", since="2026-03-01", value="7.1234", source="PBOC").status_code == 303
    assert "USD/CNY" in get(client, "/rates").text
    wrong = post(client, "/rates", base="usd", quote="cny", since="2026-03-01", value="seven", source="PBOC")
    assert wrong.status_code == 422 and "seven is no rate" in wrong.get_data(as_text=True)


def test_finance_notes_what_the_contract_agrees(filled: Runtime, sign_in: SignIn) -> None:
    """A1 as above by 0.03 % a day: 66,390 × 0.0003 = 19.917, so 19.92."""
    client = sign_in(Role.FINANCE)
    assert post(client, "/invoices/A1/interest/agreement", percent="0.03", per="day", clause="Contract 8.2").status_code == 303
    page = get(client, "/invoices/A1/interest").text
    assert "Agreed: 0.03 % a day" in page and "19.92" in page and "Contract 8.2" in page
    # What is noted stands in the form: a change begins from it.
    html = client.get("/invoices/A1/interest").get_data(as_text=True)
    assert 'name="percent" required type="text" value="0.03"' in html and 'name="clause" required type="text" value="Contract 8.2"' in html
    assert post(client, "/invoices/A1/interest/agreement", percent="no", per="day", clause="Contract 8.2").status_code == 422
    assert post(client, "/invoices/A1/interest/agreement/end").status_code == 303
    assert "19.92" not in get(client, "/invoices/A1/interest").text
    assert post(sign_in(Role.AUDITOR), "/invoices/A1/interest/agreement", percent="1", per="day", clause="x").status_code == 403
