"""The shipped calendars against other sources: official notices typed in by hand, and the package `chinese_calendar` day by day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import pytest

from collect import calendars
from collect.domain.errors import Refusal
from collect.sentences import say

COUNTRIES = ["AU", "CA", "CN", "DE", "FR", "GB", "HK", "IN", "JP", "KR", "NL", "SG", "TW", "US"]


def days_of(year: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=offset) for offset in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]


@pytest.mark.parametrize("year", range(2010, 2027))
def test_china_equals_chinese_calendar_on_every_day(year: int) -> None:
    china = calendars.load("CN")
    assert [day for day in days_of(year) if china.is_business_day(day) != chinese_calendar.is_workday(day)] == []
    assert all(china.knows(day) for day in days_of(year))


# The State Council's notices for 2020 (with the extension of January 2020 to 2 February) and 2026, as spans off and days worked.
CHINA_NOTICES = {
    2020: (
        ["01-01/01-01", "01-24/02-02", "04-04/04-06", "05-01/05-05", "06-25/06-27", "10-01/10-08"],
        ["01-19", "04-26", "05-09", "06-28", "09-27", "10-10"],
    ),
    2026: (
        ["01-01/01-03", "02-15/02-23", "04-04/04-06", "05-01/05-05", "06-19/06-21", "09-25/09-27", "10-01/10-07"],
        ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"],
    ),
}


@pytest.mark.parametrize("year", list(CHINA_NOTICES))
def test_china_equals_the_notices(year: int) -> None:
    spans, worked = CHINA_NOTICES[year]
    china = calendars.load("CN")
    off = {day for span in spans for day in days_of(year) if span[:5] <= day.isoformat()[5:] <= span[6:]}
    made_up = {date.fromisoformat(f"{year}-{text}") for text in worked}
    assert {day for day in days_of(year) if china.is_makeup_day(day)} == made_up
    for day in days_of(year):
        assert china.is_business_day(day) is (day in made_up or (day.weekday() < 5 and day not in off)), day


def test_the_make_up_days_of_2027_are_not_announced() -> None:
    china = calendars.load("CN")
    assert china.known_until == date(2026, 12, 31)
    assert not china.knows(date(2027, 2, 8))
    assert china.is_business_day(date(2027, 2, 8))  # a Monday, whatever the Spring Festival will be


# The Mondays to Fridays that are off, typed from each authority's own list.
WEEKDAYS_OFF = {
    # US Office of Personnel Management
    ("US", 2011): "01-17 02-21 05-30 07-04 09-05 10-10 11-11 11-24 12-26",
    ("US", 2012): "01-02 01-16 02-20 05-28 07-04 09-03 10-08 11-12 11-22 12-25",
    ("US", 2013): "01-01 01-21 02-18 05-27 07-04 09-02 10-14 11-11 11-28 12-25",
    ("US", 2021): "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    # gov.uk, England and Wales: 2022 with the jubilee and the state funeral
    ("GB", 2022): "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    ("GB", 2026): "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    # gov.hk general holidays
    ("HK", 2012): "01-02 01-23 01-24 01-25 04-04 04-06 04-09 05-01 07-02 10-01 10-02 10-23 12-25 12-26",
    ("HK", 2014): "01-01 01-31 02-03 04-18 04-21 05-01 05-06 06-02 07-01 09-09 10-01 10-02 12-25 12-26",
    ("HK", 2026): "01-01 02-17 02-18 02-19 04-03 04-06 04-07 05-01 05-25 06-19 07-01 10-01 10-19 12-25",
    ("HK", 2027): "01-01 02-08 02-09 03-26 03-29 04-05 05-13 06-09 07-01 09-16 10-01 10-08 12-27",
    # Taiwan's office calendar for 2026 (year 115)
    ("TW", 2026): "01-01 02-16 02-17 02-18 02-19 02-20 02-27 04-03 04-06 05-01 06-19 09-25 09-28 10-09 10-26 12-25",
    # Ministry of Manpower
    ("SG", 2026): "01-01 02-17 02-18 04-03 05-01 05-27 06-01 08-10 11-09 12-25",
    # Cabinet Office, and 31 December to 3 January for banks
    ("JP", 2026): "01-01 01-02 01-12 02-11 02-23 03-20 04-29 05-04 05-05 05-06 07-20 08-11 09-21 09-22 09-23 10-12 11-03 11-23 12-31",
    # Easter 2026 is 5 April: Ascension 14 May, Whit Monday 25 May
    ("DE", 2026): "01-01 04-03 04-06 05-01 05-14 05-25 12-25",
    ("DE", 2017): "04-14 04-17 05-01 05-25 06-05 10-03 10-31 12-25 12-26",  # with 500 years of the Reformation
    ("FR", 2026): "01-01 04-06 05-01 05-08 05-14 05-25 07-14 11-11 12-25",
    ("NL", 2026): "01-01 04-03 04-06 04-27 05-14 05-25 12-25",
    # NSW Government; ontario.ca
    ("AU", 2026): "01-01 01-26 04-03 04-06 04-27 06-08 10-05 12-25 12-28",
    ("CA", 2026): "01-01 02-16 04-03 05-18 07-01 09-07 10-12 12-25 12-28",
    # Korea 2025 with the temporary holiday of 27 January and the election of 3 June
    ("KR", 2025): "01-01 01-27 01-28 01-29 01-30 03-03 05-01 05-05 05-06 06-03 06-06 08-15 10-03 10-06 10-07 10-08 10-09 12-25",
}


@pytest.mark.parametrize(("country", "year"), list(WEEKDAYS_OFF))
def test_weekdays_off_as_announced(country: str, year: int) -> None:
    calendar = calendars.load(country)
    off = [f"{day:%m-%d}" for day in days_of(year) if day.weekday() < 5 and not calendar.is_business_day(day)]
    assert off == WEEKDAYS_OFF[country, year].split()


def test_taiwan_worked_saturdays_until_2025() -> None:
    """17 February 2024 and 8 February 2025 made up for the days before the New Year's Eves; since then there are none."""
    taiwan = calendars.load("TW")
    assert [day for year in (2024, 2025, 2026) for day in days_of(year) if taiwan.is_makeup_day(day)] == [date(2024, 2, 17), date(2025, 2, 8)]


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_shipped_calendar(country: str) -> None:
    calendar = calendars.load(country)
    assert calendar.country == country
    assert calendar.known_from == date(2010, 1, 1)
    assert calendar.known_until in (date(2026, 12, 31), date(2027, 12, 31))
    assert calendar.knows(*calendar.holidays, *calendar.make_up)
    assert all(name.strip() == name and name and "observed" not in name for name in calendar.holidays.values())
    assert all(day.weekday() in calendar.weekend and day not in calendar.holidays for day in calendar.make_up)
    for year in range(2010, calendar.known_until.year + 1):
        # Hong Kong has most, the Netherlands least; on a weekend or not, every year has its holidays.
        assert 7 <= sum(day.year == year for day in calendar.holidays) <= 36, year


def test_known() -> None:
    found = calendars.known()
    assert list(found) == COUNTRIES
    assert {country for country, until in found.items() if until == date(2026, 12, 31)} == {"CN", "IN", "TW"}


@pytest.mark.parametrize("country", ["ZZ", "", "China", "中国", "..", "c/", "C", "\x00\x00", "éa"])
def test_an_unknown_country_goes_by_weekday(country: str) -> None:
    calendar = calendars.load(country)
    assert calendar.known_until is None and not calendar.knows(date(2026, 1, 1))
    assert calendar.is_business_day(date(2026, 1, 1)) and not calendar.is_business_day(date(2026, 1, 3))


def test_a_country_is_found_in_any_case() -> None:
    assert calendars.load(" cn ").country == "CN"
    assert calendars.load("us").holidays == calendars.load("US").holidays


def test_an_installation_brings_a_later_year(tmp_path: Path) -> None:
    """A file of its own goes before the shipped one, as soon as 2027 is announced."""
    text = '[holidays]\n2027 = { "New Year\'s Day" = "01-01" }\n[make_up]\n2027 = "01-03"\n'
    (tmp_path / "cn.toml").write_text('country = "CN"\nknown_from = 2027-01-01\nknown_until = 2027-12-31\n' + text, encoding="utf-8")
    ours = calendars.load("CN", tmp_path)
    assert ours.why_closed(date(2027, 1, 1)) == "New Year's Day"
    assert ours.is_makeup_day(date(2027, 1, 3))
    assert calendars.known(tmp_path)["CN"] == date(2027, 12, 31)
    assert calendars.load("US", tmp_path).country == "US"


FACTS = 'country = "CN"\nknown_from = 2027-01-01\nknown_until = 2027-12-31\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no toml",
        FACTS,
        FACTS + "holidays = 5",
        FACTS + "[holidays]\n2027 = 5",
        FACTS + '[holidays]\n2027 = { x = "02-30" }',
        FACTS + '[holidays]\nsoon = { x = "01-01" }',
        FACTS + "[holidays]\n2027 = { x = 101 }",
        FACTS.replace("2027-12-31", '"later"') + "[holidays]",
        FACTS.replace("2027-12-31", "2027-12-31T00:00:00") + "[holidays]",
        "weekend = [8]\n" + FACTS + "[holidays]",
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cn.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refused:
        calendars.read(path)
    assert refused.value.code == "bad_calendar_file"
    assert "cn.toml" in str(refused.value)
    assert say(refused.value).startswith("The calendar file")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cn.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Refusal) as refused:
        calendars.read(path)
    assert refused.value.code == "bad_calendar_file"
