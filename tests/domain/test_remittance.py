"""Invoice numbers inside what payers write, and the words that mark an advance (S13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import remittance
from collect.domain.remittance import Number

OURS = [
    number
    for text in ("INV-2026-001", "INV-2026-0010", "2026001", "2026002", "INV000123", "A1", "B/1", "12345678", "1001", "4711-A", "20260310")
    if (number := remittance.number(text))
]


def known(key: str, loose: bool) -> list[Number]:
    return [number for number in OURS if (number.loose if loose else number.key) == key]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("付INV-2026-001货款", ["INV2026001"]),
        ("inv 2026 001", ["INV2026001"]),
        ("INV2026001PAYMENT", ["INV2026001"]),
        ("ＩＮＶ－２０２６－００１", ["INV2026001"]),
        ("INV-2026-0010", ["INV20260010"]),  # the longest, not the one inside
        ("INV-2026-001/INV-2026-0010", ["INV2026001", "INV20260010"]),
        ("发票2026001/2026002", ["2026001", "2026002"]),
        ("2026001，2026002", ["2026001", "2026002"]),
        ("RE2026001", ["2026001"]),
        ("INV123", ["INV000123"]),  # zeros in front forgiven
        ("INV-0000123", ["INV000123"]),
        ("A1款", ["A1"]),
        ("B/1", ["B1"]),
        ("4711-A", ["4711A"]),
        ("6228480020260011234", []),  # inside a longer number
        ("6228 4800 2026 0011", []),
        ("INV-2026-001-7", []),  # one more part
        ("SO-2026001", []),  # another kind of number
        ("CN2026001", []),
        ("2026001A", []),
        ("x12345678", []),
        ("tel 12345678-9", []),
        ("4711", []),
        ("", []),
    ],
)
def test_numbers_in_a_text(text: str, keys: list[str]) -> None:
    assert [found.number.key for found in remittance.find(text, known)] == keys


def test_what_a_number_says_by_itself() -> None:
    """Six digits or letters with three digits do; short ones and what may be a date do not."""
    strong = {number.key for number in OURS if number.strong}
    assert strong == {"INV2026001", "INV20260010", "2026001", "2026002", "INV000123", "12345678", "4711A"}
    assert not remittance.find("INV123", lambda key, loose: [Number("INV123", "INV123", False)] if key == "INV123" else [])[0].strong
    assert remittance.number("无号") is None and remittance.number("7") is None


def test_two_that_differ_in_zeros_alone_are_not_named_by_a_third_spelling() -> None:
    twins = [remittance.number("INV0123"), remittance.number("INV00123")]
    assert remittance.find("INV123", lambda key, loose: [one for one in twins if one and loose and one.loose == key]) == []


def test_advances_and_orders() -> None:
    assert remittance.is_advance("合同预付款") and remittance.is_advance("Prepayment PO 4711") and not remittance.is_advance("付货款")
    assert remittance.order_of("预付 订单号：SO-2026-7 货款") == "SO-2026-7" and remittance.order_of("prepayment po 4711") == "4711"
    assert remittance.order_of("report 5") is None and remittance.order_of("order soon") is None


@given(st.text(max_size=200))
def test_any_text_is_read_in_bounded_work(text: str) -> None:
    assert len(remittance.spans(remittance.runs(text))) <= remittance.MOST_RUNS * remittance.LONGEST
    remittance.find(text, known)


@given(st.text(alphabet="0123456789", max_size=12), st.text(alphabet="0123456789", max_size=12))
def test_a_number_is_never_found_inside_a_longer_string_of_digits(before: str, after: str) -> None:
    found = remittance.find(f"付{before}12345678{after}款", lambda key, loose: [Number("12345678", "12345678", True)] if key == "12345678" and not loose else [])
    assert bool(found) == (not before and not after)
