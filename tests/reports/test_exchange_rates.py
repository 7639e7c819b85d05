"""Totals in the company's currency: which rate counts, how amounts are rounded, and that no total stands where a rate is missing (S10)."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from collect.domain.aging import Basis, parse_edges
from collect.domain.rights import SYSTEM
from collect.exchange.export import xlsx_bytes
from collect.reports import aging, drill
from collect.reports.aging import AgingReport
from collect.reports.aging_rows import AgingRow
from collect.reports.exchange_rates import UsedRate, in_force
from collect.runtime import Runtime
from collect.services import rates
from tests.conftest import FixedClock

DAY = date(2026, 3, 31)
USD = UsedRate("USD", "CNY", "7.1234", date(2026, 3, 1), "PBOC")
JPY = UsedRate("CNY", "JPY", "21.5", date(2026, 3, 2), "bank")


def report(rows: list[AgingRow], **known: UsedRate) -> AgingReport:
    at = datetime(2026, 3, 31, tzinfo=UTC)
    buckets = parse_edges("30")
    return AgingReport(DAY, None, at, Basis.DUE, "customer", buckets, rows, aging.totals(rows, len(buckets.names)), True, "CNY", known)


def row(key: str, currency: str, *amounts: int, **beside: Any) -> AgingRow:
    return AgingRow(key, key, currency, (*amounts, 0), **beside)


@pytest.mark.parametrize(
    ("rate", "minor", "currency", "told"),
    [
        (USD, 10_000, "USD", 71_234),  # 100.00 USD at 7.1234
        (USD, 1, "USD", 7),  # 0.01 USD are 0.071234 CNY
        (USD, 71_234, "CNY", 10_000),  # the pair turned round: 712.34 / 7.1234
        (UsedRate("USD", "CNY", "0.5", DAY, "x"), 1, "USD", 1),  # half a fen goes away from zero
        (UsedRate("USD", "CNY", "0.5", DAY, "x"), -1, "USD", -1),
        (JPY, 215, "JPY", 1_000),  # 215 yen have no decimals: 215 / 21.5 = 10.00 CNY
        (JPY, 1, "JPY", 5),  # 1 / 21.5 = 0.0465 CNY
        (UsedRate("KWD", "CNY", "23.4", DAY, "x"), 1_000, "KWD", 2_340),  # 1.000 dinar
        (USD, 2**63 - 1, "USD", 65_701_768_367_331_309_984),  # by bc: (2^63-1) x 7.1234 = 65701768367331309983.58, beyond 64 bits
    ],
)
def test_an_amount_by_a_rate(rate: UsedRate, minor: int, currency: str, told: int) -> None:
    assert rate.convert(minor, currency) == told


def test_the_total_in_the_companys_currency_adds_up_across() -> None:
    """USD 100.00 / 0.01 / -10.00 become 712.34, 0.07 and -71.23 CNY; with 5.00 and 1.00 CNY: 717.34, 1.07, -71.23 = 647.18."""
    made = report([row("A", "CNY", 500, 100), row("B", "USD", 10_000, 1, unapplied=-1_000, disputed=100)], USD=USD)
    total = aging.in_company(made)
    assert total is not None
    assert (total.currency, total.amounts, total.unapplied, total.disputed, total.total) == ("CNY", (71_734, 107, 0), -7_123, 712, 64_718)
    told = aging.as_json(made)["company_total"]
    assert (told["not_due"], told["total"]) == ("717.34", "647.18")
    assert told["rates"] == [{"base": "USD", "quote": "CNY", "rate": "7.1234", "since": "2026-03-01", "source": "PBOC"}]
    table = aging.as_table(made, "en", "Asia/Shanghai")
    assert [cells[0] for cells in table.totals] == ["Total", "Total", "Total in the company's currency"]
    assert ("Rate", "1 USD = 7.1234 CNY (2026-03-01, PBOC)") in table.facts
    # In the workbook it is the last row, of real numbers.
    written = CalamineWorkbook.from_filelike(io.BytesIO(xlsx_bytes(table, "en"))).get_sheet_by_index(0).to_python()
    assert [cell for cell in written[-1] if cell != 0.0] == ["Total in the company's currency", "", "CNY", 717.34, 1.07, -71.23, 647.18, 7.12]


def test_without_a_rate_or_without_need_there_is_no_such_total() -> None:
    foreign = [row("A", "CNY", 500, 0), row("B", "USD", 1, 0), row("C", "JPY", 1, 0)]
    assert aging.in_company(report(foreign, USD=USD)) is None
    assert aging.without_rate(report(foreign, USD=USD)) == ["JPY"]
    assert "company_total" not in aging.as_json(report(foreign, USD=USD))
    assert aging.in_company(report(foreign[:1], USD=USD)) is None
    assert aging.in_company(report([])) is None


def test_a_part_is_converted_by_what_is_in_it() -> None:
    """Only B has anything 1-30 days late; the yen of C, for which no rate is known, are no part of it."""
    part = drill.part_of(report([row("B", "USD", 0, 10_000), row("C", "JPY", 1, 0)], USD=USD), drill.Part("1-30"))
    total = aging.in_company(part)
    assert total is not None and total.total == 71_234


def test_the_rate_of_the_day_as_it_was_known(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """Entered at 10:00: 7 from 1 March; at 11:00 corrected to 7.1, and 7.2 from 1 April. EUR is known the other way round only."""
    clock.set("2026-03-10T10:00:00")
    sqlite_runtime.write(SYSTEM, lambda work: rates.enter(work, "USD", "CNY", date(2026, 3, 1), "7", "PBOC"))
    clock.set("2026-03-10T11:00:00")
    for since, value in ((date(2026, 3, 1), "7.1"), (date(2026, 4, 1), "7.2")):
        sqlite_runtime.write(SYSTEM, lambda work, since=since, value=value: rates.enter(work, "USD", "CNY", since, value, "PBOC"))  # type: ignore[misc]
    sqlite_runtime.write(SYSTEM, lambda work: rates.enter(work, "CNY", "EUR", date(2026, 3, 1), "0.125", "ECB"))
    early, late = datetime(2026, 3, 10, 10, 30, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)
    with sqlite_runtime.read(SYSTEM) as view:

        def told(as_of: date, known: datetime) -> dict[str, str]:
            return {currency: str(rate) for currency, rate in in_force(view.session, ["CNY", "EUR", "GBP", "USD"], "CNY", as_of, known).items()}

        assert told(DAY, late) == {"EUR": "1 CNY = 0.125 EUR", "USD": "1 USD = 7.1 CNY"}
        assert told(DAY, early) == {"USD": "1 USD = 7 CNY"}
        assert told(date(2026, 4, 1), late)["USD"] == "1 USD = 7.2 CNY"
        assert told(date(2026, 2, 28), late) == {}
