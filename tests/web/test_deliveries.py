"""Deliveries that are not invoiced, on the pages: entered, shown apart, ended by an invoice, cancelled, and refused with what was typed."""

from __future__ import annotations

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.web.conftest import SignIn, post
from tests.web.test_aging import get

PATH = "/customers/C001/deliveries"
DELIVERY = {"number": "L-1", "delivered_on": "2026-03-09", "amount": "75.50", "currency": "CNY", "order_no": "PO-9", "description": ""}


def test_entered_by_hand_it_is_shown_apart_until_it_is_invoiced(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert "No delivery is recorded" in get(client, PATH).text
    assert post(client, PATH, **DELIVERY).status_code == 303
    assert "75.50" in get(client, PATH).text and "not invoiced" in get(client, PATH).text
    told = get(client, "/customers/C001").text
    assert "Delivered, not invoiced" in told and "1 since 2026-03-09" in told and "75.50" in told
    for path in ("/aging?by=item&customer=C001", "/aging?customer=C001&currency=CNY"):
        page = get(client, path).text
        assert "1 since 2026-03-09 75.50 CNY" in page and "no bucket" in page, path
    for path in ("/aging", "/aging?customer=C001&currency=USD", "/aging?customer=C001&as_of=2026-03-09", "/aging?customer=C001&known_at=2026-03-10"):
        assert "Delivered, not invoiced" not in get(client, path).text, path
    bill = {"kind": "invoice", "number": "N-1", "issued": "2026-03-10", "amount": "75.50", "currency": "CNY", "due": "2026-04-09"}
    assert post(client, "/customers/C001/bill", **bill, delivery_nos="L-1").status_code == 303
    rows = get(client, PATH).rows(0)
    assert [(row["Delivery no."].text, row["State"].text) for row in rows] == [("L-1", "invoiced N-1")]
    assert "Delivered, not invoiced" not in get(client, "/customers/C001").text
    assert verify.verify(filled) == []


def test_cancelled_with_a_reason(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    post(client, PATH, **DELIVERY)
    assert post(client, "/deliveries/L-1/cancel", reason="").status_code == 422
    assert post(client, "/deliveries/L-1/cancel", reason="came back").status_code == 303
    assert "cancelled 2026-03-10 came back" in get(client, PATH).text
    again = post(client, "/deliveries/L-1/cancel", reason="once more")
    assert again.status_code == 422 and "invoiced or cancelled already" in again.get_data(as_text=True)


def test_what_is_wrong_keeps_what_was_typed(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    for wrong, said in (({"delivered_on": "2026-03-11"}, "lies ahead"), ({"amount": "-1"}, "above zero"), ({"currency": "XXX"}, "XXX")):
        answer = post(client, PATH, **{**DELIVERY, **wrong})
        text = answer.get_data(as_text=True)
        assert answer.status_code == 422 and said in text and 'value="PO-9"' in text
    post(client, PATH, **DELIVERY)
    assert "in the books already" in post(client, PATH, **DELIVERY).get_data(as_text=True)


def test_who_may_not_see_or_write(filled: Runtime, sign_in: SignIn) -> None:
    """A rep reads his own customer's and enters nothing; another rep's do not exist for him."""
    post(sign_in(Role.FINANCE), PATH, **DELIVERY)
    rep = sign_in(Role.REP)
    assert "L-1" in get(rep, PATH).text and "Enter a delivery" not in get(rep, PATH).text
    assert rep.get("/customers/C/2/deliveries").status_code == 404
    assert post(rep, PATH, **DELIVERY).status_code == 403
    assert sign_in(Role.ADMIN).get(PATH).status_code == 403
