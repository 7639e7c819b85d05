"""Slots worked out on the calendar of June and July 2012 (United States) and of October 2026 (China), by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collect import calendars
from collect.domain.account import Made
from collect.domain.policy import Channel, ContactRules
from collect.domain.slots import Diary, Wish, first_allowed, instant, is_allowed, last_allowed, monday, place, times, weeks_of

RULES = ContactRules()
US, CN = calendars.load("US"), calendars.load("CN")
NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"


def wish(day: date, channel: Channel = Channel.EMAIL, owner: int | None = None, latest: date | None = None, weeks: dict[date, int] | None = None) -> Wish:
    return Wish(owner, channel, day, latest, weeks or {})


def test_mornings_of_the_week_with_independence_day() -> None:
    """Saturday 30 June 2012. Next week: Mon 2, Tue 3, Wed 4 (Independence Day), Thu 5, Fri 6 July; then Tue 10."""
    allowed = [date(2012, 6, 30) + timedelta(days=n) for n in range(14) if is_allowed(date(2012, 6, 30) + timedelta(days=n), RULES, US)]
    assert allowed == [date(2012, 7, 3), date(2012, 7, 5), date(2012, 7, 10), date(2012, 7, 11), date(2012, 7, 12)]
    assert first_allowed(date(2012, 6, 30), RULES, US) == date(2012, 7, 3)
    assert last_allowed(date(2012, 6, 30), RULES, US) == date(2012, 6, 28)
    assert last_allowed(date(2012, 7, 4), RULES, US) == date(2012, 7, 3)


def test_national_day_and_the_make_up_saturday() -> None:
    """China 2026: 1 to 7 October off (Thu 1 to Wed 7), Sat 10 October works as a make-up day and is no Tuesday to Thursday.

    After Wed 30 September the first allowed day is Thu 8 October.
    """
    assert is_allowed(date(2026, 9, 30), RULES, CN)
    assert first_allowed(date(2026, 10, 1), RULES, CN) == date(2026, 10, 8)
    assert CN.is_makeup_day(date(2026, 10, 10)) and not is_allowed(date(2026, 10, 10), RULES, CN)
    every_day = ContactRules(weekdays=frozenset(range(7)))
    assert not is_allowed(date(2026, 10, 10), every_day, CN)
    assert is_allowed(date(2026, 10, 9), every_day, CN)


def test_fifteen_slots_of_ten_minutes_lie_in_the_window() -> None:
    """09:00 to 11:30 is 150 minutes: 15 slots, the last from 11:20; 25-minute slots: 6, the last from 11:05."""
    assert len(times(time(9), time(11, 30), 10)) == 15 and times(time(9), time(11, 30), 10)[-1] == time(11, 20)
    assert times(time(9), time(11, 30), 25)[-1] == time(11, 5)


def test_the_window_is_the_customers_own() -> None:
    """09:00 on 3 July 2012 is 13:00 UTC in New York (summer time, -4) and 01:00 UTC in Shanghai (+8)."""
    for zone, hour in ((NEW_YORK, 13), (SHANGHAI, 1)):
        assert place(wish(date(2012, 7, 3)), RULES, US, zone, Diary()) == (date(2012, 7, 3), datetime(2012, 7, 3, hour, tzinfo=UTC))


def test_winter_and_summer_time() -> None:
    """The clocks went forward on Sunday 11 March 2012: Thu 8 March 09:00 is 14:00 UTC, Tue 13 March 09:00 is 13:00 UTC."""
    assert instant(date(2012, 3, 8), time(9), NEW_YORK).hour == 14
    assert instant(date(2012, 3, 13), time(9), NEW_YORK).hour == 13


def test_two_calls_never_share_a_slot_and_the_sixteenth_goes_to_the_next_morning() -> None:
    diary = Diary()
    given = []
    for _ in range(17):
        found = place(wish(date(2012, 7, 3), Channel.CALL, owner=7), RULES, US, NEW_YORK, diary)
        assert found is not None
        diary.note(7, Channel.CALL, *found)
        given.append(found)
    assert len(set(given)) == 17
    assert [day for day, _ in given].count(date(2012, 7, 3)) == 15
    assert [at.astimezone(UTC).strftime("%d %H:%M") for _, at in given[:2]] == ["03 13:00", "03 13:10"]
    assert [day for day, _ in given[15:]] == [date(2012, 7, 5), date(2012, 7, 5)], "4 July is a holiday"
    other = place(wish(date(2012, 7, 3), Channel.CALL, owner=8), RULES, US, NEW_YORK, diary)
    assert other == (date(2012, 7, 3), datetime(2012, 7, 3, 13, tzinfo=UTC)), "another person has his own morning"


def test_six_visits_a_day() -> None:
    diary = Diary()
    days = []
    for _ in range(8):
        found = place(wish(date(2012, 7, 10), Channel.VISIT, owner=7), RULES, US, NEW_YORK, diary)
        assert found is not None
        diary.note(7, Channel.VISIT, *found)
        days.append(found[0])
    assert days == [date(2012, 7, 10)] * 6 + [date(2012, 7, 11)] * 2


def test_the_weekly_cap_sends_a_contact_to_the_next_week() -> None:
    """Two contacts in the week of Mon 9 July 2012: the third waits for Tue 17 July."""
    made = (Made(date(2012, 7, 10), "call", False), Made(date(2012, 7, 11), "email", False))
    assert weeks_of(made) == {date(2012, 7, 9): 2}
    found = place(wish(date(2012, 7, 12), weeks=weeks_of(made)), RULES, US, NEW_YORK, Diary())
    assert found is not None and found[0] == date(2012, 7, 17)


def test_after_the_latest_day_there_is_no_slot() -> None:
    """From Fri 29 June, latest Mon 2 July 2012: no allowed morning between."""
    assert place(wish(date(2012, 6, 29), latest=date(2012, 7, 2)), RULES, US, NEW_YORK, Diary()) is None
    assert place(wish(date(2012, 6, 29), latest=date(2012, 7, 3)), RULES, US, NEW_YORK, Diary()) is not None


def test_slots_of_today_that_have_gone_by_are_not_given() -> None:
    """At 10:05 in New York the next slot begins 10:10; at 11:25 the morning is over."""
    ten = datetime(2012, 7, 3, 14, 5, tzinfo=UTC)
    assert place(wish(date(2012, 7, 3)), RULES, US, NEW_YORK, Diary(), ten) == (date(2012, 7, 3), datetime(2012, 7, 3, 14, 10, tzinfo=UTC))
    found = place(wish(date(2012, 7, 3)), RULES, US, NEW_YORK, Diary(), ten + timedelta(minutes=80))
    assert found is not None and found[0] == date(2012, 7, 5)


@given(
    start=st.dates(date(2011, 1, 1), date(2026, 11, 1)),
    channels=st.lists(st.sampled_from([Channel.EMAIL, Channel.CALL, Channel.VISIT]), min_size=1, max_size=30),
    zone=st.sampled_from([NEW_YORK, SHANGHAI, "Europe/London", "Australia/Lord_Howe"]),
)
def test_every_slot_is_an_allowed_morning(start: date, channels: list[Channel], zone: str) -> None:
    diary = Diary()
    for channel in channels:
        found = place(wish(start, channel, owner=1), RULES, CN, zone, diary)
        assert found is not None
        diary.note(1, channel, *found)
        day, at = found
        from zoneinfo import ZoneInfo

        local = at.astimezone(ZoneInfo(zone))
        assert local.date() == day >= start
        assert day.weekday() in (1, 2, 3) and CN.is_business_day(day)
        assert time(9) <= local.time() and local.time() <= time(11, 20)
        assert monday(day).weekday() == 0
    assert max(diary.calls.values(), default=0) <= 15 and max(diary.visits.values(), default=0) <= 6
