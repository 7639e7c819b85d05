"""Writing documents by hand on the pages, and voiding them."""

from __future__ import annotations

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.web.conftest import SignIn, post
from tests.web.reading import read
from tests.web.test_aging import get

WRITTEN = {"kind": "invoice", "number": "H-1", "issued": "2026-03-10", "amount": "120.00", "currency": "CNY", "due": "", "terms": "NET30", "description": "by hand"}


def test_finance_writes_an_invoice_that_the_terms_date(filled: Runtime, sign_in: SignIn) -> None:
    """10 March + 30 days = 9 April."""
    client = sign_in(Role.FINANCE)
    assert "NET30" in client.get("/customers/C001/bill").get_data(as_text=True)
    answer = post(client, "/customers/C001/bill", **WRITTEN)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/invoices/H-1")
    page = get(client, "/invoices/H-1")
    assert "H-1 is in the books." in page.text and "2026-04-09" in page.text and "120.00" in page.text
    assert verify.verify(filled) == []


def test_a_credit_note_needs_its_reason_and_an_untouched_document_is_voided(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    bare = post(client, "/customers/C001/bill", **(WRITTEN | {"kind": "credit_note", "number": "H-2", "description": ""}))
    assert bare.status_code == 422 and "Give a reason." in bare.get_data(as_text=True)
    assert post(client, "/customers/C001/bill", **(WRITTEN | {"kind": "credit_note", "number": "H-2"})).headers["Location"] == "/credits/H-2"
    assert post(client, "/credits/H-2/void", reason="").status_code == 422
    assert post(client, "/credits/H-2/void", reason="written twice").status_code == 303
    assert "H-2 is void from today on; its number stays taken." in get(client, "/credits/H-2").text
    again = post(client, "/credits/H-2/void", reason="again")
    assert again.status_code == 422 and "H-2 is void in the books and stays void" in again.get_data(as_text=True)
    settled = post(client, "/invoices/A3/void", reason="no")
    assert settled.status_code == 422 and "undo the allocation first" in settled.get_data(as_text=True)
    assert verify.verify(filled) == []


def test_wrong_entries_are_told_beside_the_field_and_kept(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    for change, sentence in (
        ({"amount": "1e3"}, "1e3"),
        ({"currency": "XYZ"}, "XYZ"),
        ({"number": "A1"}, "A1 is already in the books; use another number."),
        ({"due": "2026-03-01"}, "2026-03-01"),
        ({"issued": "10.3.2026"}, "10.3.2026"),
    ):
        answer = post(client, "/customers/C001/bill", **(WRITTEN | change))
        html = answer.get_data(as_text=True)
        assert answer.status_code == 422 and sentence in html and "by hand" in html, change
    assert post(client, "/customers/C999/bill", **WRITTEN).status_code == 404
    assert post(client, "/invoices/NONE/void", reason="x").status_code == 404
    assert sign_in(Role.MANAGER).get("/customers/C001/bill").status_code == 403


def test_a_debit_note_and_a_credit_note_lead_to_their_invoice(filled: Runtime, sign_in: SignIn) -> None:
    """The debit note's page is titled as one and leads to its invoice of 120.00, of which 119.00 are open after a credit note of 1.00."""
    client = sign_in(Role.FINANCE)
    post(client, "/customers/C001/bill", **(WRITTEN | {"number": "H-4"}))
    assert post(client, "/customers/C001/bill", **(WRITTEN | {"kind": "debit_note", "number": "H-3", "about": "H-4"})).status_code == 303
    html = client.get("/invoices/H-3").get_data(as_text=True)
    assert "<h1>Debit note" in html and 'href="/invoices/H-4"' in html
    post(client, "/customers/C001/bill", **(WRITTEN | {"kind": "credit_note", "number": "H-5", "amount": "1.00", "about": "H-4"}))
    assert "H-5" in get(client, "/invoices/H-4").text and "119.00" in get(client, "/invoices/H-4").text
    stranger = post(client, "/customers/C001/bill", **(WRITTEN | {"kind": "credit_note", "number": "H-6", "about": "NONE"}))
    assert stranger.status_code == 422 and "NONE" in stranger.get_data(as_text=True)


def test_money_kept_for_an_order_is_told_on_its_invoice_and_applied_there(filled: Runtime, sign_in: SignIn) -> None:
    """80.00 are paid in advance for SO-1; its invoice of 120.00 says so, and 40.00 are open once it is applied."""
    client = sign_in(Role.FINANCE)
    told = {"number": "R-70", "day": "2026-03-09", "amount": "80.00", "currency": "CNY", "method": "transfer", "order_no": "SO-1"}
    answer = post(client, "/customers/C001/receipt", **told)
    assert answer.status_code == 303, read(answer.get_data(as_text=True)).text
    post(client, "/customers/C001/bill", **(WRITTEN | {"number": "H-7", "po_no": "SO-1"}))
    html = client.get("/invoices/H-7").get_data(as_text=True)
    assert "Paid in advance for order SO-1, and not applied yet:" in html
    option = html.split('name="credit" value="')[1].split('"')[0]
    assert post(client, "/receipts/R-70/apply", credit=option, invoice_no="H-7").status_code == 303
    page = get(client, "/invoices/H-7")
    assert "40.00" in page.text and "Paid in advance" not in page.text
