"""What finance's pages show of the browser tests' company: a bank statement, an e-invoice, a request, statements of account, files half taken in."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import sqlalchemy as sa

from collect.domain.rights import Actor
from collect.runtime import Runtime, Work
from collect.services import adjustments, bank, bank_tables, deliveries, drafts, matching, rebates, receipts, statements, uploads
from collect.services.receipts import Receipt
from collect.storage.bank import BankLine
from collect.storage.customers import Customer
from collect.storage.receivables import Item

ACCOUNT = "1202019909006681888"
DELIVERY = "SH-2026-031"
ORDER = "P-8001"
"""The receipt that is kept for an order."""
# Its last day is that of the latest receipt by bank, so that promises are judged as far as without it. Nothing applies itself.
BANK = """交易日期,收入,支出,对方户名,对方账号,流水号,摘要
2026-03-05,64300.00,,青禾大药房连锁有限公司,6222001001,ICBC0305-1,货款 {invoice}
2026-03-05,18000.00,,内蒙古自治区呼伦贝尔市鄂伦春自治旗大兴安岭林区中心医院医疗联合体设备采购与供应链管理中心（第二分部）,1502210100998877665,ICBC0305-2,设备款
2026-03-06,,45.00,,,ICBC0306-1,网银手续费
2026-03-06,1386.42,,工商银行江州分行,,ICBC0306-2,存款结息
2026-03-06,5200.00,,赵德海,6222001099,ICBC0306-3,货款
"""
WORDS = {
    "interest": "银行利息，不是客户货款",
    "request": "包装破损，客户扣款",
    "rebate": "上季度返利",
    "proof": "SF1402277890015",
    "returned": "回函列出一笔差异",
    "difference": "对方按旧价目表入账",
}
"""What people write here."""
UBL = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2">
<cbc:ID>{number}</cbc:ID><cbc:IssueDate>2026-03-06</cbc:IssueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>USD</cbc:DocumentCurrencyCode>
<cac:AccountingCustomerParty><cac:Party><cac:PartyLegalEntity><cbc:RegistrationName>{buyer}</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>
<cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount>12640.00</cbc:TaxExclusiveAmount><cbc:TaxInclusiveAmount>12640.00</cbc:TaxInclusiveAmount><cbc:PayableAmount>12640.00</cbc:PayableAmount>
</cac:LegalMonetaryTotal></Invoice>"""
HALF = "发票号,客户编号,开票日期,币种,金额,备注\nH-2026-051,C1001,2026-03-09,CNY,1250.00,加急\nH-2026-052,C9999,2026-03-09,CNY,90.00,\n"
TABLE = "Wann,Wer,Wieviel\n2026-03-05,Blue Harbor Dental Supply Inc.,1250.00\n2026-03-06,Meridian Orthopaedics Pty Ltd,415.00\n"
UNPLACED, PLACED = "umsatz-neu.csv", "umsatz-geprueft.csv"
"""A bank's table whose headings nobody knows: before its columns are placed, and after it was checked with them."""
UNREAD, CHECKED = "开票-三月上旬.csv", "开票-已核对.csv"


def fill(runtime: Runtime, finance: Actor, invoice: str) -> None:
    """Put it all in, as finance does; `invoice` is one of C1001's that is open."""
    taken = bank.take_in(runtime, finance, BANK.format(invoice=invoice).encode(), "银行流水-202603.csv", ACCOUNT)
    runtime.write(finance, lambda work: _look_at_lines(work, taken.line_ids))
    for number, buyer in (("E-2026-01", "Blue Harbor Dental Supply Inc."), ("E-2026-02", "Blue Harbour Dental Supplies")):
        drafts.take_in(runtime, finance, UBL.format(number=number, buyer=buyer).encode(), f"{number}.xml")
    runtime.write(finance, lambda work: _ask(work, invoice))
    runtime.write(finance, _statements)
    runtime.write(finance, _deliveries)
    for name in (UNREAD, CHECKED):
        upload = uploads.receive(runtime, finance, "invoices", name, lambda path: Path(path).write_text(HALF, encoding="utf-8"))
        if name == CHECKED:
            assert uploads.start(runtime, finance, upload, "check").state == "done"
    for name in (UNPLACED, PLACED):
        upload = bank_tables.receive(runtime, finance, name, lambda path: Path(path).write_text(TABLE, encoding="utf-8"), ACCOUNT)
        if name == PLACED:
            bank_tables.choose(runtime, upload, ("day", "payer", "amount"), {"dates": "ymd", "decimal": ".", "account": ACCOUNT, "currency": "CNY"})
            assert bank_tables.start(runtime, finance, upload, "check").state == "done"


def _look_at_lines(work: Work, ids: list[int]) -> None:
    """Proposals for what came in; the bank's interest is set aside."""
    matching.propose(work, ids)
    for line in work.session.scalars(sa.select(BankLine).where(BankLine.id.in_(ids))).all():
        if line.narrative == "存款结息":
            matching.ignore(work, line.id, line.version, WORDS["interest"])


def _deliveries(work: Work) -> None:
    deliveries.enter(work, "C1001", deliveries.Draft(DELIVERY, date(2026, 3, 9), "CNY", 860_000, "PO-2026-117", "随车送达，货到未开票"))
    deliveries.enter(work, "C1001", deliveries.Draft("SH-2026-032", date(2026, 3, 8), "CNY", 41_500))
    deliveries.cancel(work, "SH-2026-032", "客户当场退货")


def _ask(work: Work, invoice: str) -> None:
    """A credit that waits for a manager, a rebate that was earned, and money that is kept for an order."""
    item = work.session.scalars(sa.select(Item).where(Item.document_no == invoice)).one()
    adjustments.request(work, "C1001", adjustments.Ask("credit", ((item.id, 128_000),), "goods", WORDS["request"]))
    rebates.enter(work, "C1001", date(2026, 1, 10), "CNY", 360_000, WORDS["rebate"])
    payer = work.session.scalars(sa.select(Customer).where(Customer.customer_no == "C3005")).one()
    receipts.receive(work, Receipt(payer.id, ORDER, date(2026, 3, 6), "CNY", 300_000, "transfer", "CMB-0306", order_no="SO-26-77"), ())


def _statements(work: Work) -> None:
    """One statement of account that was made, one that came back and differs."""
    statements.make(work, "C1004", statements.Wish())
    row, _ = statements.make(work, "C1001", statements.Wish())
    statements.mark_sent(work, row.id, work.today, "courier", WORDS["proof"], row.version)
    statements.mark_returned(work, row.id, work.today, WORDS["returned"], row.version)
    draft = statements.DifferenceDraft("CNY", "H-2026-044", 1_265_000, 1_200_000, "price", WORDS["difference"])
    statements.add_difference(work, row.id, draft, row.version)
