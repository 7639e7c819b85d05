"""Receipts by hand, requests and their decisions, tails and rebates on the pages."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import users, verify
from tests.web.conftest import PASSWORD, SignIn, post

# C001 owes A1 1,040.00 (1,200.00 less 150.00 of R-1 and 10.00 of CN-1) and A2 300.50; 50.00 of R-1 and 10.00 of CN-1 are left.
RECEIPT = {"number": "H-1", "day": "2026-03-10", "amount": "1000.00", "currency": "CNY", "method": "transfer", "reason": "rebate"}


def field(client: FlaskClient, prefix: str, number: str, path: str = "/customers/C001/receipt") -> str:
    """The name of the input beside an invoice on the page of a new receipt."""
    return re.search(rf'name="({prefix}-\d+)"[^>]*of {number}"', client.get(path).get_data(as_text=True)).group(1)  # type: ignore[union-attr]


def html(client: FlaskClient, path: str) -> str:
    """A page that opens."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.get_data(as_text=True))


def request_of(answer) -> str:  # type: ignore[no-untyped-def]
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def decide(client: FlaskClient, path: str, verdict: str, note: str = ""):  # type: ignore[no-untyped-def]
    version = re.search(r'name="version" value="(\d+)"', client.get(path).get_data(as_text=True))
    return post(client, f"{path}/withdraw" if verdict == "withdraw" else path, verdict=verdict, version=version.group(1) if version else "1", note=note)


def test_a_receipt_by_hand_and_what_they_deducted_become_one_step(filled: Runtime, sign_in: SignIn) -> None:
    """1,000.00 for A1 of which they deducted 40.00 as rebate: A1 stays open with 40.00 until the manager agrees."""
    finance, manager = sign_in(Role.FINANCE), sign_in(Role.MANAGER)
    pay, less = field(finance, "pay", "A1"), field(finance, "less", "A1")
    bare = post(finance, "/customers/C001/receipt", **RECEIPT, **{pay: "1000.00", less: "40.00"})
    assert bare.status_code == 422 and "Give a reason." in bare.get_data(as_text=True) and 'value="40.00"' in bare.get_data(as_text=True)
    wrong = post(finance, "/customers/C001/receipt", **RECEIPT, **{pay: "1000.01"})
    assert wrong.status_code == 422 and "1000.01" in wrong.get_data(as_text=True)
    assert request_of(post(finance, "/customers/C001/receipt", **RECEIPT, note="2 % of the year", **{pay: "1000.00", less: "40.00"})) == "/receipts/H-1"
    assert "What they deducted is asked for" in html(finance, "/receipts/H-1")
    assert "Adjustments that wait: 1" in html(manager, "/decisions")
    path = re.search(r'href="(/adjustments/\d+)"', html(manager, "/adjustments")).group(1)  # type: ignore[union-attr]
    assert decide(finance, path, "approve").status_code == 403
    # Nothing was earned so far: 40.00 of it are more than the account holds, and the manager is told before he agrees.
    assert "The rebate account holds 0.00: with this credit 40.00 more would be granted" in html(manager, path)
    assert decide(manager, path, "refuse").status_code == 422
    assert decide(manager, path, "approve").status_code == 303
    assert "settled" in html(finance, "/invoices/A1").lower()
    rebates = html(finance, "/customers/C001/rebates")
    assert "-40.00" in rebates and "Still owed by us" in rebates
    assert post(finance, "/customers/C001/rebates", side="earned", day="2026-03-01", amount="100.00", currency="CNY", note="2025").status_code == 303
    assert "60.00" in html(finance, "/customers/C001/rebates")
    assert decide(manager, path, "reverse", "not agreed").status_code == 303
    undo = re.search(r'href="(/rebates/\d+/undo)"', html(finance, "/customers/C001/rebates")).group(1)  # type: ignore[union-attr]
    assert post(finance, undo, reason="wrong year").status_code == 303
    assert verify.verify(filled) == []


def test_a_write_off_needs_another_manager_and_its_money_is_recovered(filled: Runtime, sign_in: SignIn) -> None:
    filled.write(SYSTEM, lambda work: users.add(work, "mia", "Mia Manager", Role.MANAGER, PASSWORD))
    manager, other, finance = sign_in(Role.MANAGER), sign_in("mia"), sign_in(Role.FINANCE)
    asked = {"what": "write_off:uncollectable", "amount": "1040.00", "note": "gone"}
    assert post(manager, "/invoices/A1/ask", **(asked | {"amount": "1040.01"})).status_code == 422
    path = request_of(post(manager, "/invoices/A1/ask", **asked))
    assert "Somebody else decides it." not in decide(manager, path, "approve").get_data(as_text=True) and "Withdraw" in html(manager, path)
    assert decide(other, path, "approve").status_code == 303
    posted = re.search(r'href="(/write-offs/[^"]+)"', html(other, path)).group(1)  # type: ignore[union-attr]
    assert "Write-off" in html(finance, posted) and "A1" in html(finance, posted)
    assert posted in html(finance, "/invoices/A1")
    assert post(finance, "/receipts/R-1/recover", invoice_no="A9").status_code == 422
    assert request_of(post(finance, "/receipts/R-1/recover", invoice_no="A1")) == "/receipts/R-1"
    assert "50.00 CNY recovered for invoice A1." in html(finance, "/receipts/R-1")
    assert post(finance, "/receipts/R-1/void", reason="returned by the bank").status_code == 303
    assert verify.verify(filled) == []


def test_prepaid_money_is_refunded_released_and_kept_apart(filled: Runtime, sign_in: SignIn) -> None:
    """500.00 for PO-7: kept apart; 100.00 paid back, 300.00 settle A1 (of PO-7), the rest 100.00 is released."""
    finance, manager = sign_in(Role.FINANCE), sign_in(Role.MANAGER)
    assert request_of(post(finance, "/customers/C001/receipt", **(RECEIPT | {"amount": "500.00", "order_no": "PO-7"}))) == "/receipts/H-1"
    page = html(finance, "/receipts/H-1")
    assert "Kept for order PO-7" in page and "500.00" in page
    assert "Kept for the order" in html(finance, "/customers/C001")
    path = request_of(post(finance, "/receipts/H-1/refund", what="refund:overpaid", amount="100.00", note="order made smaller"))
    assert decide(manager, path, "approve").status_code == 303
    assert ">Import<" not in html(finance, "/receipts/H-1"), "who decided on the refund is told, not an import"
    told = html(finance, "/customers/C001/timeline")
    assert "Paid back to the customer" in told and "Payment received" in told and "Money received" not in told
    chosen = re.search(r'name="credit" value="([^"]+)"', html(finance, "/receipts/H-1")).group(1)  # type: ignore[union-attr]
    assert post(finance, "/receipts/H-1/apply", credit=chosen, invoice_no="A1", amount="300.00").status_code == 303
    assert request_of(post(finance, "/receipts/H-1/release", reason="order cancelled")) == "/receipts/H-1"
    assert "100.00 CNY are unapplied now." in html(finance, "/receipts/H-1")
    assert post(finance, "/receipts/H-1/release", reason="again").status_code == 422
    assert verify.verify(filled) == []


def test_tails_are_ticked_by_the_manager(filled: Runtime, sign_in: SignIn) -> None:
    """A1 paid but for 10.00 of 1,200.00 (under 1 %): a tail; the finance page shows it without boxes."""
    finance, manager = sign_in(Role.FINANCE), sign_in(Role.MANAGER)
    post(finance, "/customers/C001/receipt", **(RECEIPT | {"amount": "1030.00", "oldest": "y"}))
    assert 'type="checkbox" name="item"' not in html(finance, "/adjustments")
    key = re.search(r'name="item" value="(\d+)"', html(manager, "/adjustments")).group(1)  # type: ignore[union-attr]
    assert post(manager, "/adjustments/tails", item=key, reason="").status_code == 422
    assert post(manager, "/adjustments/tails", reason="small").status_code == 422
    assert post(manager, "/adjustments/tails", item=key, reason="not worth a letter").status_code == 303
    again = post(manager, "/adjustments/tails", item=key, reason="again")
    assert again.status_code == 409 and "no tail any more" in again.get_data(as_text=True)
    assert "not worth a letter" in html(manager, re.search(r'href="(/adjustments/\d+)"', html(manager, "/adjustments")).group(1))  # type: ignore[union-attr]
    assert verify.verify(filled) == []


def test_what_a_rep_does_not_see_does_not_exist(filled: Runtime, sign_in: SignIn) -> None:
    finance, rep, rosa = sign_in(Role.FINANCE), sign_in(Role.REP), sign_in("rosa")
    path = request_of(post(finance, "/invoices/A1/ask", what="credit:price", amount="1.00", note="list price"))
    assert rep.get(path).status_code == 200 and path in html(rep, "/adjustments")
    assert rosa.get(path).status_code == 404 and path not in html(rosa, "/adjustments")
    assert rosa.get("/invoices/A1/ask").status_code == rosa.get("/customers/C001/rebates").status_code == 404
    assert decide(rosa, path, "withdraw").status_code == 404
    assert decide(rep, path, "withdraw").status_code == 422
    assert decide(finance, path, "withdraw").status_code == 303
    assert verify.verify(filled) == []


def version_on(client: FlaskClient, path: str) -> str:
    return re.search(r'name="version" value="(\d+)"', html(client, path)).group(1)  # type: ignore[union-attr]


def test_a_stale_page_takes_nothing_back_and_a_form_sent_twice_counts_once(filled: Runtime, sign_in: SignIn) -> None:
    """H-1 of 500.00, its void page open in one tab while another applies 100.00 of it: the void waits until that was seen.

    A1 of 1,040.00 is written off; 20.00 recovered once although the form is sent twice. The same request and the same rebate, sent
    twice, are one; entered anew under what stands there, a second rebate of the same amount is one of its own.
    """
    finance, manager = sign_in(Role.FINANCE), sign_in(Role.MANAGER)
    post(finance, "/customers/C001/receipt", **(RECEIPT | {"amount": "500.00"}))
    stale = version_on(finance, "/receipts/H-1/void")
    chosen = re.search(r'name="credit" value="([^"]+)"', html(finance, "/receipts/H-1")).group(1)  # type: ignore[union-attr]
    assert post(finance, "/receipts/H-1/apply", credit=chosen, invoice_no="A1", amount="100.00").status_code == 303
    refused = post(finance, "/receipts/H-1/void", reason="bounced", version=stale)
    assert refused.status_code == 409 and "H-1 was changed meanwhile" in refused.get_data(as_text=True)
    fresh = re.search(r'name="version" value="(\d+)"', refused.get_data(as_text=True)).group(1)  # type: ignore[union-attr]
    assert post(finance, "/receipts/H-1/void", reason="bounced", version=fresh).status_code == 303
    asked = {"what": "write_off:uncollectable", "amount": "1000.00", "note": "gone"}
    path = request_of(post(finance, "/invoices/A1/ask", **asked))
    assert request_of(post(finance, "/invoices/A1/ask", **asked)) == path
    assert decide(manager, path, "approve").status_code == 303
    form = {"invoice_no": "A1", "amount": "20.00", "version": version_on(finance, "/receipts/R-1/recover")}
    assert post(finance, "/receipts/R-1/recover", **form).status_code == 303
    assert post(finance, "/receipts/R-1/recover", **form).status_code == 409
    entry = {"side": "earned", "day": "2026-03-01", "amount": "30.00", "currency": "CNY", "note": "2025"}
    for _ in range(2):
        seen = re.search(r'name="seen" value="(\d+)"', html(finance, "/customers/C001/rebates")).group(1)  # type: ignore[union-attr]
        for _ in range(2):
            assert post(finance, "/customers/C001/rebates", **entry, seen=seen).status_code == 303
    assert "60.00" in html(finance, "/customers/C001/rebates") and "90.00" not in html(finance, "/customers/C001/rebates")
    assert verify.verify(filled) == []
