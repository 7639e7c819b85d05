"""What is proposed for a bank line, rule by rule, with facts built by hand (S13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import matching, payers
from collect.domain.matching import Candidate, Line, Named, Open, Proposal, propose
from collect.domain.precedence import Precedence
from collect.domain.terms import EarlyPayment

DAY = date(2026, 1, 1)
LAW = Precedence(("fee", "interest"), "law")


def item(key: int, amount: int, due: int = 1, currency: str = "CNY", kind: str = "invoice") -> Open:
    return Open(key, f"I{key}", kind, currency, DAY, date(2026, 2, due), amount)


def person(*items: Open, key: int = 7, how: str = "name", score: int = 100, **more: object) -> Candidate:
    return Candidate(key, f"customer {key}", how, score, tuple(items), **more)  # type: ignore[arg-type]


def names(*keys: int, customer: int = 7, in_reference: bool = False, exact: bool = True, strong: bool = True) -> list[Named]:
    return [Named(customer, f"I{key}", (key,), in_reference, exact, strong) for key in keys]


def line(amount: int, payer: str | None = "payer", **more: object) -> Line:
    return Line(amount, "CNY", payer, **more)  # type: ignore[arg-type]


def codes(proposal: Proposal | None) -> list[str]:
    assert proposal is not None
    return [one.code for one in proposal.evidence]


def short(proposal: Proposal | None) -> tuple[str, tuple[tuple[int, int], ...], int, bool]:
    assert proposal is not None
    return proposal.kind, proposal.parts, proposal.rest, proposal.applies


def test_an_invoice_named_in_the_reference_goes_before_everything() -> None:
    """300 fits item 2 exactly, but the payer names item 1 of 500: his word binds; a part of it."""
    found = propose(line(300), [person(item(1, 500), item(2, 300))], names(1, in_reference=True))
    assert short(found) == ("reference", ((1, 300),), 0, True)


def test_named_invoices_of_exactly_the_amount() -> None:
    found = propose(line(800), [person(item(1, 500, 3), item(2, 300, 1))], names(1, 2))
    assert short(found) == ("narrative", ((2, 300), (1, 500)), 0, True)
    assert found and found.score == 98


def test_named_invoices_that_do_not_fit_wait() -> None:
    """700 for 500 + 300: which one is short? 900: what is the rest?"""
    who = [person(item(1, 500, 3), item(2, 300, 1))]
    assert short(propose(line(700), who, names(1, 2))) == ("narrative", ((2, 300), (1, 400)), 0, False)
    assert short(propose(line(900), who, names(1, 2))) == ("narrative", ((2, 300), (1, 500)), 100, False)


def test_without_a_payer_the_named_invoice_is_enough_but_not_with_a_stranger() -> None:
    named = names(1)
    assert short(propose(line(500, None), [person(item(1, 500), how="named", score=0)], named)) == ("narrative", ((1, 500),), 0, True)
    strange = propose(line(500), [person(item(1, 500), how="named", score=40)], named)
    assert short(strange)[3] is False and "needs_letter" in codes(strange)
    alike = propose(line(500), [person(item(1, 500), how="name", score=88)], named)
    assert short(alike)[3] is True and alike is not None and alike.score == 88


@pytest.mark.parametrize(
    ("payer", "name", "code"), [("甲乙丙有限公司上海分公司", "甲乙丙有限公司", "payer_is_branch"), ("甲乙丙有限公司", "甲乙丙有限公司上海分公司", "customer_is_branch")]
)
def test_a_branch_and_its_company_wait_for_a_person_unless_an_invoice_is_named(payer: str, name: str, code: str) -> None:
    """500 is exactly what is open: 96 x 88 = 84 of 100, less 15 for doubt is 69; the number named in the text makes it 88 and applies."""
    who = replace(person(item(1, 500), score=payers.BRANCH), name=name)
    alone = propose(line(500, payer), [who], [])
    assert short(alone) == ("one_item", ((1, 500),), 0, False) and code in codes(alone)
    assert alone is not None and alone.score == 69
    named = propose(line(500, payer), [who], names(1))
    assert short(named) == ("narrative", ((1, 500),), 0, True) and code in codes(named)
    assert named is not None and named.score == 88
    both = propose(line(500, payer), [who, replace(person(item(2, 500), key=8), name=payer)], [])
    assert both is not None and (both.customer_id, both.applies) == (8, True)  # the payer is a customer himself


def test_another_customer_who_pays_needs_a_letter_too() -> None:
    found = propose(line(500), [person(item(1, 500), how="named", score=0), person(item(9, 500), key=8)], names(1))
    assert short(found) == ("narrative", ((1, 500),), 0, False) and codes(found)[-2:] == ["payer_is_customer", "needs_letter"]


def test_a_third_party_with_his_letter_is_known() -> None:
    found = propose(line(500), [person(item(1, 500), how="alias", third_party=True, letter="L-7")], [])
    assert short(found) == ("one_item", ((1, 500),), 0, True) and codes(found) == ["one_item", "third_party"]


def test_a_short_number_counts_only_for_a_known_payer_and_the_exact_amount() -> None:
    weak = names(1, strong=False)
    assert propose(line(500, None), [person(item(1, 500), how="named", score=0)], weak) is None
    assert short(propose(line(500), [person(item(1, 500), item(2, 500))], weak)) == ("narrative", ((1, 500),), 0, True)
    assert short(propose(line(200), [person(item(1, 500), item(2, 200))], weak))[0] == "one_item"


def test_what_is_named_is_settled_and_nothing_else_is_settled_with_it() -> None:
    """The reference says I1, which is settled: 300 fits item 2, but his word binds, so a person looks."""
    settled = [Named(7, "I1", (), True, True, True)]
    found = propose(line(300), [person(item(2, 300))], settled)
    assert short(found) == ("one_item", ((2, 300),), 0, False) and "named_is_settled" in codes(found)


def test_invoices_of_two_customers_wait_to_be_split() -> None:
    found = propose(line(800, None), [person(item(1, 500), how="named", score=0), person(item(2, 300), key=8, how="named", score=0)], [*names(1), *names(2, customer=8)])
    assert short(found) == ("narrative", ((1, 500),), 300, False) and "several_customers" in codes(found)


def test_one_item_of_the_amount() -> None:
    """800 is item 1, and also 500 + 300: the item goes first (S13's order)."""
    found = propose(line(800), [person(item(1, 800), item(2, 500), item(3, 300))], [])
    assert short(found) == ("one_item", ((1, 800),), 0, True)


def test_two_items_of_the_amount_are_none() -> None:
    found = propose(line(500), [person(item(1, 500, 9), item(2, 500, 1), item(3, 100))], [])
    assert short(found) == ("oldest", ((2, 500),), 0, False) and codes(found)[0] == "equal_items"


def test_a_unique_sum() -> None:
    """600 = 100 + 500 alone; 300 + 200 + 100 would be a second way."""
    assert short(propose(line(600), [person(item(1, 100), item(2, 500), item(3, 250))], [])) == ("subset", ((1, 100), (2, 500)), 0, True)
    two = propose(line(600), [person(item(1, 100), item(2, 500), item(3, 300), item(4, 200))], [])
    assert short(two)[0] == "oldest" and not short(two)[3] and "several_sums" in codes(two)


def test_among_more_than_twelve_items_a_sum_may_be_chance() -> None:
    """Powers of three: every sum is unique. With 12 items it applies, with 13 it is a suggestion, with 21 it is not looked for."""
    for count, applies in ((12, True), (13, False)):
        items = [item(n, 3**n) for n in range(1, count + 1)]
        assert short(propose(line(3 + 9), [person(*items)], [])) == ("subset", ((1, 3), (2, 9)), 0, True)  # only two are small enough to take part
        assert short(propose(line(3 + 3**count), [person(*items)], [])) == ("subset", ((1, 3), (count, 3**count)), 0, applies)
    assert short(propose(line(3 + 3**21), [person(*[item(n, 3**n) for n in range(1, 22)])], []))[0] == "oldest"


def test_a_running_account_takes_costs_interest_and_the_oldest_first() -> None:
    """Civil Code of China art. 560-561: 1,000 for the fee of 50, the interest of 30, then principal, the oldest due first."""
    items = [item(1, 900, 1), item(2, 400, 2), item(3, 30, 9, kind="interest"), item(4, 50, 9, kind="fee")]
    found = propose(line(1000), [person(*items, running=True, order=LAW)], [])
    assert short(found) == ("running", ((4, 50), (3, 30), (1, 900), (2, 20)), 0, True) and found is not None and found.legal
    assert short(propose(line(1000), [person(*items, order=LAW)], [])) == ("oldest", ((4, 50), (3, 30), (1, 900), (2, 20)), 0, False)
    assert short(propose(line(2000), [person(*items, running=True, order=LAW)], []))[2] == 620


def test_who_is_meant() -> None:
    """A learned account goes before a name; two of one name are nobody; one written in full goes before one that is spelt alike."""
    first, second = person(item(1, 500)), person(item(2, 500), key=8)
    assert short(propose(line(500), [first, replace(second, how="account")], [])) == ("one_item", ((2, 500),), 0, True)
    two = propose(line(500), [first, second], [])
    assert short(two) == ("one_item", ((1, 500),), 0, False) and "two_customers" in codes(two)
    assert short(propose(line(500), [replace(first, score=96), second], []))[1:] == (((2, 500),), 0, True)
    alike = propose(line(500), [replace(first, score=94)], [])
    assert short(alike) == ("one_item", ((1, 500),), 0, False) and alike is not None and alike.score < 70
    assert propose(line(500), [replace(first, score=60)], []) is None


def test_other_currencies_reversals_and_money_that_went_out_do_not_match() -> None:
    assert short(propose(line(500), [person(item(1, 500, currency="USD"))], [])) == ("nothing_open", (), 500, False)
    assert propose(line(500, reversal=True), [person(item(1, 500))], names(1)) is None
    assert propose(line(-500), [person(item(1, 500))], names(1)) is None
    assert propose(line(0), [person(item(1, 500))], names(1)) is None


def test_an_advance_is_outside_all_matching() -> None:
    found = propose(line(500, advance=True, order_no="SO-7"), [person(item(1, 500))], names(1))
    assert short(found) == ("advance", (), 500, False) and found is not None and found.order_no == "SO-7"
    assert propose(line(500, "nobody", advance=True), [], []) is None


AMOUNTS = st.lists(st.integers(1, 60), max_size=9)


@given(AMOUNTS, st.integers(1, 200))
def test_sums_are_found_as_trying_every_choice_finds_them(amounts: list[int], target: int) -> None:
    every = [places for size in range(1, len(amounts) + 1) for places in combinations(range(len(amounts)), size) if sum(amounts[at] for at in places) == target]
    found = matching.subsets(amounts, target)
    assert len(found) == min(2, len(every)) and set(found) <= set(every)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Line, list[Candidate], list[Named]]:
    """Up to three customers with items, known more or less, and documents named here and there."""
    people, named, key = [], [], 0
    for customer in range(draw(st.integers(0, 3))):
        items = []
        for amount in draw(AMOUNTS):
            key += 1
            items.append(item(key, amount, draw(st.integers(1, 28)), draw(st.sampled_from(["CNY", "CNY", "USD"]))))
        how = draw(st.sampled_from(["account", "alias", "name", "named"]))
        people.append(person(*items, key=customer, how=how, score=draw(st.sampled_from([0, 70, 85, 94, 95, 100])), running=draw(st.booleans())))
        for one in draw(st.lists(st.sampled_from(items), max_size=2)) if items else ():
            named.append(Named(customer, one.document_no, (one.id,), draw(st.booleans()), draw(st.booleans()), draw(st.booleans())))
    told = line(
        draw(st.integers(-5, 150)),
        draw(st.sampled_from([None, "payer"])),
        reversal=draw(st.sampled_from([False, False, True])),
        advance=draw(st.sampled_from([False, False, True])),
    )
    return told, people, named


@given(situations())
def test_a_proposal_is_never_more_than_the_line_or_an_item_and_stays_with_one_customer(situation: tuple[Line, list[Candidate], list[Named]]) -> None:
    told, people, named = situation
    found = propose(told, people, named)
    if found is None:
        return
    owner = next(one for one in people if one.customer_id == found.customer_id)
    left = {one.id: one.open for one in owner.items if one.currency == told.currency}
    assert not told.reversal and sum(part for _, part in found.parts) + found.rest == told.amount > 0
    assert all(0 < part <= left[key] for key, part in found.parts) and len({key for key, _ in found.parts}) == len(found.parts)
    assert 0 <= found.score <= 100
    if found.applies:
        # the customer is known, or his invoice is named and nobody else is the payer
        assert owner.known or (found.kind in ("reference", "narrative") and (told.payer is None or owner.score >= 85))


@given(situations(), st.permutations(range(3)))
def test_the_order_in_which_customers_are_loaded_changes_nothing(situation: tuple[Line, list[Candidate], list[Named]], order: list[int]) -> None:
    told, people, named = situation
    assert propose(told, people, named) == propose(told, [people[at] for at in order if at < len(people)], named)


@given(AMOUNTS, st.integers(1, 100))
def test_an_amount_alone_proposes_nothing(amounts: list[int], amount: int) -> None:
    """Customers whose name says nothing, each with an item of exactly the amount: no proposal (S13)."""
    people = [person(item(n, amount), how="name", score=score, key=n) for n, score in enumerate([0, 30, 69])]
    assert propose(line(amount), people, []) is None


@pytest.mark.parametrize("items", [[], [item(1, 500)]])
def test_money_of_a_known_customer_with_nothing_to_settle_waits(items: list[Open]) -> None:
    assert short(propose(line(700), [person(*items)], [])) == (("oldest", ((1, 500),), 200, False) if items else ("nothing_open", (), 700, False))


def test_a_parent_names_invoices_of_its_members() -> None:
    """Parent 7 names 500 of member 8 and 300 of member 9: 800 is both; of 700 the later due stays short by 100; of 900 the rest is 100."""
    family = [person(key=7, head=7), person(item(1, 500, 3), key=8, how="named", score=0, head=7), person(item(2, 300, 1), key=9, how="named", score=0, head=7)]
    documents = [*names(1, customer=8), *names(2, customer=9)]
    for amount, parts, rest, score in ((800, ((2, 300), (1, 500)), 0, 90), (700, ((2, 300), (1, 400)), 0, 70), (900, ((2, 300), (1, 500)), 100, 70)):
        found = propose(line(amount), family, documents)
        assert short(found) == ("group", parts, rest, False) and found is not None and (found.customer_id, found.score) == (7, score)
    assert "pays_for_group" in codes(propose(line(300), family, names(2, customer=9)))
    stranger = [*family[:2], person(item(2, 300, 1), key=9, how="named", score=0, head=9)]
    assert short(propose(line(800), stranger, documents))[0] != "group"


def early(key: int, amount: int, off: int, until: date = date(2026, 1, 11)) -> Open:
    return item(key, amount)._replace(early=EarlyPayment(until, off))


PAID_IN_TIME, A_DAY_LATE = date(2026, 1, 11), date(2026, 1, 12)


def test_an_open_item_less_its_discount_is_exact_evidence() -> None:
    """1,000 grants 20 through the 11th: 980 on that day is exact, on the next day it is the oldest due first."""
    who = [person(early(1, 1000, 20), item(2, 300))]
    found = propose(line(980, day=PAID_IN_TIME), who, [])
    assert short(found) == ("one_item", ((1, 980),), 0, True) and found and found.score == 96
    assert codes(found)[:2] == ["one_item_reduced", "less_discount"]
    assert found.evidence[1].params == {"asked": 1000, "discount": 20, "until": "2026-01-11"}
    assert short(propose(line(980, day=A_DAY_LATE), who, [])) == ("oldest", ((1, 980),), 0, False)
    assert short(propose(line(1000, day=PAID_IN_TIME), who, [])) == ("one_item", ((1, 1000),), 0, True)


def test_a_discount_and_another_item_of_the_same_amount_wait() -> None:
    """980 is item 1 less its discount, or item 2 as it is: a person looks."""
    found = propose(line(980, day=PAID_IN_TIME), [person(early(1, 1000, 20), item(2, 980))], [])
    assert found and found.kind == "oldest" and not found.applies and "equal_items" in codes(found)


def test_a_sum_of_items_less_their_discounts() -> None:
    """1,000 less 20 and 500 less 10 are 1,470; and 300 beside them, which grants nothing, 1,770."""
    who = [person(early(1, 1000, 20), early(2, 500, 10), item(3, 300))]
    assert short(propose(line(1470, day=PAID_IN_TIME), who, [])) == ("subset", ((1, 980), (2, 490)), 0, True)
    assert short(propose(line(1770, day=PAID_IN_TIME), who, [])) == ("subset", ((1, 980), (2, 490), (3, 300)), 0, True)
    assert not getattr(propose(line(1470, day=A_DAY_LATE), who, []), "applies", True)
    # 780: items 1 less 220, or 2 and 3 less nothing and 20: two choices are none.
    two = [person(early(1, 1000, 320), item(2, 500), early(3, 200, 20), item(4, 100))]
    assert short(propose(line(780, day=PAID_IN_TIME), two, []))[3] is False


def test_named_items_less_their_discounts() -> None:
    """Both named and paid less both discounts; one named and paid less a part of its discount; one named and short by more."""
    who = [person(early(1, 1000, 20), early(2, 500, 10))]
    both = propose(line(1470, day=PAID_IN_TIME), who, names(1, 2, in_reference=True))
    assert short(both) == ("reference", ((1, 980), (2, 490)), 0, True) and both and both.score == 100
    assert codes(both)[1] == "sum_less_discount"
    part = propose(line(985, day=PAID_IN_TIME), who, names(1, in_reference=True))
    assert short(part) == ("reference", ((1, 985),), 0, True) and codes(part)[1] == "sum_less_discount"
    less = propose(line(979, day=PAID_IN_TIME), who, names(1, in_reference=True))
    assert short(less) == ("reference", ((1, 979),), 0, True) and codes(less)[1] == "less_than_named"


def test_a_short_number_counts_where_the_amount_less_the_discount_confirms_it() -> None:
    found = propose(line(980, day=PAID_IN_TIME), [person(early(1, 1000, 20))], names(1, strong=False))
    assert short(found) == ("narrative", ((1, 980),), 0, True)


def test_what_a_line_leaves_of_an_item_with_its_discount() -> None:
    """980 settle 1,000 that grants 20; 500 leave 500, which grants nothing any more."""
    assert (early(1, 1000, 20).less(980, PAID_IN_TIME).open, early(1, 1000, 20).less(980, A_DAY_LATE).open) == (0, 20)
    assert early(1, 1000, 20).less(500, PAID_IN_TIME) == item(1, 500)
