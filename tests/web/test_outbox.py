"""The outbox's pages: messages by state, one as it went out, settling the uncertain; nobody sees a stranger's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from collect.channels.mail import Outcome, Uncertain
from collect.channels.memory import Memory
from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import dispatch, verify
from collect.services.dispatch import Sent
from tests.conftest import FixedClock
from tests.services.sending import BEFORE, NINE, message_of, planned
from tests.taking_in import take_in
from tests.web.conftest import SignIn, post
from tests.web.reading import read


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(BEFORE)


@pytest.fixture
def messages(app: object, sqlite_runtime: Runtime) -> Iterator[Runtime]:
    """C1's message is sent, C2's failed, C3's uncertain; C1 is rui's customer."""
    planned(sqlite_runtime)
    take_in(sqlite_runtime, "customers", "customer_no,name,rep\nC1,Customer 1,rui\n")
    outcomes: list[Outcome | Exception] = [Outcome("sent"), Outcome("failed", "550 no such user"), Uncertain("timeout")]
    assert dispatch.send_due(sqlite_runtime, Memory(outcomes=iter(outcomes)), NINE, "w1") == Sent(sent=1, failed=1, uncertain=1)
    yield sqlite_runtime


def get(client: FlaskClient, path: str, status: int = 200) -> object:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return read(answer.get_data(as_text=True))


def address(runtime: Runtime, n: int) -> str:
    return f"/outbox/{message_of(runtime, n).id}"


def test_an_empty_outbox_says_what_belongs_there(app: object, sign_in: SignIn) -> None:
    assert "No message here" in get(sign_in(Role.FINANCE), "/outbox").text  # type: ignore[attr-defined]


def test_messages_by_state_and_customer(messages: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.AUDITOR)
    page = get(client, "/outbox")
    assert [(row["Customer"].text, row["State"].text, row["Reason"].text) for row in page.rows()] == [  # type: ignore[attr-defined]
        ("Customer 3", "Uncertain", "The server did not answer in time."),
        ("Customer 2", "Failed", "550 no such user"),
        ("Customer 1", "Sent", ""),
    ]
    assert [row["Customer"].text for row in get(client, "/outbox?state=failed").rows()] == ["Customer 2"]  # type: ignore[attr-defined]
    assert [row["Customer"].text for row in get(client, "/outbox?customer=C1").rows()] == ["Customer 1"]  # type: ignore[attr-defined]
    assert "No message here" in get(client, "/outbox?state=queued").text  # type: ignore[attr-defined]
    first = get(client, "/outbox?limit=2")
    assert len(first.rows()) == 2 and any(text == "Next page" for _, text in first.links)  # type: ignore[attr-defined]


def test_one_message_with_its_text_and_history(messages: Runtime, sign_in: SignIn) -> None:
    page = get(sign_in(Role.AUDITOR), address(messages, 1))
    text = page.text  # type: ignore[attr-defined]
    assert "贵公司应付我公司货款人民币 150.00 元已经逾期" in text and "c1@buyer.example" in text and "2026-03-10 09:00" in text
    assert [row["What"].text for row in page.rows()] == ["Sent", "Written"]  # type: ignore[attr-defined]
    assert "Settle" not in get(sign_in(Role.AUDITOR), address(messages, 3)).text  # type: ignore[attr-defined]


def test_an_uncertain_message_is_settled_once(messages: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = address(messages, 3)
    bare = post(client, f"{path}/settle")
    assert bare.status_code == 422 and "What happened to it?" in bare.get_data(as_text=True)
    assert post(client, f"{path}/settle", answer="perhaps").status_code == 422
    assert post(client, f"{path}/settle", answer="sent").status_code == 303
    page = get(client, path)
    assert "The message counts as sent." in page.text and next(row["By"].text for row in page.rows()) == "fang"  # type: ignore[attr-defined]
    again = post(client, f"{path}/settle", answer="not-sent")
    assert again.status_code == 409 and "is not uncertain any more" in again.get_data(as_text=True)
    assert verify.verify(messages) == []


def test_a_failed_message_is_tried_again(messages: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert post(client, f"{address(messages, 2)}/settle", answer="sent").status_code == 409
    assert post(client, f"{address(messages, 2)}/settle", answer="not-sent").status_code == 303
    assert message_of(messages, 2).state == "queued"


def test_a_rep_sees_the_messages_of_his_customers_only(messages: Runtime, sign_in: SignIn) -> None:
    rep = sign_in(Role.REP)
    page = get(rep, "/outbox")
    assert [row["Customer"].text for row in page.rows()] == ["Customer 1"]  # type: ignore[attr-defined]
    assert "Failed (0)" in page.text and "Sent (1)" in page.text  # type: ignore[attr-defined]
    assert "No message here" in get(rep, "/outbox?customer=C2").text  # type: ignore[attr-defined]
    get(rep, address(messages, 1))
    get(rep, address(messages, 2), 404)
    get(rep, "/outbox/999999", 404)


@pytest.mark.parametrize("role", [Role.REP, Role.LEAD, Role.MANAGER, Role.AUDITOR, Role.ADMIN])
def test_only_finance_settles(messages: Runtime, sign_in: SignIn, role: Role) -> None:
    assert post(sign_in(role), f"{address(messages, 3)}/settle", answer="sent").status_code == 403
    assert message_of(messages, 3).state == "uncertain"


def test_settling_needs_the_forms_own_token(messages: Runtime, sign_in: SignIn) -> None:
    assert sign_in(Role.FINANCE).post(f"{address(messages, 3)}/settle", data={"answer": "sent"}).status_code == 400


def test_a_customer_named_like_a_page_stays_text(app: object, sqlite_runtime: Runtime, sign_in: SignIn) -> None:
    planned(sqlite_runtime, 1)
    take_in(sqlite_runtime, "customers", "customer_no,name\nC1,<script>alert(1)</script>\n")
    dispatch.send_due(sqlite_runtime, Memory(), NINE, "w1")
    html = sign_in(Role.FINANCE).get(address(sqlite_runtime, 1)).get_data(as_text=True)
    assert "<script>alert(1)" not in html and "&lt;script&gt;alert(1)" in html
