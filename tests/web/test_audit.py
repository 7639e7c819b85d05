"""The audit log: everything that changed, in words, for those who may read it, and of what they may know."""

from __future__ import annotations

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import cash
from tests.web.conftest import SignIn
from tests.web.test_aging import get


def test_changes_are_told_in_words_with_their_reason(filled: Runtime, sign_in: SignIn) -> None:
    page = get(sign_in(Role.AUDITOR), "/audit")
    rows = page.rows()
    assert [row["No."].text for row in rows] == [str(number) for number in range(len(rows), 0, -1)]
    applied = rows[0]
    assert (applied["By"].text, applied["What"].text, applied["About"].text, applied["Number or name"].text, applied["Number or name"].href) == (
        "System",
        "Applied",
        "Credit note",
        "CN-1",
        "/credits/CN-1",
    )
    assert "Amount 10.00" in applied["Changes"].text and "Effective 2026-03-05" in applied["Changes"].text and "Invoice A1" in applied["Changes"].text
    imports = [row for row in rows if row["What"].text == "Imported"]
    assert len(imports) == 5 and "File payments.csv" in " ".join(row["Changes"].text for row in imports)


def test_filters_and_paging(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    assert {row["About"].text for row in get(client, "/audit?kind=user").rows()} == {"User"}
    assert [row["What"].text for row in get(client, "/audit?key=CN-1").rows()] == ["Applied"]
    assert "Nothing here" in get(client, "/audit?actor=rui").text
    seen, path = [], "/audit?limit=3"
    while path:
        page = get(client, path)
        seen += [int(row["No."].text) for row in page.rows()]
        path = next((href for href, text in page.links if text == "Next page"), "")
    assert seen == list(range(len(seen), 0, -1))


def test_the_administrator_reads_of_people_and_settings_only(filled: Runtime, sign_in: SignIn) -> None:
    """He has no say in money and may not read the ledger: what is about it does not exist for him, filter or not (S28)."""
    client = sign_in(Role.ADMIN)
    rows = get(client, "/audit").rows()
    assert {row["About"].text for row in rows} == {"User", "Company"}
    for query in ("kind=credit_note", "key=CN-1", "kind=customers"):
        assert "Nothing here" in get(client, f"/audit?{query}").text
    assert "CN-1" not in client.get("/audit?limit=500").get_data(as_text=True)


def test_an_allocation_taken_back_is_there_with_its_reason(filled: Runtime, sign_in: SignIn) -> None:
    from collect.domain.rights import SYSTEM
    from collect.storage.cash import Allocation

    def undo(work) -> None:  # type: ignore[no-untyped-def]
        row = work.session.query(Allocation).order_by(Allocation.id.desc()).first()
        cash.unapply(work, row.id, "typed twice")

    filled.write(SYSTEM, undo)
    row = get(sign_in(Role.AUDITOR), "/audit").rows()[0]
    assert (row["What"].text, row["Reason"].text) == ("Taken back", "typed twice")


def test_who_may_not_read_it(filled: Runtime, sign_in: SignIn) -> None:
    for who in (Role.REP, Role.LEAD, Role.FINANCE):
        assert sign_in(who).get("/audit").status_code == 403
