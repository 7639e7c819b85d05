"""The aging of the real book read back from the page, JSON, CSV, XLSX and PDF: every row of each is what the input files say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook

from collect.cli import main
from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import setup, users
from collect.web import create_app
from tests import oracle_aging
from tests.conftest import PASSWORD
from tests.documents import reading as pdfs
from tests.web.conftest import post
from tests.web.reading import read

QUERY = "as_of=2012-06-30&buckets=30,60,90,120"
LABELS = ("Not due", "1–30", "31–60", "61–90", "91–120", "121+")
KEYS = ("not_due", "1-30", "31-60", "61-90", "91-120", "121+")
Rows = dict[str, tuple[list[Decimal], Decimal]]


@pytest.fixture
def client(book: Runtime) -> Iterator[FlaskClient]:
    """Finance, signed in, in English."""
    setup.make_secret(book.settings)
    book.write(SYSTEM, lambda work: users.add(work, "fang", "Fang", Role.FINANCE, PASSWORD, language="en"))
    with create_app(book).test_client() as client:
        assert post(client, "/login", username="fang", password=PASSWORD).status_code == 303
        yield client


def of_command(book: Runtime, form: str, output: Path) -> bytes:
    """What `collect report aging` writes in a form."""
    environment = {"COLLECT_DATABASE_URL": book.engine.url.render_as_string(hide_password=False), "COLLECT_DATA_DIR": str(book.settings.data_dir), "COLLECT_LANGUAGE": "en"}
    arguments = ["report", "aging", "--as-of", "2012-06-30", "--buckets", "30,60,90,120", "--format", form, "--output", str(output)]
    result = CliRunner().invoke(main, arguments, env=environment)
    assert result.exit_code == 0, result.stderr
    return output.read_bytes()


def from_page(client: FlaskClient) -> Rows:
    """Every screen of the page, one after the other, by the link that leads to the next."""
    found: Rows = {}
    address: str | None = f"/aging?{QUERY}"
    screens = 0
    while address:
        page = read(client.get(address).get_data(as_text=True))
        for row in page.rows():
            # A column in which nobody has anything is left out of the page.
            amounts = [Decimal(row[label].value or "x") if label in row else Decimal(0) for label in LABELS]
            assert row["Customer no."].text not in found
            found[row["Customer no."].text] = (amounts, Decimal(row["Total"].value or "x"))
        address = next((target for target, text in page.links if text.startswith("Next")), None)
        screens += 1
    assert screens == 2
    return found


def from_json(data: bytes) -> Rows:
    told: dict[str, Any] = json.loads(data)
    assert told["control"]["ties_out"] is True and told["totals"][0]["total"] == "5504.09"
    return {row["key"]: ([Decimal(row[key]) for key in KEYS], Decimal(row["total"])) for row in told["rows"]}


def from_csv(data: bytes, keys: tuple[str, ...], key: str, total: str) -> Rows:
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    return {row[key]: ([Decimal(row[name]) for name in keys], Decimal(row[total])) for row in rows}


def from_xlsx(data: bytes) -> Rows:
    """The rows between the head line and the totals; amounts are real numbers, which a spreadsheet shows to the cent."""
    lines = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    start = next(at for at, line in enumerate(lines) if line[0] == "Customer no.")
    found: Rows = {}
    for line in lines[start + 1 :]:
        row = dict(zip(lines[start], line, strict=True))
        if row["Customer no."] in ("Total", ""):
            break
        found[str(row["Customer no."])] = ([Decimal(str(row[label])) for label in LABELS], Decimal(str(row["Total"])))
    return found


def from_pdf(data: bytes) -> Rows:
    """Lines of 15 words whose third is the currency: number, name (the same here), currency, six buckets, then the rest."""
    found: Rows = {}
    for line in (line.split() for page in pdfs.pages(data) for line in page):
        if len(line) == 15 and line[2] == "USD":
            amounts = [Decimal(word.replace(",", "")) for word in line[3:]]
            found[line[0]] = (amounts[:6], amounts[8])
    return found


def test_every_form_tells_what_the_files_say(book: Runtime, client: FlaskClient, shared: Path, tmp_path: Path) -> None:
    oracle = oracle_aging.aging(shared / "ar" / "ibm" / "converted", date(2012, 6, 30), (30, 60, 90, 120))
    expected: Rows = {number: (amounts, sum(amounts, Decimal(0))) for number, amounts in oracle.items()}
    assert len(expected) == 55

    def exported(form: str) -> bytes:
        answer = client.get(f"/aging?{QUERY}&format={form}")
        assert answer.status_code == 200
        return answer.get_data()

    def written(form: str) -> bytes:
        return of_command(book, form, tmp_path / f"aging.{form}")

    assert from_page(client) == expected
    readers: list[tuple[str, Callable[[bytes], Rows]]] = [("json", from_json), ("xlsx", from_xlsx), ("pdf", from_pdf)]
    for form, reader in readers:
        assert reader(exported(form)) == expected, form
        assert reader(written(form)) == expected, form
    assert from_csv(exported("csv"), LABELS, "Customer no.", "Total") == expected
    assert from_csv(written("csv"), KEYS, "key", "total") == expected
