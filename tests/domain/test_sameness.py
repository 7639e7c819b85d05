"""Two lines of one account told in two forms: the same, perhaps, or another; and which credit a debit takes back (S16)."""

from __future__ import annotations

from datetime import date

import pytest

from collect.domain.sameness import OTHER, PERHAPS, SAME, Told, compare, compare_numbers, taken_back, tokens, trace_of

DAY, NEXT = date(2026, 3, 9), date(2026, 3, 10)


def told(trace: str = "", day: date = DAY, amount: int = 25_000, payer: str = "ACME GmbH", account: str = "", text: str = "", value_day: date | None = None) -> Told:
    return Told(day, value_day, amount, "EUR", trace, payer, account, text)


def test_what_numbers_a_payment() -> None:
    assert tokens("NOTPROVIDED E2E-4711 77 Rechnung") == ["E2E4711"]
    assert trace_of("E2E-4711", "BANKREF0001 ", "e2e 4711") == "E:E2E4711 B:BANKREF0001"
    assert len(trace_of("", " ".join(f"REF{number:06}" for number in range(99)))) <= 300


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (told("E:E2E4711"), told("E:E2E4711 B:REF0001", payer="ACME"), SAME),
        (told("E:E2E4711 B:REF0001"), told("E:E2E4712 B:REF0001"), OTHER),  # the payer's own number settles it
        (told("B:REF0001"), told("B:REF0001 B:TX00002"), SAME),
        (told("B:REF0001"), told("E:REF0001"), SAME),  # one bank's reference is another's end-to-end
        (told(text="Invoice INV-1"), told(text="INVOICE  INV 1"), SAME),
        (told(text="Invoice INV-1"), told(text="INV-1"), PERHAPS),
        (told(payer=""), told(), PERHAPS),
        (told("B:REF0001"), told("B:TX00002"), PERHAPS),
        (told("E:E2E4711", day=NEXT), told("E:E2E4711"), OTHER),
        (told("E:E2E4711", day=NEXT, value_day=DAY), told("E:E2E4711", value_day=DAY), SAME),
        (told("E:E2E4711"), told("E:E2E4711", amount=25_001), OTHER),
        (told(payer="ACME GmbH", account="DE75512108001245126199"), told(payer="Beta AG", account="9876543210"), OTHER),
        (told(payer="ACME", account="DE75512108001245126199"), told(payer="ACME GMBH", account="9876543210"), PERHAPS),
        (told(payer="ACME", account="DE75512108001245126199"), told(payer="Beta AG", account="1245126199"), PERHAPS),
    ],
)
def test_when_two_lines_are_one(one: Told, other: Told, verdict: str) -> None:
    assert compare(one, other) == compare(other, one) == verdict


def test_a_debit_takes_back_by_number_by_flag_or_by_word() -> None:
    """250.00 came in on the 1st from Beta, on the 2nd from ACME; 250.00 goes out on the 9th."""
    came = [told("E:AAA0001", date(2026, 3, 1), payer="Beta AG"), told("E:BBB0002", date(2026, 3, 2))]
    assert taken_back(told("E:AAA0001", amount=-25_000), False, came) == 0
    assert taken_back(told(amount=-25_000), True, came) == 1  # flagged: the same payer
    assert taken_back(told(amount=-25_000, payer=""), True, came) == 1  # flagged, nobody named: the latest
    assert taken_back(told(amount=-25_000, text="退汇"), False, came) == 1
    assert taken_back(told(amount=-25_000), False, came) is None  # a payment to ACME of as much is only that
    assert taken_back(told(amount=-25_001), True, came) is None
    assert taken_back(told(amount=-25_000, day=date(2026, 2, 28)), True, came) is None
    assert taken_back(told(amount=-25_000, day=date(2027, 6, 1)), True, came) is None


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        # The home number within DE89 3704 0044 0532 0130 00 is bank 37040044, account 0532013000.
        ("DE89370400440532013000", "37040044/532013000", SAME),
        ("DE89370400440532013000", "37040044/0532013000EUR", SAME),  # as German banks write :25: with the currency behind
        ("37040044/0532013000", "DE89370400440532013000", SAME),
        ("DE89370400440532013000", "37040045/0532013000", OTHER),  # another bank's account of that number
        ("DE89370400440532013000", "37040044/2013000", OTHER),  # ends it, but is not all of the account
        ("GB29NWBK60161331926819", "601613/31926819", SAME),  # sort code 60-16-13; the bank's letters come first
        ("DE89370400440532013000", "0532013000", PERHAPS),  # no bank is told
        ("DE89370400440532013000", "COBADEFF/532013000", PERHAPS),  # a name of a bank is no code within the number
        ("DE89370400440532013000", "13000", OTHER),  # too short to mean anything
        ("DE88370400440532013000", "37040044/532013000", OTHER),  # wrong check digits: no IBAN
        ("37040044/532013000", "532013000", OTHER),  # two numbers at home are compared as they are written
    ],
)
def test_one_account_written_in_two_ways(one: str, other: str, verdict: str) -> None:
    assert compare_numbers(one, other) == verdict
