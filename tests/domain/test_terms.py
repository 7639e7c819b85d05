"""Payment terms: every way of writing them, what is refused, and the items and dates they make of an invoice (S4, S7, S18)."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import terms
from collect.domain.errors import Refusal
from collect.domain.terms import Discount, EarlyPayment, Instalment, Kind, Part, Terms, Trigger
from collect.sentences import say

WRITTEN = {
    "NET30": [
        "NET30",
        "net30",
        "Net 30",
        "30",
        " 30 ",
        "030",
        "N30",
        "n/30",
        "NET 30 DAYS",
        "30 days",
        "30d",
        "ＮＥＴ３０",
        "３０",
        "净30天",
        "账期30天",
        "30天",
        "开票后30天",
        "NET30@ISSUE",
        "30/100",
        "NET30@开票日",
    ],
    "NET0": ["NET0", "0"],
    "NET3650": ["NET3650"],
    "EOM+15": ["EOM+15", "eom+15", "EOM + 15", "EOM15", "15 EOM", "NET15EOM", "EOM＋15", "月结15天", "月结15", "次月15日", "次月15日前"],
    "EOM+0": ["EOM", "EOM+0", "月结"],
    "EOM+30": ["月结30天", "月结 30 日"],
    "COD": ["COD", "cod", "本批结清", "货到付款", "现结", "现款现货", "Cash on delivery", " 本批 结清 "],
    "PREVIOUS": ["PREVIOUS", "previous", "上批结清"],
    "30/50+60/50": ["30/50+60/50", "30 / 50 + 60 / 50", "３０／５０＋６０／５０", "30/50%+60/50%", "30天/50%+60天/50%", "30/50.0+60/50.00", "30/50@ISSUE+60/50@ISSUE"],
    "30/33.33+60/33.33+90/33.34": ["30/33.33+60/33.33+90/33.34"],
    "0/12.5+30/87.5": ["0/12.50+30/87.5"],
    "2/10 NET30": ["2/10 NET30", "2/10net30", "2/10, n/30", "2/10 N30", "2%/10 NET30", "２／１０　ＮＥＴ３０", "2.00/10 NET 30"],
    "1.5/10 NET30": ["1.5/10 NET30"],
    "2/30 NET30": ["2/30 NET30"],
    "2/10 NET30@DELIVERY": ["2/10 NET30@DELIVERY"],
    "NET30@DELIVERY": ["NET30@DELIVERY", "net30 @ delivery", "30@送货", "NET30＠到货", "货到后30天", "到货30天付款", "送货后 30 天内付款"],
    "NET30@ACCEPTANCE": ["NET30@ACCEPTANCE", "NET30@验收", "验收后30天", "验收合格后30天内付款", "30/100@ACCEPTANCE"],
    "NET0@ACCEPTANCE": ["验收后付款"],
    "NET0@RECEIPT": ["NET0@RECEIPT", "票到付款", "票到即付"],
    "NET60@RECEIPT": ["NET60@RECEIPT", "票到60天", "收票后60天", "收到发票之日起60日"],
    "EOM+30@RECEIPT": ["EOM+30@RECEIPT", "票到月结30天", "收票后月结30天"],
    "NET15@CUTOFF": ["NET15@CUTOFF", "月结日后15天", "对账日后15天"],
    "NET0@WARRANTY": ["NET0@WARRANTY", "质保期满付款", "质保期满后付款"],
    "30/90+365/10@ACCEPTANCE": ["30/90+365/10@ACCEPTANCE", "30/90+365/10@验收", "30/90@ACCEPTANCE+365/10@ACCEPTANCE"],
    "30/90@ISSUE+0/10@WARRANTY": ["30/90@ISSUE+0/10@WARRANTY", "30/90@issue + 0/10@质保期满"],
    "0/30@DELIVERY+30/60@ACCEPTANCE+365/10@WARRANTY": ["0/30@DELIVERY+30/60@ACCEPTANCE+365/10@WARRANTY"],
    "30/50@DELIVERY+30/50@ACCEPTANCE": ["30/50@DELIVERY+30/50@ACCEPTANCE"],
}


@pytest.mark.parametrize(("text", "canonical"), [(text, canonical) for canonical, texts in WRITTEN.items() for text in texts])
def test_written(text: str, canonical: str) -> None:
    parsed = terms.parse(text)
    assert str(parsed) == canonical
    assert terms.parse(canonical) == parsed


def test_a_discount_is_no_instalment() -> None:
    assert terms.parse("2/10 NET30") == Terms(Kind.NET, (Part(30),), Discount(200, 10))
    assert terms.parse("2/10+30/90") == Terms(Kind.NET, (Part(2, 1000), Part(30, 9000)))


REFUSED = [
    *[
        (text, "bad_terms")
        for text in (
            "",
            " ",
            "NET",
            "NET-5",
            "-30",
            "NET30.5",
            "NET 3 0",
            "1 0/50+60/50",
            "30/50+",
            "+",
            "30/50++60/50",
            "30/50+x",
            "EOM+15/50",
            "EOM-15",
            "EOM+",
            "2/10 EOM+30",
            "2/10 COD",
            "soon",
            "马上",
            "次月30日",
            "٣٠",
            "NET٣٠",
            "1e3",
            "NET99999",
            "COD@DELIVERY",
            "PREVIOUS@DELIVERY",
            "30/50,60/50",
            "12.345/10 NET30",
            "30/12.345+60/87.655",
        )
    ],
    ("NET30@MOON", "bad_terms_event"),
    ("NET30@", "bad_terms_event"),
    ("NET30@NEXT_DELIVERY", "bad_terms_event"),
    ("30/50@DELIVERY+60/50", "bad_terms_event"),
    ("30/50@MOON+60/50@DELIVERY", "bad_terms_event"),
    ("30/30@DELIVERY+60/30+90/40@ACCEPTANCE", "bad_terms_event"),
    ("2/10", "bad_terms_percent"),
    ("30/50+60/40", "bad_terms_percent"),
    ("30/50+60/60", "bad_terms_percent"),
    ("30/0+60/100", "bad_terms_percent"),
    ("30/33.33+60/33.33+90/33.33", "bad_terms_percent"),
    ("60/50+30/50", "bad_terms_order"),
    ("30/50+30/50", "bad_terms_order"),
    ("NET3651", "bad_terms_days"),
    ("EOM+9999", "bad_terms_days"),
    ("30/50+4000/50", "bad_terms_days"),
    ("2/31 NET30", "bad_terms_discount"),
    ("0/10 NET30", "bad_terms_discount"),
    ("100/10 NET30", "bad_terms_discount"),
    ("2./10 NET30", "bad_terms_discount"),
    ("+".join(f"{30 * number}/{10 if number <= 4 else 7.5}" for number in range(1, 13)), "bad_terms_long"),  # 4 × 10 + 8 × 7.5 = 100
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_refused(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        terms.parse(text, "payment_terms")
    assert (refused.value.code, refused.value.field, refused.value.params["value"]) == (code, "payment_terms", text)
    sentence = say(refused.value)
    assert sentence != str(refused.value) and "{" not in sentence


def test_what_is_allowed_is_said() -> None:
    with pytest.raises(Refusal) as refused:
        terms.parse("soon")
    assert "NET30, EOM+15, COD, PREVIOUS, 30/50+60/50, 2/10 NET30 or NET30@ACCEPTANCE" in say(refused.value)
    with pytest.raises(Refusal) as refused:
        terms.parse("30/50+60/40")
    assert "add up to 90" in say(refused.value)
    with pytest.raises(Refusal) as refused:
        terms.parse("NET30@MOON")
    assert "ISSUE, DELIVERY, ACCEPTANCE, RECEIPT, CUTOFF, WARRANTY" in say(refused.value)


DUE = [
    # plain days
    ("NET30", "2026-01-31", {}, "2026-03-02"),  # 28 days of February and 2
    ("NET30", "2024-01-31", {}, "2024-03-01"),  # 29 days of February and 1
    ("NET0", "2026-03-05", {}, "2026-03-05"),
    ("NET365", "2024-02-29", {}, "2025-02-28"),
    # end of the month of issue, then days
    ("EOM+15", "2026-01-01", {}, "2026-02-15"),
    ("EOM+15", "2026-01-31", {}, "2026-02-15"),
    ("EOM+0", "2024-02-10", {}, "2024-02-29"),
    ("EOM+30", "2026-01-15", {}, "2026-03-02"),  # 31 January and 30 days
    ("EOM+15", "2026-12-05", {}, "2027-01-15"),
    # on the issue date; with the next delivery, at the latest after 30 days (S18)
    ("COD", "2026-03-05", {}, "2026-03-05"),
    ("PREVIOUS", "2026-03-05", {}, "2026-04-04"),
    ("PREVIOUS", "2026-03-05", {"NEXT_DELIVERY": "2026-03-20"}, "2026-03-20"),
    ("PREVIOUS", "2026-03-05", {"NEXT_DELIVERY": "2026-05-01"}, "2026-04-04"),
    ("PREVIOUS", "2026-03-05", {"NEXT_DELIVERY": "2026-03-01"}, "2026-03-05"),
    # from an event
    ("NET30@DELIVERY", "2026-03-05", {"DELIVERY": "2026-03-10"}, "2026-04-09"),
    ("NET30@DELIVERY", "2026-03-05", {"DELIVERY": "2026-03-01"}, "2026-03-31"),  # delivered before it was invoiced
    ("NET3@DELIVERY", "2026-03-05", {"DELIVERY": "2026-03-01"}, "2026-03-05"),  # 4 March would be before the invoice
    ("EOM+30@RECEIPT", "2026-03-05", {"RECEIPT": "2026-04-02"}, "2026-05-30"),  # 30 April and 30 days
    ("NET30@ACCEPTANCE", "2026-03-05", {"ACCEPTANCE": "2026-06-30", "DELIVERY": "2026-03-06"}, "2026-07-30"),
    ("NET0@WARRANTY", "2026-03-05", {"WARRANTY": "2028-03-04"}, "2028-03-04"),
    # the month-end cut-off comes by itself
    ("NET15@CUTOFF", "2026-03-05", {}, "2026-04-15"),
    ("NET15@CUTOFF", "2026-03-05", {"CUTOFF": "2026-03-25"}, "2026-04-09"),
]


@pytest.mark.parametrize(("text", "issued", "events", "due"), DUE)
def test_due_dates(text: str, issued: str, events: dict[str, str], due: str) -> None:
    happened = {Trigger(name): date.fromisoformat(day) for name, day in events.items()}
    (item,) = terms.instalments(terms.parse(text), date.fromisoformat(issued), 1000, happened)
    assert item.due == date.fromisoformat(due)
    assert (item.part, item.parts, item.minor, item.provisional) == (1, 1, 1000, None)


@pytest.mark.parametrize(
    ("text", "provisional"),
    [("NET30@DELIVERY", "2026-04-04"), ("NET0@WARRANTY", "2026-03-05"), ("EOM+30@RECEIPT", "2026-04-30"), ("NET60@ACCEPTANCE", "2026-05-04")],
)
def test_before_the_event_the_date_is_provisional(text: str, provisional: str) -> None:
    """As if it had happened on the issue date, 5 March 2026; another event changes nothing."""
    parsed = terms.parse(text)
    (item,) = terms.instalments(parsed, date(2026, 3, 5), 1000, {Trigger.NEXT_DELIVERY: date(2026, 3, 6)})
    assert item == Instalment(1, 1, 1000, None, date.fromisoformat(provisional), parsed.parts[0].trigger)


def test_instalments_by_hand() -> None:
    """100.01 in halves: 50.005 each, the first takes the odd unit."""
    made = terms.instalments(terms.parse("30/50+60/50"), date(2026, 1, 31), 10001, {})
    assert made == (
        Instalment(1, 2, 5001, date(2026, 3, 2), None, None),
        Instalment(2, 2, 5000, date(2026, 4, 1), None, None),
    )


def test_thirds_by_hand() -> None:
    """1,000 minor units at 33.33, 33.33, 33.34 %: 333.3, 333.3, 333.4, so the last takes the unit that is left."""
    made = terms.instalments(terms.parse("30/33.33+60/33.33+90/33.34"), date(2026, 1, 1), 1000, {})
    assert [item.minor for item in made] == [333, 333, 334]


def test_all_parts_count_from_acceptance() -> None:
    parsed = terms.parse("30/90+365/10@ACCEPTANCE")
    before = terms.instalments(parsed, date(2026, 3, 1), 100_000, {})
    assert [(item.minor, item.due, item.provisional, item.trigger) for item in before] == [
        (90_000, None, date(2026, 3, 31), Trigger.ACCEPTANCE),
        (10_000, None, date(2027, 3, 1), Trigger.ACCEPTANCE),
    ]
    after = terms.instalments(parsed, date(2026, 3, 1), 100_000, {Trigger.ACCEPTANCE: date(2026, 4, 10)})
    assert [(item.due, item.provisional) for item in after] == [(date(2026, 5, 10), None), (date(2027, 4, 10), None)]


def test_each_part_from_its_own_event() -> None:
    """90 % thirty days after issue, the retention at the end of the warranty, which nobody knows yet."""
    made = terms.instalments(terms.parse("30/90@ISSUE+0/10@WARRANTY"), date(2026, 3, 1), 100_000, {})
    assert made == (
        Instalment(1, 2, 90_000, date(2026, 3, 31), None, None),
        Instalment(2, 2, 10_000, None, date(2026, 3, 1), Trigger.WARRANTY),
    )


def test_an_instalment_of_nothing_is_left_out() -> None:
    """One minor unit in halves is one item; two units at 1, 1 and 98 % (0.02, 0.02, 1.96): 1 and then the largest rest, the last."""
    assert terms.instalments(terms.parse("30/50+60/50"), date(2026, 1, 1), 1, {}) == (Instalment(1, 1, 1, date(2026, 1, 31), None, None),)
    made = terms.instalments(terms.parse("30/1+60/1+90/98"), date(2026, 1, 1), 2, {})
    assert [(item.part, item.parts, item.minor, item.due) for item in made] == [(1, 1, 2, date(2026, 4, 1))]


@pytest.mark.parametrize("amount", [0, -1])
def test_an_invoice_is_at_least_one_unit(amount: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        terms.instalments(terms.parse("NET30"), date(2026, 1, 1), amount, {})


@pytest.mark.parametrize("text", ["NET30", "EOM+1", "PREVIOUS", "30/50+60/50", "NET30@DELIVERY"])
def test_a_due_date_past_the_year_9999(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        terms.instalments(terms.parse(text), date(9999, 12, 20), 100, {})
    assert refused.value.code == "date_out_of_range"


def test_early_payment() -> None:
    """2 % of 1,234.56 is 24.6912, to the cent 24.69; ten days from 5 March are 15 March."""
    parsed = terms.parse("2/10 NET30")
    assert terms.early_payment(parsed, date(2026, 3, 5), 123_456, {}) == EarlyPayment(date(2026, 3, 15), 2469)
    assert terms.early_payment(terms.parse("NET30"), date(2026, 3, 5), 123_456, {}) is None


def test_early_payment_from_an_event() -> None:
    parsed = terms.parse("2/10 NET30@DELIVERY")
    assert terms.early_payment(parsed, date(2026, 3, 5), 10_000, {}) is None
    assert terms.early_payment(parsed, date(2026, 3, 5), 10_000, {Trigger.DELIVERY: date(2026, 3, 9)}) == EarlyPayment(date(2026, 3, 19), 200)


TRIGGER = st.sampled_from([None, *(trigger for trigger in Trigger if trigger is not Trigger.NEXT_DELIVERY)])


@st.composite
def agreed(draw: st.DrawFn) -> Terms:
    """Any terms that can be written down."""
    shape = draw(st.sampled_from(["net", "eom", "cod", "previous", "discount", "instalments", "own"]))
    if shape in ("cod", "previous"):
        return Terms(Kind.COD if shape == "cod" else Kind.PREVIOUS, (Part(0),))
    days = draw(st.integers(0, 3650))
    if shape in ("net", "eom"):
        return Terms(Kind.NET if shape == "net" else Kind.EOM, (Part(days, 10_000, draw(TRIGGER)),))
    if shape == "discount":
        return Terms(Kind.NET, (Part(days, 10_000, draw(TRIGGER)),), Discount(draw(st.integers(1, 9999)), draw(st.integers(0, days))))
    several = sorted(draw(st.sets(st.integers(0, 400), min_size=2, max_size=4 if shape == "instalments" else 3)))
    cuts = [0, *sorted(draw(st.sets(st.integers(1, 9999), min_size=len(several) - 1, max_size=len(several) - 1))), 10_000]
    shares = [high - low for low, high in pairwise(cuts)]
    one = draw(TRIGGER)
    return Terms(Kind.NET, tuple(Part(day, share, one if shape == "instalments" else draw(TRIGGER)) for day, share in zip(several, shares, strict=True)))


@given(agreed().filter(lambda made: len(str(made)) <= terms.LONGEST), st.sampled_from([str, str.lower, lambda text: f" {text}\u3000"]))
def test_every_text_is_read_back(made: Terms, written: object) -> None:
    assert terms.parse(written(str(made))) == made  # type: ignore[operator]
    assert len(str(made)) <= 64


@given(
    agreed(),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.integers(1, 2**63 - 1),
    st.dictionaries(st.sampled_from(list(Trigger)), st.dates(date(1990, 1, 1), date(2090, 1, 1)), max_size=6),
)
def test_items_of_any_invoice(made: Terms, issued: date, amount: int, events: dict[Trigger, date]) -> None:
    """They add up, none is empty or due before issue, and a date is provisional exactly while the event is waited for."""
    items = terms.instalments(made, issued, amount, events)
    assert sum(item.minor for item in items) == amount
    assert [(item.part, item.parts) for item in items] == [(number, len(items)) for number in range(1, len(items) + 1)]
    if amount >= 10_000:
        assert len(items) == len(made.parts)
        for item, part in zip(items, made.parts, strict=True):
            assert abs(item.minor - Fraction(amount * part.share, 10_000)) < 1
    for item in items:
        assert item.minor >= 1
        assert (item.due is None) is (item.provisional is not None)
        assert (item.due is None) is (item.trigger not in (None, Trigger.CUTOFF) and item.trigger not in events)
        assert (item.due or item.provisional or issued) >= issued


@given(agreed(), st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(1, 10**15), st.data())
def test_an_event_on_the_issue_date_makes_the_provisional_date_real(made: Terms, issued: date, amount: int, data: st.DataObject) -> None:
    before = terms.instalments(made, issued, amount, {})
    waited = {item.trigger: issued for item in before if item.trigger and item.due is None}
    after = terms.instalments(made, issued, amount, waited)
    assert [item.due for item in after] == [item.due or item.provisional for item in before]
    late = {trigger: issued + timedelta(days=data.draw(st.integers(0, 500))) for trigger in waited}
    assert all(one.due <= two.due for one, two in zip(after, terms.instalments(made, issued, amount, late), strict=True) if one.due and two.due)


@given(st.text(alphabet="0123456789/+@.% NETOMCDnetom天月结票到验收后付款,", max_size=24))
def test_any_text_is_terms_or_refused(text: str) -> None:
    try:
        made = terms.parse(text)
    except Refusal as refused:
        assert refused.code.startswith("bad_terms")
        return
    assert terms.parse(str(made)) == made
    assert sum(part.share for part in made.parts) == 10_000
    assert sum(item.minor for item in terms.instalments(made, date(2026, 1, 1), 99, {})) == 99


@pytest.mark.parametrize(
    ("text", "due", "amount", "credited", "left", "expected"),
    [
        ("2/10 NET30", date(2026, 3, 31), 100_000, 0, 100_000, EarlyPayment(date(2026, 3, 11), 2000)),
        # JPY: 2 % of 12,345 = 246.9, of 1,025 = 20.5: what rounding leaves goes to the larger rest, in a tie to the customer.
        ("2/10 NET30", date(2026, 3, 31), 12_345, 0, 12_345, EarlyPayment(date(2026, 3, 11), 247)),
        ("2/10 NET30", date(2026, 3, 31), 1_025, 0, 1_025, EarlyPayment(date(2026, 3, 11), 21)),
        # 300.00 came back: 2 % of the 700.00 that are left.
        ("2/10 NET30", date(2026, 3, 31), 100_000, 30_000, 70_000, EarlyPayment(date(2026, 3, 11), 1400)),
        # Money or anything else has settled a part: none.
        ("2/10 NET30", date(2026, 3, 31), 100_000, 30_000, 69_999, None),
        ("2/10 NET30", date(2026, 3, 31), 100_000, 0, 0, None),
        ("2/10 NET30", date(2026, 3, 31), 100_000, 100_000, 0, None),
        # One per cent of 0.49 is no cent.
        ("1/10 NET30", date(2026, 3, 31), 49, 0, 49, None),
        # Delivered on 9 April: due on 9 May, ten days end on 19 April; before the delivery no day is known.
        ("2/10 NET30@DELIVERY", date(2026, 5, 9), 100_000, 0, 100_000, EarlyPayment(date(2026, 4, 19), 2000)),
        ("2/10 NET30@DELIVERY", None, 100_000, 0, 100_000, None),
        # Delivered 40 days before the invoice, so due at once: the discount never ends before the invoice is issued.
        ("2/10 NET30@DELIVERY", date(2026, 3, 1), 100_000, 0, 100_000, EarlyPayment(date(2026, 3, 1), 2000)),
        ("NET30", date(2026, 3, 31), 100_000, 0, 100_000, None),
        ("30/50+60/50", date(2026, 3, 31), 100_000, 0, 100_000, None),
        (None, date(2026, 3, 31), 100_000, 0, 100_000, None),
    ],
)
def test_what_an_open_item_still_grants(text: str | None, due: date | None, amount: int, credited: int, left: int, expected: EarlyPayment | None) -> None:
    """Issued on 1 March 2026."""
    assert terms.discount_open(text, date(2026, 3, 1), due, amount, credited, left) == expected


@pytest.mark.parametrize(
    ("text", "due", "expected"),
    [
        ("2% / 10, net 30", date(2026, 4, 30), "2/10 NET30"),
        ("2/10 NET30", date(2026, 3, 11), "2/10 NET30"),
        ("2/10 NET30", date(2026, 3, 10), None),  # due before the ten days end
        ("2/10 NET30@ACCEPTANCE", date(2026, 4, 30), "2/10 NET30"),
        ("NET30", date(2026, 4, 30), None),
        ("30/50+60/50", date(2026, 4, 30), None),
        (None, date(2026, 4, 30), None),
    ],
)
def test_an_own_due_date_keeps_what_the_terms_grant_early(text: str | None, due: date, expected: str | None) -> None:
    """Issued on 1 March 2026: ten days end on the 11th, whenever it is due."""
    kept = terms.with_own_due(text, date(2026, 3, 1), due)
    assert kept == expected
    if kept:
        assert terms.discount_open(kept, date(2026, 3, 1), due, 100_000, 0, 100_000) == EarlyPayment(date(2026, 3, 11), 2000)


@given(whole=st.integers(1, 10**15), percent=st.integers(1, 9999), issued=st.dates(date(2000, 1, 1), date(2100, 1, 1)), days=st.integers(0, 60), net=st.integers(60, 120))
def test_the_discount_of_an_open_item_is_that_of_its_terms(whole: int, percent: int, issued: date, days: int, net: int) -> None:
    """An open item grants until the day, and by the amount, that its invoice did."""
    agreed = Terms(Kind.NET, (Part(net),), Discount(percent, days))
    (only,) = terms.instalments(agreed, issued, whole, {})
    early = terms.early_payment(agreed, issued, whole, {})
    assert terms.discount_open(str(agreed), issued, only.due, whole, 0, whole) == (early if early and early.minor else None)
