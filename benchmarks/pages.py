"""The pages of a large book against a bare page of Flask, Jinja and a pooled ORM in the same run: first and last page, aging, dashboard."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, render_template_string
from sqlalchemy.orm import Session

from benchmarks.aging import AS_OF, EDGES, scan_statement
from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import imports, setup, users
from collect.storage.customers import Customer
from collect.storage.receivables import Item
from collect.web import create_app

PAST = AS_OF - timedelta(days=200)
PASSWORD = "seven tall sea horses"
ROWS = "<!doctype html><title>bare</title><table>{% for row in rows %}<tr>{% for cell in row[:4] %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table>"


def run(make: Callable[[], Runtime], files: dict[str, Path], runs: int) -> None:
    """Print each page's p50, p95 and its ratio to the bare page of 50 rows, and to the bare query for the aging."""
    runtime = make()
    for kind in ("customers", "invoices", "payments"):
        imports.run(runtime, SYSTEM, kind, files[kind], files[kind].name, imports.Options())
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE" if runtime.engine.dialect.name == "postgresql" else "ANALYZE"))
    runtime.write(SYSTEM, lambda work: users.add(work, "fang", "Fang", Role.FINANCE, PASSWORD))
    client = _signed_in(runtime)
    bare = _bare_app(runtime).test_client()
    times = runs * 20
    base = _timed(lambda: bare.get("/list"), times)
    query = _timed(lambda: bare.get("/aging"), max(runs, 5))
    scan = _timed(lambda: bare.get("/scan"), max(runs, 5))
    print(f"  bare page of 50 rows               p50 {base[0] * 1000:8.2f}   p95 {base[1] * 1000:8.2f} ms")
    print(f"  bare query of the aging as a page  p50 {query[0] * 1000:8.2f}   p95 {query[1] * 1000:8.2f} ms")
    print(f"  bare scan of a past date as a page p50 {scan[0] * 1000:8.2f}   p95 {scan[1] * 1000:8.2f} ms")
    for name, address in _addresses(runtime):
        heavy = address.startswith("/aging")
        took = _timed(lambda address=address: client.get(address), max(runs, 5) if heavy else times)  # type: ignore[misc]
        against, goal = ((scan if address.endswith(PAST.isoformat()) else query)[1], 3) if heavy else (base[1], 7)
        print(f"  {name:34} p50 {took[0] * 1000:8.2f}   p95 {took[1] * 1000:8.2f} ms   {took[1] / against:6.2f} × bare   (goal ≤ {goal})")


def _addresses(runtime: Runtime) -> list[tuple[str, str]]:
    """The pages asked for; the last ones begin 50 rows before the end of their list."""
    with runtime.read(SYSTEM) as view:
        early = view.session.scalars(sa.select(Item.id).order_by(Item.id).offset(50).limit(1)).one()
        late = view.session.scalars(sa.select(Customer.customer_no).order_by(Customer.sort_key.desc(), Customer.customer_no.desc()).offset(50).limit(1)).one()
        middle = view.session.scalars(sa.select(Customer.customer_no).where(Customer.customer_no >= "C000005").order_by(Customer.customer_no).limit(1)).one()
    return [
        ("invoices, first page", "/invoices"),
        ("invoices, last page", f"/invoices?after={early}"),
        ("invoices, open ones", "/invoices?state=open"),
        ("customers, first page", "/customers"),
        ("customers, last page", f"/customers?after={late}"),
        ("one customer", f"/customers/{middle}"),
        ("cash", "/bank"),
        ("aging, first screen", "/aging"),
        ("aging of a past date", f"/aging?as_of={PAST.isoformat()}"),
    ]


def _signed_in(runtime: Runtime) -> Any:
    setup.make_secret(runtime.settings)
    client = create_app(runtime).test_client()
    page = client.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    answer = client.post("/login", data={"username": "fang", "password": PASSWORD, "csrf_token": token[1]})
    assert answer.status_code == 303, answer.status_code
    return client


def _bare_app(runtime: Runtime) -> Flask:
    """Fifty customers through a pooled ORM into a table, and the bare read of the open balances into another."""
    app = Flask("bare")
    with runtime.read(SYSTEM) as view:
        starts = EDGES.starts(view.today)

    @app.get("/list")
    def rows() -> str:
        with Session(runtime.engine) as session:
            found = session.scalars(sa.select(Item).order_by(Item.id.desc()).limit(51)).all()
            return render_template_string(ROWS, rows=[(row.document_no, row.due_date, row.amount_minor, row.open_minor) for row in found])

    @app.get("/aging")
    def ages() -> str:
        cases = [sa.func.sum(sa.case((Item.due_date <= start, Item.open_minor), else_=0)) for start in starts]
        total = sa.func.sum(Item.open_minor).label("total")
        with runtime.engine.connect() as connection:
            query = sa.select(Customer.customer_no, Customer.name, total, *cases).join(Customer, Customer.id == Item.customer_id)
            query = query.where(Item.open_minor > 0).group_by(Customer.customer_no, Customer.name, Item.currency).order_by(total.desc()).limit(50)
            return render_template_string(ROWS, rows=connection.execute(query).all())

    @app.get("/scan")
    def past() -> str:
        with runtime.engine.connect() as connection:
            found = connection.execute(sa.text(scan_statement(runtime, PAST))).all()
            return render_template_string(ROWS, rows=sorted(found, key=lambda row: row[0])[:50])

    return app


def _timed(act: Callable[[], Any], times: int) -> tuple[float, float]:
    """Median and 95th percentile of many calls after three untimed ones; every answer must be 200."""
    for _ in range(3):
        assert act().status_code == 200
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        answer = act()
        took.append(time.perf_counter() - begun)
        assert answer.status_code == 200
    took.sort()
    return took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.95))]
