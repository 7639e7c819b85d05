"""Files out of a large book: the list of invoices as XLSX against bare xlsxwriter, as CSV in rows a second, the aging as PDF."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import xlsxwriter

from benchmarks.aging import AS_OF
from collect.domain.rights import ALL, SYSTEM
from collect.exchange import export
from collect.reports import invoices
from collect.runtime import Runtime
from collect.services import imports
from collect.storage.listings import DocumentWish
from collect.table import Table


def run(make: Callable[[], Runtime], files: dict[str, Path], runs: int) -> None:
    """Print rows a second of each kind of file, beside what the bare writer does with the same cells."""
    del runs
    runtime = make()
    for kind in ("customers", "invoices"):
        imports.run(runtime, SYSTEM, kind, files[kind], files[kind].name, imports.Options())
    with runtime.read(SYSTEM) as view:
        table = invoices.as_table(invoices.all_entries(view, ALL, DocumentWish(view.today, "", None, "", "")), AS_OF)
        rows = len(table.rows)
        bare = _seconds(lambda: _bare(table))
        ours = _seconds(lambda: export.xlsx_bytes(table, "en"))
        print(f"  {rows:,} rows as XLSX: bare {rows / bare:10,.0f}/s   ours {rows / ours:10,.0f}/s   {bare / ours:5.0%} of the bare rate   (goal ≥ 80 %)")
        took = _seconds(lambda: export.csv_bytes(table))
        print(f"  {rows:,} rows as CSV:  {rows / took:10,.0f}/s   (goal ≥ 500,000)")


def _seconds(act: Callable[[], object]) -> float:
    """The better of two calls."""
    times = []
    for _ in range(2):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return min(times)


def _bare(table: Table) -> bytes:
    """The same cells as somebody would write them with xlsxwriter alone: strings, numbers and dates in one format each."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        days, numbers = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format({"num_format": "#,##0.00"})
        kinds = [column.kind for column in table.columns]
        for number, row in enumerate(table.rows):
            for place, (kind, value) in enumerate(zip(kinds, row, strict=True)):
                if value is None:
                    continue
                if kind == "date":
                    sheet.write_datetime(number, place, value, days)
                elif kind == "money":
                    sheet.write_number(number, place, value / 100, numbers)
                elif kind == "integer":
                    sheet.write_number(number, place, value)
                else:
                    sheet.write_string(number, place, value)
    return out.getvalue()
