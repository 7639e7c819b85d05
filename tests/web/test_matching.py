"""The two panes of matching: what is shown, accepted, split, set aside and taken back, and who may."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import matching, verify
from collect.storage.bank import BankLine
from tests.bank_lines import add_lines
from tests.web.conftest import SignIn, post
from tests.web.reading import read
from tests.web.test_aging import get


@pytest.fixture
def lines(filled: Runtime) -> list[int]:
    """Three lines of the book: 300.50 is A2 of C001; 12.00 is nobody's; 50.00 comes from a name that is only alike."""
    ids = add_lines(
        filled,
        {"amount_minor": 30_050, "payer": "同仁大药房", "reference": "TX-0001"},
        {"amount_minor": 1_200, "payer": "Somebody <else>"},
        {"amount_minor": 5_000, "payer": "同仁大药房财务", "narrative": "for A1"},
    )
    filled.write(SYSTEM, matching.propose)
    return ids


def state(runtime: Runtime, key: int) -> tuple[str, int]:
    with runtime.read(SYSTEM) as view:
        one = view.session.get_one(BankLine, key)
        return one.state, one.version


def test_the_proposal_is_shown_with_its_reasons_and_accepted(filled: Runtime, lines: list[int], sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    page = get(client, f"/bank/lines?line={lines[0]}")
    assert "The amount is what is open of A2, and of no other open item." in page.text and "The payer's name is the customer's." in page.text
    assert "Score 96" in page.text
    block = client.get(f"/bank/lines?line={lines[0]}", headers={"X-Block": "detail"})
    assert block.headers["X-Block"] == "detail" and "<html" not in block.get_data(as_text=True)
    answer = post(client, f"/bank/lines/{lines[0]}/accept?state=open&line={lines[1]}", version=state(filled, lines[0])[1])
    assert answer.status_code == 303 and answer.headers["Location"].endswith(f"line={lines[1]}")
    told = client.get(answer.headers["Location"]).get_data(as_text=True)
    assert "Receipt 2233-TX-0001 was made of this line." in told and "Somebody &lt;else&gt;" in told
    assert state(filled, lines[0])[0] == "applied" and verify.verify(filled) == []
    who = [row["By"].text for row in get(client, "/receipts/2233-TX-0001").rows() if "By" in row]
    assert who == ["fang"], "what the line settled was done by him who accepted it"
    again = post(client, f"/bank/lines/{lines[0]}/accept", version=2)
    assert again.status_code == 409 and "was changed meanwhile" in again.get_data(as_text=True)


def test_it_is_taken_back_with_a_reason(filled: Runtime, lines: list[int], sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    post(client, f"/bank/lines/{lines[0]}/accept", version=state(filled, lines[0])[1])
    version = state(filled, lines[0])[1]
    assert post(client, f"/bank/lines/{lines[0]}/undo", version=version, reason="").status_code == 422
    assert "2233-TX-0001" in get(client, f"/bank/lines?state=applied&line={lines[0]}").text
    assert post(client, f"/bank/lines/{lines[0]}/undo", version=version, reason="not his").status_code == 303
    assert state(filled, lines[0])[0] == "open" and verify.verify(filled) == []


def test_another_customer_is_found_and_the_line_split(filled: Runtime, lines: list[int], sign_in: SignIn) -> None:
    """12.00 of nobody: 10.00 for A1, 2.00 stay. The payer is a stranger, so his letter is asked for."""
    client = sign_in(Role.FINANCE)
    assert "No customer fits nonsense." in get(client, f"/bank/lines?line={lines[1]}&find=nonsense").text
    found = get(client, f"/bank/lines?line={lines[1]}&find=C001")
    assert any("customer=C001" in href for href, _ in found.links)
    page = client.get(f"/bank/lines?line={lines[1]}&customer=C001").get_data(as_text=True)
    field = re.findall(r'name="(part-\d+)" value="([^"]*)"', page)
    assert [value for _, value in field] == ["12.00", ""]  # A1 is older than A2
    path = f"/bank/lines/{lines[1]}/accept"
    sent = {"version": state(filled, lines[1])[1], "customer_no": "C001", field[0][0]: "10.00", field[1][0]: ""}
    asked = post(client, path, **sent)
    assert asked.status_code == 422 and "say whether it is the same one" in read(asked.get_data(as_text=True)).text
    assert 'value="10.00"' in asked.get_data(as_text=True)
    assert post(client, path, **{**sent, field[0][0]: "13.00"}, payer="same").status_code == 422
    assert post(client, path, **{**sent, field[0][0]: "1e3"}, payer="same").status_code == 422
    assert post(client, path, **sent, payer="third", letter="").status_code == 422
    assert post(client, path, **sent, payer="third", letter="L-7").status_code == 303
    page_of_payers = get(client, "/bank/payers")
    assert [row["How"].text for row in page_of_payers.rows()] == ["Third party, letter L-7"]
    ending = re.search(r'action="(/bank/payers/\d+/end)"', client.get("/bank/payers").get_data(as_text=True))
    assert ending and post(client, ending[1]).status_code == 303
    assert get(client, "/bank/payers").rows()[0]["State"].text == "ended"
    assert verify.verify(filled) == []


def test_ticked_lines_and_all_above_a_score(filled: Runtime, lines: list[int], sign_in: SignIn) -> None:
    """The second has no proposal, and the third is a stranger: each says why."""
    client = sign_in(Role.FINANCE)
    none = post(client, "/bank/lines/accept", ticked="1")
    assert none.status_code == 422 and "No line is ticked" in none.get_data(as_text=True)
    assert post(client, "/bank/lines/accept", above="1", threshold="x").status_code == 422
    above = read(post(client, "/bank/lines/accept", above="1", threshold="95").get_data(as_text=True))
    assert [row["Result"].text for row in above.rows()] == ["2233-TX-0001"]
    ticked = read(post(client, "/bank/lines/accept", ticked="1", line=[f"{key}.{state(filled, key)[1]}" for key in lines]).get_data(as_text=True))
    told = [row["Result"].text for row in ticked.rows()]
    assert "does not wait any more" in told[0] and "choose the customer" in told[1] and "a third party" in told[2]
    assert "0 of 3 lines were accepted." in ticked.text


def test_lines_are_filtered_and_paged(filled: Runtime, lines: list[int], sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)

    def shown(query: str) -> list[str]:
        return re.findall(r'class="match-who" translate="no">([^<]*)<', client.get(f"/bank/lines?{query}").get_data(as_text=True))

    assert shown("") == ["同仁大药房财务", "Somebody &lt;else&gt;", "同仁大药房"]
    assert shown("q=SOMEBODY") == ["Somebody &lt;else&gt;"] and shown("least=90") == ["同仁大药房"] and shown("state=applied") == []
    first = get(client, "/bank/lines?limit=2")
    onward = next(href for href, text in first.links if text.startswith("Next page"))
    assert "同仁大药房" in get(client, onward).text and shown("after=nonsense") == shown("")
    post(client, f"/bank/lines/{lines[1]}/ignore", version=state(filled, lines[1])[1], reason="ours")
    assert shown("state=ignored") == ["Somebody &lt;else&gt;"] and len(shown("state=all")) == 3
    told = client.get(post(client, "/bank/lines/propose").headers["Location"]).get_data(as_text=True)
    assert "2 lines have a proposal, 0 have none." in told


def test_a_running_account_is_marked_and_ended(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert "No customer is marked" in get(client, "/bank/running").text
    assert post(client, "/bank/running", customer_no="nobody").status_code == 422
    assert post(client, "/bank/running", customer_no="C/2", note="contract 7").status_code == 303
    assert [(row["Customer no."].text, row["Note"].text) for row in get(client, "/bank/running").rows()] == [("C/2", "contract 7")]
    assert post(client, "/bank/running/C%252F2/end").status_code == 303
    assert "No customer is marked" in get(client, "/bank/running").text


def test_a_rep_sees_only_what_his_customers_paid(filled: Runtime, lines: list[int], sign_in: SignIn) -> None:
    """Waiting lines are finance's; of the matched ones a rep sees those of his customers (S28), and changes none."""
    post(sign_in(Role.FINANCE), f"/bank/lines/{lines[0]}/accept", version=state(filled, lines[0])[1])
    rep = sign_in(Role.REP)
    assert "Somebody" not in get(rep, f"/bank/lines?state=all&line={lines[1]}").text
    assert "2233-TX-0001" in get(rep, "/bank/lines?state=applied").text
    assert "2233-TX-0001" not in get(sign_in("rosa"), "/bank/lines?state=applied").text
    for path in (f"/bank/lines/{lines[1]}/ignore", "/bank/lines/accept", "/bank/lines/propose", "/bank/payers", "/bank/running"):
        assert post(rep, path, reason="x").status_code == 403
    assert post(sign_in(Role.FINANCE), "/bank/lines/999999999/accept").status_code == 404
    with filled.read(SYSTEM) as view:
        assert view.session.scalar(sa.select(sa.func.count()).select_from(BankLine).where(BankLine.state == "open")) == 2


def test_a_question_shows_both_lines_and_is_answered(filled: Runtime, lines: list[int], sign_in: SignIn) -> None:
    """The credit of 300.50 was accepted; a debit of as much asks, a no without a reason is refused, a yes reverses the receipt."""
    client = sign_in(Role.FINANCE)
    post(client, f"/bank/lines/{lines[0]}/accept", version=state(filled, lines[0])[1])
    (debit,) = add_lines(filled, {"amount_minor": -30_050, "payer": "同仁大药房", "reference": "TX-0001", "reversal": True, "question": "reversal", "other_id": lines[0]})
    assert "1 bank lines put a question" in get(client, "/bank/lines").text
    page = get(client, f"/bank/lines?state=asked&line={debit}").text
    assert "Does the bank take this money back?" in page and "-300.50" in page and "TX-0001" in page
    assert post(client, f"/bank/lines/{debit}/answer", version=1, no="1", reason="").status_code == 422
    assert post(client, f"/bank/lines/{debit}/answer", version=9, yes="1").status_code == 409
    assert post(client, f"/bank/lines/{debit}/answer", version=1, yes="1").status_code == 303
    assert state(filled, lines[0])[0] == "ignored" and verify.verify(filled) == []
    assert "put a question" not in get(client, "/bank/lines").text
