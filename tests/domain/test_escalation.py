"""Escalation decided by hand: ages, accelerators, promises, formal steps, releases, and the supply answer (S24-S26, P22, P23, P27)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import escalation
from collect.domain.account import Account, HoldInForce, Judged, LivePromise, Notice, OpenItem
from collect.domain.calendar import Calendar
from collect.domain.escalation import Asked, Nothing, Standing, Wanted, answer, case, chance, conditions_hold, expected, judge, level
from collect.domain.policy import Channel, ContactRules, EscalationRules, Policy, PromiseRules, Rung, Segment, Step

STEPS = (Step("overdue", 7, Channel.EMAIL, "overdue"),)
DEALER = Segment("dealer", (), STEPS, {Rung.STOP_CREDIT: 15, Rung.STOP_SUPPLY: 30, Rung.FINAL_DEMAND: 45, Rung.REFERRAL: 75})
HOSPITAL = Segment("hospital", (), STEPS, {Rung.STOP_CREDIT: 120, Rung.FINAL_DEMAND: 180, Rung.REFERRAL: 270}, frozenset({Rung.STOP_SUPPLY}))
CASH = Segment("cash", (), STEPS, {Rung.STOP_CREDIT: 1, Rung.STOP_SUPPLY: 1})
POLICY = Policy("test", "", date(2026, 1, 1), ContactRules(), PromiseRules(), EscalationRules(), {"other": DEALER, "dealer": DEALER, "hospital": HOSPITAL, "cash": CASH})
PLAIN = Calendar()
# A Tuesday. Due 15 days before: 23 February (a Monday); 30 days before: 8 February (a Sunday).
TODAY = date(2026, 3, 10)


def due(days: int) -> date:
    return TODAY - timedelta(days=days)


def item(days: int, rest: int = 10_000, currency: str = "CNY", **more: Any) -> OpenItem:
    return OpenItem(days + 1000, f"I{days}", currency, due(days + 30), due(days), rest, rest, **more)


def account(*items: OpenItem, **more: Any) -> Account:
    return Account(1, "C1", "One", "dealer", None, "CNY", "CN", "Asia/Shanghai", "zh", None, None, None, tuple(sorted(items, key=lambda one: one.due)), **more)


def decide(of: Account, segment: Segment = DEALER, barred: str | None = None) -> Wanted | Nothing:
    return judge(of, POLICY, segment, PLAIN, TODAY, barred)


def step(of: Account, segment: Segment = DEALER, barred: str | None = None) -> str:
    """The step wanted, or the reason for none."""
    found = decide(of, segment, barred)
    return found.step.value if isinstance(found, Wanted) else found.reason


@pytest.mark.parametrize(
    ("days", "segment", "wanted"),
    [
        (0, DEALER, "nothing_overdue"),
        (1, DEALER, "not_reached"),
        (14, DEALER, "not_reached"),
        (15, DEALER, "stop_credit"),
        (29, DEALER, "stop_credit"),
        (30, DEALER, "stop_supply"),
        (400, DEALER, "stop_supply"),
        (1, CASH, "stop_supply"),
        (119, HOSPITAL, "not_reached"),
        (120, HOSPITAL, "stop_credit"),
        (1000, HOSPITAL, "stop_credit"),
    ],
)
def test_age_decides_and_the_highest_hold_alone(days: int, segment: Segment, wanted: str) -> None:
    """Inclusive (day 15 is reached on day 15); stop supply includes stop credit; final demand waits for a notice, however old (S24)."""
    assert step(account(item(days)), segment) == wanted


def test_what_is_wanted_says_how_much_and_why() -> None:
    """Items 31 and 3 days late of 100.00 and 50.00, one of 70.00 not due: 150.00 overdue, reached on the 30th day after 7 February."""
    found = decide(account(item(31), item(3, 5_000), item(-5, 7_000)))
    assert isinstance(found, Wanted)
    assert (found.currency, found.overdue, found.oldest_days, found.reached_on) == ("CNY", 15_000, 31, date(2026, 3, 9))
    assert found.reasons == (escalation.Reason("days_past_due", {"days": 31, "step_days": 30}),)


def test_accepted_disputes_paper_and_untied_money_come_off_the_oldest_first() -> None:
    """31 days: 100.00, of which 60.00 disputed and 40.00 in paper: the next, 16 days, decides. Unapplied 50.00 of its 100.00 leave it; 100.00 do not."""
    covered = item(31, disputed=6_000, paper=4_000)
    assert step(account(covered, item(16))) == "stop_credit"
    assert step(account(covered, item(16), pool={"CNY": 5_000})) == "stop_credit"
    assert step(account(covered, item(16), pool={"CNY": 10_000})) == "nothing_overdue"
    assert step(account(covered, item(16), pool={"EUR": 10_000})) == "stop_credit"


def test_each_currency_is_judged_alone_and_the_higher_step_wins() -> None:
    found = decide(account(item(20), item(40, 100, "EUR")))
    assert isinstance(found, Wanted) and (found.step, found.currency, found.overdue) == (Rung.STOP_SUPPLY, "EUR", 100)


def test_a_hold_in_force_is_not_proposed_again_and_includes_the_lower() -> None:
    assert step(account(item(20), holds=(HoldInForce(1, "stop_credit", due(5)),))) == "in_force"
    assert step(account(item(20), holds=(HoldInForce(1, "stop_supply", due(5)),))) == "in_force"
    assert step(account(item(30), holds=(HoldInForce(1, "stop_credit", due(5)),))) == "stop_supply"


STOPPED = (HoldInForce(1, "stop_supply", due(20)),)


@pytest.mark.parametrize(
    ("sent", "deadline", "wanted"),
    [
        (None, due(6), "previous_not_sent"),
        (due(14), due(0), "previous_not_sent"),
        (due(14), due(-3), "previous_not_sent"),
        (due(14), due(1), "final_demand"),
        (due(5), due(6), "previous_not_sent"),
        (due(14), due(14), "final_demand"),
        (due(18), due(19), "final_demand"),
        (due(14), None, "final_demand"),
    ],
)
def test_final_demand_waits_for_the_proof_and_the_deadline_of_the_notice_before(sent: date | None, deadline: date | None, wanted: str) -> None:
    """The day after the deadline that the notice named, and never on a notice that is not proven sent (S18, S24).

    Decided 20 days ago. Sent 5 days ago, a day after the deadline it named, 14 days from its decision: over in 9 days.
    Sent on its deadline, 14 days ago, 6 days from its decision: over 8 days ago. Sent 18 days ago, a day late, 1 day.
    """
    assert step(account(item(50), holds=STOPPED, notices=(Notice("stop_supply", due(20), sent, deadline),))) == wanted


def test_referral_needs_the_final_demand_of_this_debt() -> None:
    """A final demand decided 100 days ago belongs to an older debt than the one of 80 days; steps are not skipped."""
    stop = Notice("stop_supply", due(40), due(39), due(30))
    assert step(account(item(80), holds=STOPPED, notices=(stop,))) == "final_demand"
    old = Notice("final_demand", due(100), due(99), due(90))
    assert step(account(item(80), holds=STOPPED, notices=(old, stop))) == "final_demand"
    made = Notice("final_demand", due(25), due(24), due(5))
    assert step(account(item(80), holds=STOPPED, notices=(stop, made))) == "referral"
    assert step(account(item(80), holds=STOPPED, notices=(stop, made._replace(sent_on=None)))) == "previous_not_sent"
    assert step(account(item(80), holds=STOPPED, notices=(stop, made, Notice("referral", due(2), None, None)))) == "in_force"


def test_a_hospital_goes_from_stopped_credit_to_the_final_demand() -> None:
    notices = (Notice("stop_credit", due(60), due(59), due(50)),)
    assert step(account(item(180), holds=(HoldInForce(1, "stop_credit", due(60)),), notices=notices), HOSPITAL) == "final_demand"


@pytest.mark.parametrize("signal", ["dishonoured", "run_around", "chronic_lateness", "fraud", "insolvency", "limitation", "broken_promises"])
def test_an_accelerator_makes_the_next_step_due_at_once(signal: str) -> None:
    """One step beyond what age has reached, once: a stop of credit at day 1, of supply at day 15; nothing where nothing is overdue."""
    signals = frozenset({signal})
    assert step(account(item(1), signals=signals)) == "stop_credit"
    assert step(account(item(15), signals=signals)) == "stop_supply"
    assert step(account(item(1), signals=signals, holds=(HoldInForce(1, "stop_credit", due(0)),))) == "in_force"
    assert step(account(item(0), signals=signals)) == "nothing_overdue"
    found = decide(account(item(15), signals=signals))
    assert isinstance(found, Wanted) and [reason.code for reason in found.reasons] == [signal]


def test_no_supply_no_payment_proposes_the_stop_at_once() -> None:
    """P23; but never where supply may stop only after a legal review."""
    said = frozenset({"no_supply_no_payment"})
    assert step(account(item(1), signals=said)) == "stop_supply"
    assert step(account(item(1), signals=said), HOSPITAL) == "stop_credit"


def judged(*states: str) -> tuple[Judged, ...]:
    """Promises of 10.00 judged a day apart, the first one first."""
    return tuple(Judged(at, "CNY", state, 1_000, 0, due(len(states) - at)) for at, state in enumerate(states))


@pytest.mark.parametrize(
    ("states", "wanted"),
    [(("broken",), "not_reached"), (("broken", "broken"), "stop_credit"), (("broken", "kept", "broken"), "not_reached"), (("kept", "broken", "broken"), "stop_credit")],
)
def test_two_broken_promises_in_a_row_accelerate(states: tuple[str, ...], wanted: str) -> None:
    assert step(account(item(5), judged=judged(*states))) == wanted


LATER = due(-60)


def promise(amount: int, until: date = LATER, currency: str = "CNY") -> LivePromise:
    return LivePromise(1, currency, amount, due(3), until, until)


def test_a_promise_for_all_of_it_defers_by_ten_business_days_once() -> None:
    """Stop credit of an item due on Monday 23 February is reached on Tuesday 10 March; ten business days later is Tuesday 24 March."""
    of = account(item(15), promises=(promise(10_000),))
    assert decide(of) == Nothing("promised", date(2026, 3, 24))
    for day, wanted in ((date(2026, 3, 23), "promised"), (date(2026, 3, 24), "stop_credit")):
        found = judge(of, POLICY, DEALER, PLAIN, day)
        assert (found.step.value if isinstance(found, Wanted) else found.reason) == wanted
    late = judge(of, POLICY, DEALER, PLAIN, date(2026, 3, 24))
    assert isinstance(late, Wanted) and [reason.code for reason in late.reasons] == ["days_past_due", "promise_defers_no_longer"]


def test_a_promise_that_falls_short_or_is_of_another_currency_defers_nothing() -> None:
    assert step(account(item(15), promises=(promise(9_999),))) == "stop_credit"
    assert step(account(item(15), promises=(promise(10_000, currency="EUR"),))) == "stop_credit"


def test_a_deferral_ends_with_the_promise() -> None:
    """Promised for 12 March with grace until 13 March: from the 14th on it is judged, or late, and defers no more."""
    assert decide(account(item(15), promises=(promise(10_000, date(2026, 3, 13)),))) == Nothing("promised", date(2026, 3, 14))


def test_a_promise_defers_no_accelerated_step() -> None:
    assert step(account(item(15), promises=(promise(10_000),), signals=frozenset({"dishonoured"}))) == "stop_supply"


def test_the_lower_step_stands_while_the_higher_one_is_deferred() -> None:
    """36 days late: stop supply was reached six days ago (4 March) and is deferred until 18 March; stop credit was reached on 17 February, its ten days are over."""
    assert step(account(item(36), promises=(promise(10_000),))) == "stop_credit"


def test_what_a_person_refused_is_not_proposed_again_but_the_next_step_is() -> None:
    assert step(account(item(20)), barred="stop_credit") == "refused_lately"
    assert step(account(item(30)), barred="stop_credit") == "stop_supply"
    assert step(account(item(30)), barred="stop_supply") == "refused_lately"


def test_insolvency_is_a_state_of_its_own() -> None:
    assert step(account(item(100), insolvent=True)) == "insolvent"


def ends(of: Account | None, least: int = 30, rung: str = "stop_supply") -> bool:
    return conditions_hold(rung, least, of, POLICY, DEALER, PLAIN, TODAY)


def test_a_stop_may_end_when_nothing_that_old_is_overdue() -> None:
    assert ends(None)
    assert ends(account(item(29)))
    assert not ends(account(item(30)))
    assert ends(account(item(9)), 10) and not ends(account(item(10)), 10)


def test_paper_promises_and_insolvency_release_nothing() -> None:
    """S25: uncleared paper covers nothing here; unapplied cash does."""
    assert not ends(account(item(30, paper=10_000)))
    assert not ends(account(item(30), promises=(promise(10_000),)))
    assert ends(account(item(30), pool={"CNY": 10_000}))
    assert not ends(account(item(1), insolvent=True))


def test_no_release_that_would_be_stopped_again_the_same_day() -> None:
    """20 days late with a dishonoured cheque: stop supply would be proposed at once."""
    assert not ends(account(item(20), signals=frozenset({"dishonoured"})))
    assert ends(account(item(5), signals=frozenset({"dishonoured"})))


@given(st.lists(st.tuples(st.integers(-40, 200), st.integers(1, 10**9)), max_size=6), st.integers(0, 10**9), st.booleans())
def test_no_release_while_the_stop_would_be_wanted(rows: list[tuple[int, int]], pool: int, sick: bool) -> None:
    """Whatever the book: when the conditions of a hold hold, judging without the hold wants none as high (no see-saw)."""
    items = [OpenItem(at, str(at), "CNY", due(days + 1), due(days), rest, rest) for at, (days, rest) in enumerate(rows)]
    of = account(*items, pool={"CNY": pool} if pool else {}, signals=frozenset({"dishonoured"}) if sick else frozenset())
    if ends(of):
        assert step(of) not in ("stop_supply", "final_demand", "referral")


def test_the_chance_of_recovery_comes_from_age_alone() -> None:
    """80 % up to two years, 20 % beyond (P22): 100.00 and 0.01 of 730 days, 100.00 of 731 days = 80.00 + 0.008 + 20.00."""
    assert [chance(days) for days in (1, 730, 731, 5000)] == [80, 80, 20, 20]
    assert expected([(10_000, 730), (1, 730), (10_000, 731)]) == 10_000


def test_undecided_moves_up_a_level_every_two_business_days_and_no_further_than_three() -> None:
    """From Thursday 5 March: Friday 6th one day, Monday 9th two, Wednesday 11th four, and a month."""
    start = date(2026, 3, 5)
    assert [level(start, 1, PLAIN, 2, start + timedelta(days=days)) for days in (0, 1, 4, 6, 30)] == [1, 1, 2, 3, 3]
    assert level(start, 3, PLAIN, 2, start) == 3


ASKED = Asked("C1", "stop_credit", None, "CNY", ("days_past_due",), None, None)


def test_the_fingerprint_changes_with_the_case_and_not_with_time() -> None:
    before = case(ASKED, account(item(15), item(-5)), TODAY)
    assert before.hash == case(ASKED, account(item(15), item(-5)), TODAY + timedelta(days=3)).hash
    assert before.overdue == 10_000 and before.oldest_days == 15
    others = [
        case(ASKED, account(item(15), item(-5)), TODAY + timedelta(days=6)),
        case(ASKED, account(item(15, 9_999)), TODAY),
        case(ASKED, account(item(16)), TODAY),
        case(ASKED, None, TODAY),
        case(ASKED._replace(step="stop_supply"), account(item(15)), TODAY),
        case(ASKED._replace(note="x"), account(item(15)), TODAY),
        case(ASKED._replace(requested_by=7), account(item(15)), TODAY),
        case(ASKED._replace(customer_no="C2"), account(item(15)), TODAY),
    ]
    assert len({one.hash for one in others} | {before.hash}) == 9


@pytest.mark.parametrize(
    ("standing", "amount", "told"),
    [
        (Standing(), 1, ("yes", ())),
        (Standing(holds=frozenset({"stop_supply"})), 0, ("no", ("stop_supply",))),
        (Standing(holds=frozenset({"stop_credit", "stop_supply"})), 0, ("no", ("stop_supply", "stop_credit"))),
        (Standing(pending="stop_credit"), 0, ("refer", ("stop_credit_proposed",))),
        (Standing(pending="final_demand"), 0, ("yes", ())),
        (Standing(pending="release"), 0, ("yes", ())),
        (Standing(pending="release", holds=frozenset({"stop_credit"})), 0, ("no", ("stop_credit",))),
        (Standing(limit=1_000, owed=400, reserved=500), 100, ("yes", ())),
        (Standing(limit=1_000, owed=400, reserved=500), 101, ("no", ("credit_limit",))),
        (Standing(limit=0), 0, ("yes", ())),
        (Standing(limit=1_000, owed=900, pending="stop_supply"), 101, ("no", ("credit_limit", "stop_supply_proposed"))),
        (Standing(terms="COD", earlier_open=True), 1, ("yes", ())),
        (Standing(terms="COD", earlier_open=True, any_overdue=True), 1, ("no", ("cash_terms_overdue",))),
        (Standing(terms="previous", earlier_open=True), 1, ("no", ("previous_delivery_open",))),
        (Standing(terms="NET30", earlier_open=True, any_overdue=True), 1, ("yes", ())),
        (Standing(insolvent=True), 1, ("refer", ("insolvent",))),
    ],
)
def test_may_the_customer_be_supplied(standing: Standing, amount: int, told: tuple[str, tuple[str, ...]]) -> None:
    assert answer(standing, amount) == told
