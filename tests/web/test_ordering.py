"""The page of the order of settlement: what holds with its source, what a contract agrees, and the order on a receipt's page (S14)."""

from __future__ import annotations

import sqlalchemy as sa

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import invoices, verify
from collect.storage.cash import Allocation
from collect.storage.receivables import Item
from tests.web.conftest import SignIn, post
from tests.web.reading import read
from tests.web.test_aging import get
from tests.web.test_cash import field_of


def test_the_order_its_source_and_a_contract(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    page = get(client, "/bank/order").text
    assert "First claimed costs, claimed interest, then the principal" in page and "Civil Code of China, art. 561" in page
    assert post(client, "/bank/order", customer_no="C001", order="oldest", clause="").status_code == 422
    assert post(client, "/bank/order", customer_no="C999", order="oldest", clause="8").status_code == 422
    assert post(client, "/bank/order", customer_no="C001", order="never", clause="8").status_code == 422
    assert post(client, "/bank/order", customer_no="C001", order="oldest", clause="Clause 8").status_code == 303
    assert "Clause 8" in get(client, "/bank/order").text
    assert post(client, "/bank/order/C001/end").status_code == 303
    assert "Clause 8" not in get(client, "/bank/order").text


def test_only_who_allocates_comes_here(filled: Runtime, sign_in: SignIn) -> None:
    assert sign_in(Role.REP).get("/bank/order").status_code in (403, 404)


def test_a_receipt_is_applied_with_what_is_claimed_first(filled: Runtime, sign_in: SignIn) -> None:
    """R-1 has 50.00 left; 20.00 interest is claimed about A1: of 50.00 it takes 20.00, the invoice 30.00."""
    today = filled.clock.now.date()
    bill = invoices.Bill("INT-A1", today, "CNY", 2_000, "interest", today, about="A1")
    filled.write(SYSTEM, lambda work: invoices.issue(work, "C001", bill)[0].id)
    client = sign_in(Role.FINANCE)
    page = client.get("/receipts/R-1").get_data(as_text=True)
    assert "Costs and interest before the principal: Civil Code of China, art. 561" in read(page).text
    answer = post(client, "/receipts/R-1/apply", credit=field_of(page, "credit"), invoice_no="A1", claims="y")
    assert answer.status_code == 303
    with filled.read(SYSTEM) as view:
        shares = view.session.execute(sa.select(Item.document_no, Allocation.amount_minor).join(Item, Item.id == Allocation.item_id).order_by(Allocation.id.desc()).limit(2)).all()
    assert [tuple(row) for row in shares] == [("A1", 3_000), ("INT-A1", 2_000)] and verify.verify(filled) == []
