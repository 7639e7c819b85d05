"""The policy page: what is in force in words, drafts with their faults beside the text, and a second manager's decision."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import policy, users
from tests.web.conftest import PASSWORD, SignIn, post
from tests.web.reading import field_of, read
from tests.web.test_aging import get


@pytest.fixture
def runtime(app: Any, sqlite_runtime: Runtime) -> Runtime:
    """The pages' installation with a second manager, `mei`."""
    sqlite_runtime.write(SYSTEM, lambda work: users.add(work, "mei", "Mei Manager", Role.MANAGER, PASSWORD))
    return sqlite_runtime


def draft(before: str = "per_week = 2", after: str = "per_week = 3") -> str:
    return policy.shipped("CN").replace(before, after, 1)


def hand_in(client: FlaskClient, **fields: Any) -> Any:
    return post(client, "/policy/new", **{"text": draft(), "effective": "", "act": "publish", **fields})


def decide(client: FlaskClient, number: int, verdict: str, reason: str = "", content_hash: str | None = None) -> Any:
    known = content_hash or policy.hash_of(draft())
    return post(client, f"/policy/{number}/decide", verdict=verdict, reason=reason, content_hash=known)


def in_force(runtime: Runtime) -> int:
    with runtime.read(SYSTEM) as view:
        return policy.in_force(view.session, view.seller, view.today).number


def test_the_policy_in_words(runtime: Runtime, sign_in: SignIn) -> None:
    """The Chinese pack: dealers −3, 0, 7, 14, 15 stop credit, 30 visit and stop supply, 45, 75; hospitals' stop only after a legal review."""
    page = get(sign_in(Role.AUDITOR), "/policy")
    assert "09:00 to 11:30, the customer's time" in page.text and "Tue, Wed, Thu" in page.text
    assert "14, 7, 3 after the last step" in page.text and "95 % received" in page.text
    dealer = [(row["Days"].text, row["Step"].text, row["How"].text) for row in page.rows(0)]
    assert dealer == [
        ("-3", "Note before the due date", "E-mail"),
        ("0", "Note on the due date", "E-mail"),
        ("7", "Reminder", "E-mail"),
        ("14", "Call", "Call"),
        ("15", "Stop new credit", "by decision"),
        ("30", "Visit", "Visit"),
        ("30", "Stop supply", "by decision"),
        ("45", "Final demand", "by decision"),
        ("75", "Legal referral", "by decision"),
    ]
    hospital = [(row["Days"].text, row["Step"].text, row["How"].text) for row in page.rows(1)]
    assert hospital[-1] == ("–", "Stop supply", "only after a legal review")
    versions = page.rows(4)
    assert [(row["Version"].text, row["State"].text, row["Handed in by"].text) for row in versions] == [("1", "in force", "System")]
    assert versions[0]["Version"].href == "/policy/1"
    assert "/policy/new" not in [address for address, _ in page.links]


def test_who_may_see_it_and_who_may_change_it(runtime: Runtime, sign_in: SignIn) -> None:
    """Finance, managers and auditors read; managers hand in and decide; for a rep there is nothing (S28)."""
    hand_in(sign_in("mei"))
    for role in (Role.REP, Role.LEAD, Role.ADMIN):
        assert sign_in(role).get("/policy").status_code == 403
    for role in (Role.FINANCE, Role.AUDITOR):
        client = sign_in(role)
        assert client.get("/policy").status_code == client.get("/policy/2").status_code == 200
        assert client.get("/policy/new").status_code == 403
        assert hand_in(client).status_code == decide(client, 2, "approve").status_code == 403
        assert "Approve" not in get(client, "/policy/2").text
    assert "/policy/new" in [address for address, _ in get(sign_in(Role.MANAGER), "/policy").links]
    assert in_force(runtime) == 1


def test_a_draft_is_handed_in_and_another_manager_approves(runtime: Runtime, sign_in: SignIn) -> None:
    ming, mei = sign_in(Role.MANAGER), sign_in("mei")
    answer = hand_in(ming, text=draft().replace("\n", "\r\n"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/policy/2")
    mine = get(ming, "/policy/2")
    assert "Version 2 is handed in; another manager has to approve it." in mine.text
    assert "- per_week = 2" in mine.text.replace("−", "-") and "+ per_week = 3" in mine.text
    assert "you may take it back" in mine.text and 'value="approve"' not in ming.get("/policy/2").get_data(as_text=True)
    own = decide(ming, 2, "approve")
    assert own.status_code == 422 and "You asked for version 2 yourself; another manager has to approve it." in own.get_data(as_text=True)
    assert "Version 2 waits for a decision." in get(mei, "/policy").text
    seen = field_of(mei.get("/policy/2").get_data(as_text=True), "content_hash")
    assert decide(mei, 2, "approve", content_hash=seen).status_code == 303
    page = get(mei, "/policy/2")
    assert "Version 2 is approved." in page.text and "Decided by Mei Manager" in page.text
    assert in_force(runtime) == 2
    assert "Changes against version 1" in page.text


def test_refusing_keeps_what_was_written_and_needs_a_reason(runtime: Runtime, sign_in: SignIn) -> None:
    ming, mei = sign_in(Role.MANAGER), sign_in("mei")
    hand_in(ming)
    bare = decide(mei, 2, "refuse")
    assert bare.status_code == 422 and "Give a reason." in bare.get_data(as_text=True)
    assert decide(mei, 2, "refuse", "too often").status_code == 303
    page = get(ming, "/policy/2")
    assert "refused" in page.text and "too often" in page.text
    late = decide(ming, 2, "refuse", "a slip")
    assert late.status_code == 409 and "Version 2 has been decided already" in late.get_data(as_text=True)
    assert in_force(runtime) == 1


def test_a_stale_or_strange_decision_changes_nothing(runtime: Runtime, sign_in: SignIn) -> None:
    mei = sign_in("mei")
    hand_in(sign_in(Role.MANAGER))
    stale = decide(mei, 2, "approve", content_hash="0" * 64)
    assert stale.status_code == 409 and "was changed meanwhile" in stale.get_data(as_text=True)
    assert decide(mei, 2, "perhaps").status_code == 422
    assert decide(mei, 3, "approve").status_code == 404
    assert mei.get("/policy/99999999999999999999").status_code == mei.get("/policy/3").status_code == 404
    assert in_force(runtime) == 1


def test_faults_stand_beside_the_text_which_is_kept(runtime: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    broken = draft("per_week = 2", "per_week = 0").replace('from = "09:00"', 'from = "9"')
    for act in ("check", "publish"):
        answer = hand_in(client, text=broken, act=act, effective="2026-04-01")
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert "contact.per_week must be a whole number from 1 to 5, not 0." in page
        assert "contact.from: 9 is no time of day" in read(page).text
        assert "per_week = 0" in page and 'value="2026-04-01"' in page and 'aria-invalid="true"' in page
    past = hand_in(client, effective="2026-03-09")
    assert past.status_code == 422 and "2026-03-09 has gone by" in past.get_data(as_text=True)
    assert hand_in(client, effective="soon").status_code == 422
    same = hand_in(client, text=policy.shipped("CN"))
    assert same.status_code == 422 and "word for word the policy of version 1" in same.get_data(as_text=True)
    assert len(get(client, "/policy").rows(4)) == 1


def test_only_checking_stores_nothing(runtime: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    answer = hand_in(client, act="check")
    assert answer.status_code == 200 and "Nothing is wrong with this draft." in answer.get_data(as_text=True)
    assert "per_week = 3" in answer.get_data(as_text=True)
    assert len(get(client, "/policy").rows(4)) == 1


def test_a_file_goes_before_the_text(runtime: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    upload = (io.BytesIO(draft("per_week = 2", "per_week = 0").encode()), "draft.toml")
    refused = hand_in(client, file=upload)
    assert refused.status_code == 422 and "per_week = 0" in refused.get_data(as_text=True)
    assert "is no text in UTF-8" in hand_in(client, file=(io.BytesIO(b"\xff\xfe\x00"), "draft.toml")).get_data(as_text=True)
    assert hand_in(client, file=(io.BytesIO(draft("per_week = 2", "per_week = 4").encode()), "draft.toml")).status_code == 303
    assert "+ per_week = 4" in get(client, "/policy/2").text


def test_the_form_starts_from_the_policy_in_force(runtime: Runtime, sign_in: SignIn) -> None:
    page = sign_in(Role.MANAGER).get("/policy/new").get_data(as_text=True)
    assert "per_week = 2" in page and "销售" not in page.split("<textarea")[0]


def test_a_text_cannot_break_out_of_the_page(runtime: Runtime, sign_in: SignIn) -> None:
    """What stands in a draft is shown as text, in the form and in the differences."""
    client = sign_in(Role.MANAGER)
    text = "# </textarea></pre><script>alert(1)</script>\n" + draft().replace('name = "催收策略（中国）"', 'name = "<b>bold</b>"')
    assert hand_in(client, text=text).status_code == 303
    page = client.get("/policy/2").get_data(as_text=True)
    assert "<script>alert" not in page and "<b>bold" not in page and "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<script>alert" not in hand_in(client, text=text + "x = 1").get_data(as_text=True)
