"""One search: numbers, names, pinyin, initials, phones, tax numbers, amounts; one exact hit opens; only what the visitor sees."""

from __future__ import annotations

import pytest

from collect.domain.rights import Role
from collect.runtime import Runtime
from tests.web.conftest import SignIn
from tests.web.test_aging import get


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("C001", "/customers/C001"),
        ("A1", "/invoices/A1"),
        ("B/1", "/invoices/B%252F1"),
        ("R-1", "/receipts/R-1"),
        ("CN-1", "/credits/CN-1"),
        ("91110101MA01", "/customers/C001"),
        ("同仁大药房", "/customers/C001"),
        ("010 6512-3456", "/customers/C001"),
        ("X1", "/invoices/X1"),
        ("Ａ１", "/invoices/A1"),
    ],
)
def test_one_exact_hit_opens_at_once(filled: Runtime, sign_in: SignIn, text: str, target: str) -> None:
    answer = sign_in(Role.FINANCE).get("/search", query_string={"q": text})
    assert (answer.status_code, answer.headers["Location"]) == (303, target)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("同仁", ["C001"]),
        ("tongren", ["C001"]),
        ("trdyf", ["C001"]),
        ("dayaofang", ["C001"]),
        ("north", ["C/2"]),
        ("c0", ["C003", "C001"]),
        ("王莉", ["C001"]),
        ("13800138000", ["C001"]),
        ("1040", ["A1"]),
        ("1,040.00", ["A1"]),
        ("¥1,200.00", ["A1"]),
        ("€100", ["B/1"]),
        ("a", ["A1", "A2", "A3", "A4"]),
        ("PO-7", ["A1"]),
        ("BANK-1", ["R-1"]),
        ("280", ["R-1"]),
        ("1000.01", []),
        ("500.01", ["X1 1/2"]),
        ("%", []),
        ("_", []),
        ("0", []),
        ("zzz", []),
    ],
)
def test_what_fits(filled: Runtime, sign_in: SignIn, text: str, found: list[str]) -> None:
    answer = sign_in(Role.FINANCE).get("/search", query_string={"q": text})
    assert answer.status_code == 200
    from tests.web.reading import read

    page = read(answer.get_data(as_text=True))
    firsts = [row[0].text for body in page.bodies for row in body]
    assert [first for first in firsts if first in found or not found] == found if found else not firsts
    assert set(found) <= set(firsts)


def test_nothing_typed_says_what_can_be(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert "What are you looking for?" in get(client, "/search").text
    assert "What are you looking for?" in get(client, "/search?q=%20%20").text
    assert client.get("/search", query_string={"q": "a\x00b" + "x" * 5000}).status_code == 200


def test_a_rep_finds_only_his_own(filled: Runtime, sign_in: SignIn) -> None:
    """Rui has C001 alone: nothing of C/2 is found by any road, and what fits both sides shows one."""
    rui = sign_in(Role.REP)
    for text in ("C/2", "Northwind", "B/1", "R-2", "100.00", "25.00", "€100"):
        answer = rui.get("/search", query_string={"q": text})
        assert answer.status_code == 200
        assert "Nothing fits" in answer.get_data(as_text=True), text
    assert rui.get("/search?q=R-1").headers["Location"] == "/receipts/R-1"
