"""Aging by customer straight from the CSV files, with nothing of ours: what every form of the report is compared with."""

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path


def aging(folder: Path, as_of: date, edges: tuple[int, ...]) -> dict[str, list[Decimal]]:
    """Customer number to open amounts by bucket: not due, then one a range, then above the last edge; zero rows left out."""
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for row in csv.DictReader((folder / "payments.csv").read_text(encoding="utf-8").splitlines()):
        if date.fromisoformat(row["date"]) <= as_of:
            paid[row["invoice_no"]] += Decimal(row["amount"])
    found: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * (len(edges) + 2))
    for row in csv.DictReader((folder / "invoices.csv").read_text(encoding="utf-8").splitlines()):
        if date.fromisoformat(row["issue_date"]) <= as_of:
            days = (as_of - date.fromisoformat(row["due_date"])).days
            bucket = 0 if days <= 0 else 1 + sum(days > edge for edge in edges)
            found[row["customer_no"]][bucket] += Decimal(row["amount"]) - paid[row["invoice_no"]]
    return {number: amounts for number, amounts in found.items() if any(amounts)}
