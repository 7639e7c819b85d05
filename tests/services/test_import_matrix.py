"""Every encoding × delimiter × date form × number form × header language tells the same book; rows in are always accounted for."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import imports, verify
from tests.taking_in import counts, take_in

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gb18030")
DELIMITERS = (",", ";", "\t")
DATES = {
    "iso": lambda day: day.isoformat(),
    "slash": lambda day: f"{day.year}/{day.month}/{day.day}",
    "chinese": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "dmy": lambda day: f"{day.day:02d}.{day.month:02d}.{day.year}",
    "mdy": lambda day: f"{day.month}/{day.day}/{day.year}",
}
NUMBERS = {
    "point": lambda cents: f"{cents // 100:,}.{cents % 100:02d}",
    "comma": lambda cents: f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}",
    "yen": lambda cents: f"￥{cents // 100}.{cents % 100:02d}",
}
HEADERS = {"en": ("invoice_no", "customer_no", "issue_date", "due_date", "amount", "description"), "zh": ("发票号", "客户编号", "开票日期", "到期日", "金额", "说明")}

# number, customer, issue, due, cents, text: a day above the 12th and an amount above 999 settle the forms
ROWS = [
    ("A-1", "C1", date(2026, 1, 31), date(2026, 3, 2), 140950, "第一批；含税"),
    ("A-2", "C1", date(2026, 2, 5), date(2026, 3, 7), 999, "血压计"),
    ("A-3", "C2", date(2026, 2, 28), date(2026, 3, 30), 123456789, "监护仪"),
    ("A-4", "C9", date(2026, 2, 28), date(2026, 3, 30), 100, "没有这个客户"),
]


def written(delimiter: str, dates: str, numbers: str, headers: str, encoding: str) -> bytes:
    """The four rows as a file of that form; every cell quoted, so that separators inside do no harm."""
    lines = [delimiter.join(HEADERS[headers])]
    for number, customer, issued, due, cents, text in ROWS:
        cells = (number, customer, DATES[dates](issued), DATES[dates](due), NUMBERS[numbers](cents), text)
        lines.append(delimiter.join(f'"{cell}"' for cell in cells))
    return "\r\n".join(lines).encode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_form_of_a_file_tells_the_same_book(sqlite_runtime: Runtime, encoding: str) -> None:
    """The first form is taken in (3 new, 1 refused for its customer); each of the other 89 of this encoding finds 3 unchanged."""
    take_in(sqlite_runtime, "customers", "customer_no,name\nC1,甲\nC2,乙\n")
    first = True
    for delimiter, dates, numbers, headers in itertools.product(DELIMITERS, DATES, NUMBERS, HEADERS):
        content = written(delimiter, dates, numbers, headers, encoding)
        result = imports.run(sqlite_runtime, SYSTEM, "invoices", content, "matrix.csv", imports.Options())
        assert counts(result) == ((3, 0, 0, 1) if first else (0, 0, 3, 1)), (delimiter, dates, numbers, headers, result.errors)
        assert result.rows == len(ROWS)
        assert [(error.line, error.refusal.code, error.refusal.field) for error in result.errors] == [(5, "unknown_customer", "customer_no")]
        first = False
    with sqlite_runtime.read(SYSTEM) as view:
        stored = view.session.execute(sa.text("SELECT document_no, issue_date, due_date, amount_minor, description FROM item ORDER BY document_no")).all()
    assert [tuple(row) for row in stored] == [
        ("A-1", 20260131, 20260302, 140950, "第一批；含税"),
        ("A-2", 20260205, 20260307, 999, "血压计"),
        ("A-3", 20260228, 20260330, 123456789, "监护仪"),
    ]
    assert verify.verify(sqlite_runtime) == []
