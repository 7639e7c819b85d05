"""Every list goes out as CSV and XLSX with the rows that its page shows, and no further than its page."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import bank, drafts
from tests.exchange.test_einvoices import ubl
from tests.web.conftest import SignIn
from tests.web.test_adjustments import field, post

TABLE = "账号：6222001,,,,,\n交易日期,收入,支出,币种,对方户名,摘要\n2026-03-09,1200.00,,CNY,=1+1,A1\n2026-03-09,,35.00,CNY,电力公司,电费\n"


def rows(client: Any, path: str) -> list[dict[str, str]]:
    """The CSV of a list, and the same rows in its XLSX."""
    told = list(csv.DictReader(io.StringIO(client.get(f"{path}format=csv").data.decode("utf-8-sig"))))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(client.get(f"{path}format=xlsx").data)).get_sheet_by_index(0).to_python()
    assert len([row for row in sheet if any(row)]) == len(told) + 3  # its title, the day and the heading above
    return told


def test_bank_lines_go_out_as_the_filter_has_them(filled: Runtime, sign_in: SignIn) -> None:
    bank.take_in(filled, SYSTEM, TABLE.encode(), "march.csv")
    finance = sign_in(Role.FINANCE)
    (line,) = rows(finance, "/bank/lines?")
    assert (line["Day"], line["Amount"], line["Payer"], line["Text"], line["State"]) == ("2026-03-09", "1200.00", "'=1+1", "A1", "To be matched")
    assert len(rows(finance, "/bank/lines?state=all&")) == 2
    assert finance.get("/bank/lines?format=doc").status_code == 404
    # A rep sees no line of nobody's, no account of ours, and no way to pages that are not for him.
    rep = sign_in(Role.REP)
    assert rows(rep, "/bank/lines?") == []
    page = rep.get("/bank/lines").get_data(as_text=True)
    assert "6222001" not in page and "2001 · CNY" not in page and 'href="/bank"' not in page


def test_adjustments_drafts_and_statements_go_out(filled: Runtime, sign_in: SignIn) -> None:
    finance = sign_in(Role.FINANCE)
    pay, less = field(finance, "pay", "A1"), field(finance, "less", "A1")
    receipt = {"number": "H-1", "day": "2026-03-10", "amount": "1000.00", "currency": "CNY", "method": "transfer", "reason": "rebate"}
    assert post(finance, "/customers/C001/receipt", **receipt, note="2 %", **{pay: "1000.00", less: "40.00"}).status_code == 303
    (asked,) = rows(finance, "/adjustments?")
    assert (asked["Customer no."], asked["Amount"], asked["Documents"], asked["Reason"], asked["State"]) == ("C001", "40.00", "A1", "2 %", "waiting")
    drafts.take_in(filled, SYSTEM, ubl(number="N1"), "n1.xml")
    (draft,) = rows(finance, "/drafts?")
    assert (draft["Number"], draft["Amount"], draft["File"]) == ("N1", "10.00", "n1.xml")
    assert rows(finance, "/drafts?state=posted&") == []
    assert post(finance, "/statements/new", customer="C001", kind="confirm").status_code == 303
    (made,) = rows(finance, "/statements?")
    # 1,280.50 less the 1,000.00 of H-1.
    assert (made["Customer no."], made["Currency"], made["Balance"], made["State"], made["Kind"]) == ("C001", "CNY", "280.50", "Made, not sent", "For confirmation")
    assert rows(finance, "/statements?state=sent&") == []


@pytest.mark.parametrize("path", ["/adjustments", "/statements", "/bank/lines", "/disputes"])
def test_a_rep_gets_only_his_customers(filled: Runtime, sign_in: SignIn, path: str) -> None:
    finance = sign_in(Role.FINANCE)
    assert post(finance, "/statements/new", customer="C001", kind="confirm").status_code == 303
    assert rows(sign_in("rosa"), f"{path}?") == []
