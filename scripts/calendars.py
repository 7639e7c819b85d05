"""Writes config/calendars/*.toml from the `holidays` package: public holidays, make-up working days, and how far each is official."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import holidays

FIRST_YEAR = 2010
FOLDER = Path(__file__).resolve().parents[1] / "config" / "calendars"


@dataclass(frozen=True)
class Country:
    """What is taken for a country, the last year that is official, and who says so.

    A calendar fixed by law is taken to the end of the next year; one that is announced year by year only as far as
    it has been announced (the 2027 arrangements of China, Taiwan and India were not when this was run).
    """

    code: str
    name: str
    until: int
    covers: str
    source: str
    options: Mapping[str, object] = field(default_factory=dict)
    also: Mapping[str, frozenset[str]] = field(default_factory=dict)


COUNTRIES = (
    Country("AU", "Australia", 2027, "New South Wales", "Public Holidays Act 2010 (NSW); dates published to 2027", {"subdiv": "NSW"}),
    Country("CA", "Canada", 2027, "Ontario", "Employment Standards Act, 2000 (Ontario)", {"subdiv": "ON"}),
    Country("CN", "China", 2026, "", "yearly notices of the General Office of the State Council, with make-up working days"),
    Country("DE", "Germany", 2027, "holidays of all states", "holiday acts of the states; Unification Treaty art. 2"),
    Country("FR", "France", 2027, "metropolitan France", "Code du travail art. L3133-1"),
    Country("GB", "United Kingdom", 2027, "England", "Banking and Financial Dealings Act 1971; dates published to 2027", {"subdiv": "ENG"}),
    Country("HK", "Hong Kong", 2027, "general holidays", "General Holidays Ordinance, Cap. 149; gazetted to 2027", {"categories": ("optional",)}),
    Country("IN", "India", 2026, "central government", "yearly list of the Department of Personnel and Training"),
    Country("JP", "Japan", 2027, "with bank holidays", "Act on National Holidays; Banking Act order art. 5; equinoxes announced to 2027", {"categories": ("public", "bank")}),
    Country("KR", "South Korea", 2027, "with Labour Day", "Public Holidays Act and its decree", {"categories": ("public", "bank")}),
    Country("NL", "Netherlands", 2027, "with Good Friday", "Algemene termijnenwet art. 3"),
    Country("SG", "Singapore", 2027, "", "Holidays Act; dates announced by the Ministry of Manpower to 2027"),
    Country(
        "TW",
        "Taiwan",
        2026,
        "government offices, and Labour Day",
        "yearly office calendar of the Directorate-General of Personnel Administration",
        also={"optional": frozenset({"Labor Day"})},
    ),
    Country("US", "United States", 2027, "federal", "5 U.S.C. 6103"),
)

# The second day, the eve and the substitute of a holiday carry the holiday's name: it is what people know it by.
_NOISE = re.compile(
    r" \((?:observed|Spring Festival|Vaishnava)\)|^Alternative holiday for |^The (?:\w+ )?(?:week)?day (?:of|after|following|preceding) "
    r"|^the (?=Buddha)|'s Eve(?= \(|$)| Extended Holiday$",
    re.IGNORECASE,
)
_SHORT = {"70th Anniversary of the Victory of the Chinese People's War of Resistance against Japanese Aggression and the World Anti-Fascist War": "Victory Day"}
_MOVED = "Day off (substituted"


def main() -> int:
    """Write every country's file, or with --check say which would change (exit status 1)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name the files that would change")
    check = parser.parse_args().check
    changed = []
    for country in COUNTRIES:
        path = FOLDER / f"{country.code.lower()}.toml"
        text = render(country)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            changed.append(path.name)
            if not check:
                FOLDER.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    print(f"holidays {holidays.__version__}: {', '.join(changed) or 'nothing'} {'would change' if check else 'written'}")
    return 1 if check and changed else 0


def render(country: Country) -> str:
    """One country's file: facts, then one line a year of holidays by name, and one of make-up working days."""
    named, working = collect_days(country)
    lines = [f"# Made by scripts/calendars.py. Source: {country.source}.", f'country = "{country.code}"', f'name = "{country.name}"']
    if country.covers:
        lines.append(f'covers = "{country.covers}"')
    lines += [f"known_from = {FIRST_YEAR}-01-01", f"known_until = {country.until}-12-31", "", "[holidays]"]
    for year in range(FIRST_YEAR, country.until + 1):
        days: dict[str, list[str]] = {}
        for day in sorted(day for day in named if day.year == year):
            days.setdefault(named[day], []).append(f"{day:%m-%d}")
        lines.append(f"{year} = {{ " + ", ".join(f'"{name}" = "{" ".join(dates)}"' for name, dates in days.items()) + " }")
    if working:
        lines += ["", "[make_up]"]
        for year in sorted({day.year for day in working}):
            lines.append(f'{year} = "' + " ".join(f"{day:%m-%d}" for day in sorted(working) if day.year == year) + '"')
    return "\n".join(lines) + "\n"


def collect_days(country: Country) -> tuple[dict[date, str], set[date]]:
    """Holidays with one name each, and make-up working days; an estimated date inside the official years is an error."""
    years = range(FIRST_YEAR, country.until + 1)
    days = holidays.country_holidays(country.code, years=years, language="en_US", **country.options)  # type: ignore[arg-type]
    raw = dict(days.items())
    for category, names in country.also.items():
        extra = holidays.country_holidays(country.code, years=years, language="en_US", categories=(category,))
        raw |= {day: name for day, name in extra.items() if name in names and day not in raw}
    raw = {day: name for day, name in raw.items() if day.year in years}
    estimated = [day.isoformat() for day, name in raw.items() if "estimated" in name]
    if estimated:
        sys.exit(f"{country.code}: estimated, not official: {', '.join(estimated)}")
    own = {day: plain_name(name) for day, name in raw.items() if _MOVED not in name}
    named = {day: own.get(day) or own[min(own, key=lambda other: (abs((other - day).days), other))] for day in raw}
    return named, {day for day in days.weekend_workdays if day.year in years}


def plain_name(name: str) -> str:
    """The first holiday of those that share a day, without "observed"; a bank holiday only where it is nothing else."""
    parts = [_NOISE.sub("", _NOISE.sub("", part.strip())) for part in name.split(";")]
    first = next((part for part in parts if part != "Bank Holiday"), parts[0])
    return _SHORT.get(first, first)


if __name__ == "__main__":
    sys.exit(main())
