"""Who is asked, by which step and why: accounts worked out by hand around Saturday 30 June 2012, in a week with a holiday."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from collect import calendars
from collect.domain.account import Account, Judged, LivePromise, Made, OpenItem, askable
from collect.domain.dunning import Decision, decide, own_step, repeat_on
from collect.domain.policy import Channel, ContactRules, EscalationRules, Policy, PromiseRules, Rung, Segment, Step

STEPS = (
    Step("pre_due", -3, Channel.EMAIL, "pre_due"),
    Step("due", 0, Channel.EMAIL, "due"),
    Step("overdue", 7, Channel.EMAIL, "overdue"),
    Step("call", 14, Channel.CALL, "call"),
    Step("visit", 30, Channel.VISIT, "visit"),
)
OTHER = Segment("other", (), STEPS, {Rung.STOP_CREDIT: 45})
POLICY = Policy("test", "US", date(2026, 1, 1), ContactRules(), PromiseRules(), EscalationRules(), {"other": OTHER})
US = calendars.load("US")
SATURDAY = date(2012, 6, 30)


def item(number: int, due: date, open_minor: int = 10_000, currency: str = "USD", **more: Any) -> OpenItem:
    return OpenItem(number, f"INV-{number}", currency, due - timedelta(days=30), due, open_minor, open_minor, **more)


def account(*items: OpenItem, **more: Any) -> Account:
    master: dict[str, Any] = {"segment": None, "terms": None, "currency": "USD", "country": "US", "timezone": "America/New_York", "language": "en"}
    people: dict[str, Any] = {"email": "ap@buyer.example", "rep_id": None, "collector_id": None}
    return Account(1, "C1", "Buyer", **(master | people | more), items=tuple(sorted(items, key=lambda one: one.due)))


def decided(*items: OpenItem, as_of: date = SATURDAY, **more: Any) -> Decision:
    return decide(account(*items, **more), POLICY, OTHER, US, as_of)


@pytest.mark.parametrize(
    ("due", "step", "channel"),
    [
        (date(2012, 5, 31), "visit", "visit"),  # 30 days past due: reached, inclusive
        (date(2012, 6, 1), "call", "call"),  # 29
        (date(2012, 6, 16), "call", "call"),  # 14
        (date(2012, 6, 17), "overdue", "email"),  # 13
        (date(2012, 6, 23), "overdue", "email"),  # 7
        (date(2012, 6, 24), "due", "email"),  # 6
        (date(2012, 6, 30), "due", "email"),  # due today: not overdue, and its step is reached
        (date(2011, 5, 26), "visit", "visit"),  # 401 days: no friendly first note
    ],
)
def test_the_age_of_the_oldest_item_chooses_the_step(due: date, step: str, channel: str) -> None:
    found = decided(item(1, due), item(2, SATURDAY))
    assert (found.decision, found.step, found.channel, found.reason) == ("planned", step, channel, "step_reached")
    assert found.anchor is not None and found.anchor.id == 1
    assert [one.id for one, _ in found.asked] == [1, 2], "one contact covers all that is owed"


def test_the_step_before_the_due_date_moves_back_to_the_last_morning() -> None:
    """Due Mon 9 July: three days before is Fri 6 July; the last allowed morning by then is Thu 5 July (4 July is a holiday).

    On Wed 4 July it is not reached; on Thu 5 July it is, and must go by 9 July.
    """
    due = item(1, date(2012, 7, 9))
    before = decided(due, as_of=date(2012, 7, 4))
    assert (before.decision, before.reason, before.next_on) == ("nothing", "not_due", date(2012, 7, 5))
    found = decided(due, as_of=date(2012, 7, 5))
    assert (found.decision, found.step, found.earliest, found.latest) == ("planned", "pre_due", date(2012, 7, 5), date(2012, 7, 9))


def test_what_is_covered_is_not_asked() -> None:
    """100 open, 60 accepted as disputed, 40 unapplied: nothing askable; with 39.99 unapplied one cent is."""
    disputed = item(1, date(2012, 6, 1), disputed=6_000)
    assert decided(disputed, pool={"USD": 4_000}).reason == "disputed"
    found = decided(disputed, pool={"USD": 3_999})
    assert found.asked == ((disputed, 1),)
    assert decided(item(1, date(2012, 6, 1)), pool={"EUR": 99_999}).decision == "planned", "another currency covers nothing"
    paid = decided(item(1, date(2012, 6, 1)), pool={"USD": 10_000})
    assert (paid.decision, paid.reason) == ("held", "unapplied")


def test_a_pool_is_taken_from_the_oldest_and_re_anchors_the_clock() -> None:
    """100 due 1 May and 100 due 20 June, 100 unapplied: the younger one is the oldest askable, 10 days past due."""
    found = decided(item(1, date(2012, 5, 1)), item(2, date(2012, 6, 20)), pool={"USD": 10_000})
    assert found.step == "overdue" and found.anchor is not None and found.anchor.id == 2


def test_a_live_promise_pauses_for_its_amount_only() -> None:
    promise = LivePromise(5, "USD", 10_000, date(2012, 6, 20), date(2012, 7, 6), date(2012, 7, 9))
    held = decided(item(1, date(2012, 6, 1)), promises=(promise,))
    assert (held.decision, held.reason, held.next_on) == ("held", "promised", date(2012, 7, 10))
    rest = decided(item(1, date(2012, 6, 1), 12_500), promises=(promise,))
    assert [amount for _, amount in rest.asked] == [2_500]


@pytest.mark.parametrize("mark", ["do_not_contact", "insolvent"])
def test_marks_that_nothing_overrides(mark: str) -> None:
    broken = Judged(3, "USD", "broken", 10_000, 10_000, date(2012, 6, 29))
    found = decided(item(1, date(2012, 1, 1)), judged=(broken,), **{mark: True})
    assert (found.decision, found.reason) == ("held", mark)


def test_a_step_once_made_is_not_made_again_and_the_gap_counts_from_its_completion() -> None:
    """Due 10 June, reminder (+7) sent only on 28 June (18 days past due): the call (+14) is 7 days later, 5 July, not at once."""
    sent = item(1, date(2012, 6, 10), step="overdue", step_on=date(2012, 6, 28))
    found = decided(sent, made=(Made(date(2012, 6, 28), "email", False),))
    assert (found.decision, found.reason, found.next_on) == ("nothing", "step_done", date(2012, 7, 5))
    later = decided(sent, as_of=date(2012, 7, 5), made=(Made(date(2012, 6, 28), "email", False),))
    assert (later.decision, later.step) == ("planned", "call")


def test_a_missed_week_is_caught_up_by_the_one_highest_step() -> None:
    """Due 1 June; the note of the due date went out that day; nothing for 40 days: one visit, not a reminder and a call and a visit."""
    found = decided(item(1, date(2012, 6, 1), step="due", step_on=date(2012, 6, 1)), as_of=date(2012, 7, 11))
    assert (found.decision, found.step) == ("planned", "visit")


def test_the_least_distance_is_counted_in_business_days_and_exactly_it_is_enough() -> None:
    """A message on Thu 28 June; three business days: Fri 29, Mon 2, Tue 3 July. From Tue 3 July on."""
    found = decided(item(1, date(2012, 6, 1)), made=(Made(date(2012, 6, 28), "email", False),))
    assert (found.step, found.earliest) == ("call", date(2012, 7, 3))


def test_after_the_last_step_contacts_come_closer_while_nothing_comes_of_them() -> None:
    """14 days after the first fruitless visit, 7 after the second in a row, 3 after the third; a promise in between starts again."""
    old = item(1, date(2012, 1, 10), step="visit", step_on=date(2012, 6, 12))
    one = (Made(date(2012, 6, 12), "visit", False),)
    two = (Made(date(2012, 5, 29), "visit", False), *one)
    three = (Made(date(2012, 5, 15), "visit", False), *two)
    broken = (Made(date(2012, 5, 15), "visit", False), Made(date(2012, 5, 29), "visit", True), *one)
    assert [repeat_on(account(old, made=made), POLICY, old) for made in (one, two, three, broken)] == [
        date(2012, 6, 26),
        date(2012, 6, 19),
        date(2012, 6, 15),
        date(2012, 6, 26),
    ]
    early = decided(old, as_of=date(2012, 6, 25), made=one)
    assert (early.decision, early.reason, early.next_on) == ("nothing", "asked_lately", date(2012, 6, 26))
    assert (decided(old, as_of=date(2012, 6, 26), made=one).reason, decided(old, as_of=date(2012, 6, 26), made=one).step) == ("repeat", "visit")


def test_a_broken_promise_is_followed_up_on_the_next_morning_whatever_the_distance() -> None:
    broken = Judged(3, "USD", "broken", 10_000, 10_000, date(2012, 6, 29))
    made = (Made(date(2012, 6, 28), "email", False),)
    found = decided(item(1, date(2012, 6, 1)), judged=(broken,), made=made)
    assert (found.step, found.channel, found.reason, found.earliest, found.exempt) == ("broken_promise", "call", "promise_broken", SATURDAY, True)
    followed = decided(item(1, date(2012, 6, 1)), judged=(broken,), made=(Made(date(2012, 6, 29), "call", False),))
    assert followed.step == "call" and not followed.exempt, "a contact since then has followed it up"
    stale = Judged(3, "USD", "broken", 10_000, 10_000, date(2012, 6, 15))
    assert decided(item(1, date(2012, 6, 1)), judged=(stale,)).step == "call", "after 14 days the ordinary steps go on"


def test_the_rest_of_a_kept_promise_is_asked_in_plain_words() -> None:
    kept = Judged(3, "USD", "kept", 10_000, 400, date(2012, 6, 29))
    found = decided(item(1, date(2012, 6, 1), 400), judged=(kept,))
    assert (found.step, found.text, found.reason) == ("rest", "overdue", "promise_kept")


def test_without_an_address_a_call_takes_the_messages_place() -> None:
    found = decided(item(1, date(2012, 6, 20)), email=None)
    assert (found.step, found.channel, found.reason) == ("overdue", Channel.CALL, "no_email")


def test_no_item_no_reminder() -> None:
    assert decide(account(), POLICY, OTHER, US, SATURDAY).reason == "nothing_open"


def test_the_clock_belongs_to_the_item() -> None:
    """A contact on 3 July for an item 40 days past due is, for another one 8 days past due, its reminder."""
    assert own_step(item(1, date(2012, 5, 24)), OTHER, date(2012, 7, 3)) == "visit"
    assert own_step(item(2, date(2012, 6, 25)), OTHER, date(2012, 7, 3)) == "overdue"
    assert own_step(item(3, date(2012, 7, 20)), OTHER, date(2012, 7, 3)) is None


def test_askable_takes_each_currency_from_its_own_pool() -> None:
    mixed = account(item(1, date(2012, 6, 1), 5_000, "EUR"), item(2, date(2012, 6, 2), 7_000), pool={"EUR": 2_000, "USD": 7_000})
    assert [(one.id, amount) for one, amount in askable(mixed)] == [(1, 3_000)]
