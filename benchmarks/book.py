"""A book of any size, from a seed: N documents of N/20 customers with a skew, 3 % credit notes, 60 % of invoices paid in 1-2 parts."""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from pathlib import Path

AS_OF = date(2026, 3, 31)


def write(folder: Path, documents: int, seed: int = 7) -> dict[str, Path]:
    """Write customers.csv, invoices.csv and payments.csv; returns their paths by kind."""
    rng = random.Random(seed)
    customers = max(documents // 20, 10)
    paths = {kind: folder / f"{kind}.csv" for kind in ("customers", "invoices", "payments")}
    with paths["customers"].open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_no", "name", "terms", "segment"])
        writer.writerows([f"C{n:06d}", f"客户{n:06d}医疗器械有限公司", "NET30", ("dealer", "hospital")[n % 2]] for n in range(customers))
    days = [AS_OF - timedelta(days=n) for n in range(1000)]
    text = [day.isoformat() for day in days]
    with paths["invoices"].open("w", newline="", encoding="utf-8") as invoices, paths["payments"].open("w", newline="", encoding="utf-8") as payments:
        out, paid = csv.writer(invoices), csv.writer(payments)
        out.writerow(["invoice_no", "customer_no", "issue_date", "due_date", "currency", "amount", "doc_type"])
        paid.writerow(["payment_ref", "customer_no", "date", "currency", "amount", "method", "invoice_no"])
        for n in range(documents):
            customer = f"C{int(customers * rng.random() ** 2):06d}"
            cents = int(rng.lognormvariate(11, 1.2)) + 2
            amount = f"{cents // 100}.{cents % 100:02d}"
            if n % 100 < 3:
                out.writerow([f"CN{n:08d}", customer, text[rng.randrange(900)], "", "CNY", amount, "credit_note"])
                continue
            # 60 % are paid; of the rest somewhat more than half are overdue, over 0-900 days
            settled = rng.random() < 0.6
            age = rng.randrange(60, 960) if settled or rng.random() < 0.6 else rng.randrange(0, 30)
            out.writerow([f"INV{n:08d}", customer, text[age], text[max(age - 30, 0)] if age >= 30 else (days[age] + timedelta(days=30)).isoformat(), "CNY", amount, "invoice"])
            if settled:
                late = text[max(age - rng.randrange(10, 60), 0)]
                first = cents // 2 if rng.random() < 0.5 else cents
                for part, minor in enumerate((first, cents - first)):
                    if minor:
                        paid.writerow([f"P{n:08d}-{part}", customer, late, "CNY", f"{minor // 100}.{minor % 100:02d}", "transfer", f"INV{n:08d}"])
    return paths
