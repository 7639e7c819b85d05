"""The supply answer and decisions over the API: scopes, roles, foreign and missing, stale, twice, replayed, and what is no request."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import escalation, users, verify
from tests.api.conftest import Caller, token_for
from tests.api.test_docs import conforms, document  # noqa: F401 - a fixture
from tests.api.test_problems import check
from tests.web.conftest import PASSWORD

SCOPES = ("supply:read", "proposals:read", "proposals:decide")
# As of 2026-03-31: C001 (dealer in nobody's words: the ladder 45, 60, 75, 90) has 1,200.00 31 days late less 250.00 unapplied; C003 is 59 days late.


@pytest.fixture
def proposed(app: Flask, filled: Runtime) -> int:
    """The round of the day; the id of the only proposal: C003, 99.99 USD, 59 days late, no new credit from 45 days on."""
    told = escalation.escalate(filled, SYSTEM, _today(filled))
    assert [(one.customer_no, one.step, one.overdue, one.oldest_days) for one in told] == [("C003", "stop_credit", 9_999, 59)]
    filled.write(SYSTEM, lambda work: users.add(work, "mia", "Mia", Role.MANAGER, PASSWORD))
    with filled.read(SYSTEM) as view:
        return int(view.session.execute(sa.text("SELECT id FROM proposal")).scalar_one())


def _today(runtime: Runtime) -> Any:
    with runtime.read(SYSTEM) as view:
        return view.today


def caller(app: Flask, runtime: Runtime, name: str, *scopes: str) -> Caller:
    return Caller(app, token_for(runtime, name, *(scopes or SCOPES)))


def post(of: Caller, number: int, key: str | None = None, **body: Any) -> Any:
    headers = of.headers | ({"Idempotency-Key": key} if key is not None else {})
    return of.client.post(f"/api/v1/proposals/{number}/decision", json=body, headers=headers)


def seen(of: Caller, number: int) -> str:
    return str(of.get(f"/api/v1/proposals/{number}").json["content_hash"])


def test_the_supply_answer_is_what_the_document_says(app: Flask, filled: Runtime, proposed: int, document: dict[str, Any]) -> None:  # noqa: F811
    sales = caller(app, filled, "fang")
    answer = sales.get("/api/v1/customers/C001/supply", amount="12.50")
    assert (answer.status_code, answer.json) == (200, {"customer_no": "C001", "answer": "yes", "reasons": [], "as_of": "2026-03-31"})
    assert conforms(answer.json, "SupplyAnswer", document)
    assert sales.get("/api/v1/customers/C003/supply").json["reasons"] == ["stop_credit_proposed"]
    manager = caller(app, filled, "ming")
    assert post(manager, proposed, verdict="approve", content_hash=seen(manager, proposed)).status_code == 200
    told = sales.get("/api/v1/customers/C003/supply", amount="1", order="SO-1").json
    assert (told["answer"], told["reasons"]) == ("no", ["stop_credit"])
    with filled.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT asked_by, count(*) FROM supply_answer GROUP BY asked_by")).all() == [("fang", 3)]


def test_what_the_supply_question_cannot_be(app: Flask, filled: Runtime) -> None:
    sales = caller(app, filled, "fang")
    for query, code, field in [
        ({"amount": "0"}, "supply_amount", "amount"),
        ({"amount": "NaN"}, "bad_amount", "amount"),
        ({"amount": "1.001"}, "too_many_decimals", "amount"),
        ({"amount": ""}, "missing_value", "amount"),
        ({"sum": "1"}, "unknown_field", "sum"),
        ({"order": "x" * 65}, "too_long", "order"),
    ]:
        check(sales.get("/api/v1/customers/C001/supply", **query), 422, code, field)
    check(caller(app, filled, "fang", "reports:read").get("/api/v1/customers/C001/supply"), 403, "scope_missing")
    check(caller(app, filled, "ada").get("/api/v1/customers/C001/supply"), 403, "forbidden")


def test_foreign_is_like_missing(app: Flask, filled: Runtime, proposed: int) -> None:
    """rui's own customer is C001; C003 and its proposal do not exist for him, in no form."""
    rep = caller(app, filled, "rui")
    assert rep.get("/api/v1/customers/C001/supply").status_code == 200
    missing = rep.get("/api/v1/customers/C999/supply")
    for number in ("C003", "C002", "C\x001", "x" * 99, "a/b"):
        answer = rep.get(f"/api/v1/customers/{number}/supply")
        assert (answer.status_code, answer.get_data()) == (404, missing.get_data())
    assert rep.get("/api/v1/proposals").json == {"proposals": []}
    assert rep.get(f"/api/v1/proposals/{proposed}").get_data() == rep.get("/api/v1/proposals/1").get_data() == missing.get_data()


@pytest.mark.parametrize("name", ["rui", "wei", "lan", "fang", "ao", "ada"])
def test_only_managers_decide(app: Flask, filled: Runtime, proposed: int, name: str) -> None:
    """403 before anything of the request is looked at, for a proposal that exists and for one that does not."""
    of = caller(app, filled, name)
    for number in (proposed, 1):
        check(post(of, number, verdict="approve", content_hash="x", nonsense=1), 403, "forbidden")


def test_a_manager_decides_once_and_only_what_he_saw(app: Flask, filled: Runtime, proposed: int, document: dict[str, Any]) -> None:  # noqa: F811
    manager, other = caller(app, filled, "ming"), caller(app, filled, "mia")
    listed = manager.get("/api/v1/proposals").json["proposals"]
    assert conforms(listed[0], "Proposal", document) and listed[0]["content_hash"] == seen(manager, proposed)
    check(post(manager, proposed, verdict="approve", content_hash="0" * 64), 409, "proposal_changed")
    check(post(manager, proposed, verdict="refuse", content_hash=seen(manager, proposed)), 422, "missing_reason", "note")
    check(post(manager, proposed, verdict="defer", content_hash=seen(manager, proposed), note="x"), 422, "bad_deferral", "until")
    check(post(manager, proposed, verdict="defer", content_hash=seen(manager, proposed), note="x", until="soon"), 422, "bad_day", "until")
    fresh = seen(manager, proposed)
    answer = post(manager, proposed, verdict="refuse", content_hash=fresh, note="They pay on Friday.")
    assert (answer.status_code, answer.json["state"], answer.json["decided_by"], answer.json["decided_on"]) == (200, "refused", "Ming", "2026-03-31")
    assert conforms(answer.json, "Proposal", document)
    check(post(other, proposed, verdict="approve", content_hash=fresh), 409, "proposal_decided")
    check(post(manager, 1, verdict="approve", content_hash=fresh), 404, "not_found")
    assert verify.verify(filled) == []


def test_nobody_decides_what_he_asked_for(app: Flask, filled: Runtime) -> None:
    """wei asks as a rep for C002, 30 days late, and is a manager by the time the request comes."""
    with filled.read(SYSTEM) as view:
        wei = users.actor_of(view.session, users.require(view.session, "wei"))
    number = filled.write(wei, lambda work: escalation.propose(work, "C002", "stop_credit", "They laugh at us."))
    of = caller(app, filled, "wei")
    filled.write(SYSTEM, lambda work: users.set_role(work, "wei", Role.MANAGER))
    for verdict in ("approve", "refuse", "defer"):
        check(post(of, number, verdict=verdict, content_hash=seen(of, number), note="x", until="2026-04-03"), 403, "own_proposal")


def test_a_replayed_request_has_one_effect_and_the_same_answer(app: Flask, filled: Runtime, proposed: int) -> None:
    manager = caller(app, filled, "ming")
    body = {"verdict": "approve", "content_hash": seen(manager, proposed)}
    check(post(manager, proposed, key="k 1", **body), 422, "bad_key")
    first = post(manager, proposed, key="k-1", **body)
    assert first.status_code == 200
    for _ in range(3):
        again = post(manager, proposed, key="k-1", **body)
        assert (again.status_code, again.get_data()) == (200, first.get_data())
    check(post(manager, proposed, key="k-1", **(body | {"note": "x"})), 422, "key_reused")
    check(post(manager, proposed, key="k-2", **body), 409, "proposal_decided")
    check(post(caller(app, filled, "mia"), proposed, key="k-1", **body), 409, "proposal_decided")
    with filled.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT count(*) FROM hold")).scalar() == 1
        assert view.session.execute(sa.text("SELECT count(*) FROM audit WHERE kind = 'proposal' AND action = 'approve'")).scalar() == 1


def test_the_same_request_at_once_has_one_effect(app: Flask, filled: Runtime, proposed: int) -> None:
    manager = caller(app, filled, "ming")
    body = {"verdict": "approve", "content_hash": seen(manager, proposed)}
    bearer = manager.headers["Authorization"].removeprefix("Bearer ")
    told: list[tuple[int, bytes]] = []
    gate = threading.Barrier(4)

    def act() -> None:
        of = Caller(app, bearer)
        gate.wait()
        answer = post(of, proposed, key="once", **body)
        told.append((answer.status_code, answer.get_data()))

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 4 and len(set(told)) == 1 and told[0][0] == 200


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        (b"", "bad_json", None),
        (b"[]", "bad_json", None),
        (b'"x"', "bad_json", None),
        (b"{", "bad_json", None),
        (b"[" * 5_000, "bad_json", None),
        (b'{"a": NaN}', "bad_json", None),
        (b'{"verdict": "refuse", "verdict": "approve"}', "bad_json", None),
        (b"\xff\xfe", "bad_json", None),
        (b"{}", "missing_value", "verdict"),
        (b'{"verdict": "approve"}', "missing_value", "content_hash"),
        (b'{"verdict": "hang", "content_hash": "x"}', "not_a_choice", "verdict"),
        (b'{"verdict": "approve", "content_hash": 7}', "bad_value", "content_hash"),
        (b'{"verdict": "approve", "content_hash": "x", "decided_by": 1}', "unknown_field", "decided_by"),
    ],
)
def test_what_is_no_request(app: Flask, filled: Runtime, proposed: int, data: bytes, code: str, field: str | None) -> None:
    manager = caller(app, filled, "ming")
    answer = manager.client.post(f"/api/v1/proposals/{proposed}/decision", data=data, headers=manager.headers, content_type="application/json")
    check(answer, 422, code, field)


def test_a_form_from_another_site_is_no_request(app: Flask, filled: Runtime, proposed: int) -> None:
    manager = caller(app, filled, "ming")
    answer = manager.client.post(f"/api/v1/proposals/{proposed}/decision", data={"verdict": "approve"}, headers=manager.headers)
    check(answer, 422, "bad_json")
