"""What messages say: amounts, items, dates and what follows, in the customer's language; own texts before the shipped ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from collect.domain.errors import Refusal
from collect.services import correspondence
from collect.services.correspondence import Facts, PlannedLine, compose

TODAY = date(2026, 3, 10)


def line(number: str, due: date, asked: int, opened: int | None = None, currency: str = "CNY") -> PlannedLine:
    return PlannedLine(number, due - timedelta(days=30), due, currency, asked if opened is None else opened, asked, (TODAY - due).days)


FACTS = Facts(
    "上海一号公司",
    "C1",
    "华北医疗器械有限公司",
    [line("A1", date(2026, 3, 1), 120_000), line("A2", date(2026, 3, 9), 20_000, 30_000), line("A3", TODAY, 5_050, currency="USD"), line("A4", date(2026, 3, 13), 1)],
    TODAY,
    date(2026, 3, 17),
    contact="王经理",
    sender="李雷",
)


def test_a_reminder_in_english() -> None:
    """CNY: 1,200.00 + 200.00 + 0.01 = 1,400.01; USD apart. 1 March is 9 days ago, 9 March one, 13 March is ahead."""
    subject, body = compose("en", "overdue", FACTS)
    assert subject == "CNY 1,400.01 and USD 50.50 overdue, oldest item for 9 days: 华北医疗器械有限公司"
    lines = body.split("\n")
    assert lines[0] == "Dear 王经理,"
    assert "- A1, issued 2026-01-30, due 2026-03-01, 9 days overdue: CNY 1,200.00" in lines
    assert "- A2, issued 2026-02-07, due 2026-03-09, 1 day overdue: CNY 200.00 (of CNY 300.00 open)" in lines
    assert "- A3, issued 2026-02-08, due 2026-03-10: USD 50.50" in lines
    assert "- A4, issued 2026-02-11, due 2026-03-13: CNY 0.01" in lines
    assert "We require the full amount in our account by 2026-03-17. Please confirm today the date on which you pay." in lines
    assert lines[-3:] == ["李雷", "华北医疗器械有限公司", "Your customer number: C1"]
    assert "Telephone" not in body and "{" not in body and "\n\n\n" not in body


def test_a_reminder_in_chinese() -> None:
    subject, body = compose("zh-CN", "overdue", FACTS)
    assert subject == "货款逾期 9 天，应付人民币 1,400.01 元、美元 50.50 元——华北医疗器械有限公司"
    assert body.startswith("王经理：\n\n贵公司应付我公司货款人民币 1,400.01 元、美元 50.50 元已经逾期，其中最早一笔的到期日为 2026-03-01：")
    assert "· A2，开票日 2026-02-07，到期日 2026-03-09，已逾期 1 天：人民币 200.00 元（该笔未付人民币 300.00 元）" in body
    assert "请于 2026-03-17 之前（含当日）将全部款项汇入我公司账户" in body


def test_what_follows_is_named_only_where_policy_does_it() -> None:
    said = "If the full amount has not arrived by 2026-03-17, our management decides whether deliveries to 上海一号公司 stop."
    assert said in compose("en", "overdue", replace(FACTS, next_rung="stop_supply"))[1]
    assert said not in compose("en", "overdue", FACTS)[1]


def test_a_customer_without_a_known_person_is_written_to_at_the_accounts_desk() -> None:
    assert compose("en", "overdue", replace(FACTS, contact="", sender=""))[1].startswith("Dear Accounts Payable,")
    assert compose("zh", "overdue", replace(FACTS, contact=""))[1].startswith("财务负责人：")


def test_a_language_nobody_wrote_texts_for_is_english() -> None:
    assert compose("de", "due", FACTS) == compose("en", "due", FACTS) == compose(None, "due", FACTS)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", [*correspondence.names()])
def test_every_text_can_be_filled_from_little_and_from_much(language: str, name: str) -> None:
    much = replace(FACTS, phone="400-1", promise=(date(2026, 3, 6), 100_000, "CNY"), basis="Contract §7.", conditions="All overdue items are paid。", next_rung="referral")
    for facts in (much, Facts("K", "C9", "S", [], TODAY, None)):
        subject, body = compose(language, name, facts)
        assert subject and body and "{" not in subject + body and "\n" not in subject


def test_a_broken_promise_names_what_was_promised_and_for_when() -> None:
    subject, body = compose("zh", "broken_promise", replace(FACTS, promise=(date(2026, 3, 6), 100_000, "CNY")))
    assert subject == "致电上海一号公司：承诺 2026-03-06 支付的人民币 1,000.00 元未足额到账"
    assert "贵公司承诺 2026-03-06 付人民币 1,000.00 元，到今天没有足额到账。" in body


def test_a_stop_names_its_basis_and_what_releases_it() -> None:
    body = compose("en", "stop_supply", replace(FACTS, basis="Supply contract §7.", conditions="All overdue items are paid."))[1]
    assert "Our basis: Supply contract §7.\n" in body
    assert "Deliveries resume when this condition is met: All overdue items are paid.\n" in body


def test_own_texts_go_before_the_shipped_ones_part_by_part() -> None:
    own = {"en": {"overdue": {"subject": "Our own: {amount}"}, "special": {"subject": "S {customer_no}", "body": "B {items}"}}}
    assert compose("en", "overdue", FACTS, own)[0] == "Our own: CNY 1,400.01 and USD 50.50"
    assert compose("en", "overdue", FACTS, own)[1] == compose("en", "overdue", FACTS)[1]
    assert compose("en", "special", FACTS, own)[0] == "S C1"
    with pytest.raises(Refusal) as refusal:
        compose("zh", "special", FACTS, own)
    assert refusal.value.code == "unknown_text"


def test_what_customers_are_called_is_never_read_as_a_text() -> None:
    told = replace(FACTS, customer="{amount}{0.__class__}", contact="{deadline}")
    assert "{amount}{0.__class__}" in compose("en", "letter", told)[1]
    assert "Dear {deadline}," in compose("en", "letter", told)[1]
