"""Excuses: what must be known, when the check falls due, and what a row of them says (P6, P16, P23)."""

from __future__ import annotations

from datetime import date

import pytest

from collect import catalogue
from collect.domain import excuses
from collect.domain.calendar import Calendar
from collect.domain.errors import Refusal
from collect.domain.excuses import Said, check_due, check_facts, signals

TODAY = date(2026, 3, 10)
CATALOGUE = catalogue.load()


def refused(code: str, **facts: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check_facts(excuses.find(CATALOGUE, code), facts, TODAY, "CNY")
    return caught.value


def test_the_cheque_in_the_mail_asks_for_number_and_date() -> None:
    """The model case of P16: neither may be missing, and the date is not ahead."""
    assert (refused("cheque_in_mail").code, refused("cheque_in_mail").field) == ("fact_missing", "facts.cheque_no")
    assert refused("cheque_in_mail", cheque_no=" ", sent_on="2026-03-09").field == "facts.cheque_no"
    assert refused("cheque_in_mail", cheque_no="0042").field == "facts.sent_on"
    assert refused("cheque_in_mail", cheque_no="0042", sent_on="2026-03-11").code == "fact_in_future"
    assert refused("cheque_in_mail", cheque_no="0042", sent_on="yesterday").code == "bad_day"
    kept = check_facts(CATALOGUE["cheque_in_mail"], {"cheque_no": " ００４２ ", "sent_on": "2026-03-10"}, TODAY, "CNY")
    assert kept == {"cheque_no": "0042", "sent_on": "2026-03-10"}


def test_amounts_are_read_by_the_one_grammar() -> None:
    assert check_facts(CATALOGUE["goods_unsold"], {"stock_value": "¥12,000.5"}, TODAY, "CNY") == {"stock_value": "12000.50"}
    assert (refused("goods_unsold", stock_value="a lot").code, refused("goods_unsold", stock_value="a lot").field) == ("bad_amount", "facts.stock_value")


def test_only_what_the_excuse_asks_for() -> None:
    assert refused("year_end", cheque_no="1").code == "unknown_fact"
    assert refused("boss_away", back_on="2026-03-20", deputy="x" * 101).code == "fact_too_long"
    with pytest.raises(Refusal) as caught:
        excuses.find(CATALOGUE, "dog_ate_it")
    assert caught.value.code == "unknown_excuse"


def test_when_the_check_falls_due() -> None:
    """Three business days after Tuesday the 10th is Friday the 13th; the boss who is back on Friday the 13th is asked on Monday the 16th."""
    calendar = Calendar()
    assert check_due(CATALOGUE["cheque_in_mail"], {}, TODAY, calendar) == date(2026, 3, 13)
    assert check_due(CATALOGUE["boss_away"], {"back_on": "2026-03-13"}, TODAY, calendar) == date(2026, 3, 16)
    assert check_due(CATALOGUE["boss_away"], {"back_on": "2026-03-01"}, TODAY, calendar) == date(2026, 3, 11)
    assert check_due(CATALOGUE["year_end"], {}, TODAY, calendar) is None


def test_a_check_waits_no_longer_than_thirty_business_days() -> None:
    """From the 10th, six weeks: Tuesday 21 April."""
    assert check_due(CATALOGUE["boss_away"], {"back_on": "9999-12-31"}, TODAY, Calendar()) == date(2026, 4, 21)


def test_the_sentence_that_stops_supply_is_heard() -> None:
    assert signals([Said("excuse", "no_supply_no_payment")], CATALOGUE) == {"no_supply_no_payment"}
    assert signals([Said("promise"), Said("excuse", "insolvent")], CATALOGUE) == {"insolvency"}


def test_two_hand_overs_in_a_row_are_a_run_around() -> None:
    """A contact at which nobody was met does not end the row, a promise does."""
    over = Said("excuse", "ask_someone_else")
    assert signals([over], CATALOGUE) == frozenset()
    assert signals([over, Said("not_reached"), Said("excuse", "change_of_management")], CATALOGUE) == {"run_around"}
    assert signals([over, Said("promise"), over], CATALOGUE) == frozenset()
    assert signals([Said("promise"), over, over], CATALOGUE) == frozenset()


# The catalogue itself


def test_the_catalogue_is_whole() -> None:
    """Every excuse has a question and an answer in both languages, and the commonest claims can be checked."""
    assert len(CATALOGUE) >= 15
    assert {excuse.cause for excuse in CATALOGUE.values()} == set(excuses.Cause)
    for excuse in CATALOGUE.values():
        for texts in (excuse.name, excuse.question, excuse.answer):
            assert set(texts) == {"en", "zh"} and all(texts.values())
        assert any("一" <= sign <= "鿿" for sign in excuse.name["zh"])
    assert [code for code, excuse in CATALOGUE.items() if excuse.check is None] == ["year_end", "round_it_off", "no_supply_no_payment"]


@pytest.mark.parametrize(
    "text",
    [
        "no toml",
        "[facts]\n[excuses.x]\ncause = 'oversight'\nname = {en = 'a'}\n",
        "[facts]\n[excuses.x]\ncause = 'bad'\n",
        "[excuses]\n",
        "[facts]\nf = {en='a', zh='b', kind='float'}\n[excuses]\n",
        "facts = 3\nexcuses = 4\n",
    ],
)
def test_a_catalogue_that_cannot_be_used_is_refused(text: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "excuses.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        catalogue.read(path)
    assert caught.value.code == "bad_excuse_file"
