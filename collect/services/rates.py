"""Exchange rates and reference rates, entered with the day they are in force from and their source (S10)."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction

from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.storage import audit
from collect.storage.database import next_ids
from collect.storage.rates import Rate

REFERENCES = ("LPR_1Y", "LPR_5Y", "ECB", "BOE")
"""Reference rates for interest, in percent a year."""
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,10})?")


def enter(work: Work, base: str, quote: str, since: date, value: str, source: str) -> None:
    """Record a rate: one `base` in `quote` (two currencies), or a reference rate in percent a year (`quote` is "%").

    A rate of the same day entered again takes the place of the former, which stays in the log. Refusal `rate_pair`,
    `bad_rate`, `rate_source_missing`.
    """
    work.actor.need(Permission.ALLOCATE)
    if not ((base in REFERENCES and quote == "%") or (money.is_currency(base) and money.is_currency(quote) and base != quote)):
        raise Refusal("rate_pair", "base", value=f"{base}/{quote}", allowed=", ".join(REFERENCES))
    text = money.fold(value).strip().rstrip("%").strip()
    if not _NUMBER.fullmatch(text) or (quote != "%" and Fraction(text) <= 0):
        raise Refusal("bad_rate", "value", value=value)
    if not source.strip():
        raise Refusal("rate_source_missing", "source")
    work.session.add(Rate(id=next_ids(work.session, 1)[0], base=base, quote=quote, since=since, value=text, source=source.strip()[:100], by=work.actor.name, recorded_at=work.now))
    work.note(audit.Note("enter", "rate", f"{base}/{quote} {since.isoformat()}", after={"value": text, "source": source.strip()[:100]}))
