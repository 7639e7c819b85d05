"""E-invoices of every form against what their authors say is in them, and files that are broken or hostile."""

from __future__ import annotations

import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange.cells import Limits
from collect.exchange.einvoice import reading
from collect.exchange.einvoice.shape import EInvoice

LIMITS = Limits(100 << 20, 1_000_000, 200, 32_768, 400 << 20, 200)


def read(source: Path | bytes, name: str = "file") -> EInvoice:
    return reading.read(source, name, LIMITS)[0]


def refusal(source: Path | bytes) -> str:
    with pytest.raises(Refusal) as told:
        read(source)
    return told.value.code


def test_every_sample_is_read_or_refused(shared: Path) -> None:
    """expected_fields.json: number, dates, currency, parties, totals; null means that the file does not say."""
    expected: dict[str, dict[str, Any]] = json.loads((shared / "einvoice" / "expected_fields.json").read_text())
    refused, read_right = [], 0
    for path, fields in expected.items():
        try:
            found = read(shared / path)
        except Refusal as told:
            refused.append((Path(path).name, told.code))
            continue
        texts = {
            "number": found.number,
            "issue_date": found.issued.isoformat(),
            "due_date": found.due.isoformat() if found.due else None,
            "type_code": found.type_code,
            "currency": found.currency,
            "seller": found.seller.name or None,
            "buyer": found.buyer.name or None,
            "buyer_reference": found.buyer_reference or None,
            "payment_reference": found.payment_reference or None,
        }
        assert {name: fields.get(name) for name in texts} == texts, path
        for name, minor in (("net", found.net), ("gross", found.gross), ("prepaid", found.prepaid), ("payable", found.payable)):
            if fields.get(name) is not None:
                assert minor is not None and money.as_decimal(minor, found.currency) == Decimal(fields[name]), (path, name)
        read_right += 1
    assert refused == [("horstoeko__xml_invalid_2.xml", "einvoice_unknown"), ("horstoeko__pdf_invalid.pdf", "einvoice_no_xml")]
    assert read_right == len(expected) - 2


def ofd(parts: dict[str, str]) -> bytes:
    """An archive with the published names: OFD.xml points to Doc_0, whose attachment or tags hold the invoice."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return held.getvalue()


BODY = (
    '<ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016" Version="1.0" DocType="OFD"><ofd:DocBody>'
    "<ofd:DocInfo><ofd:DocID>1</ofd:DocID>%s</ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
)
DOCUMENT = (
    '<ofd:Document xmlns:ofd="http://www.ofdspec.org/2016"><ofd:CommonData>'
    "<ofd:PageArea><ofd:PhysicalBox>0 0 210 140</ofd:PhysicalBox></ofd:PageArea></ofd:CommonData><ofd:Pages/>%s</ofd:Document>"
)
DIGITAL = "".join(
    f'<ofd:CustomData Name="{name}">{value}</ofd:CustomData>'
    for name, value in {
        "发票号码": "25117000000123456789",
        "开票日期": "2026年03月05日",
        "购买方名称": "仁和医院",
        "购买方纳税人识别号": "91110108MA01XYZ12Q",
        "销售方名称": "澄远医疗",
        "合计金额": "1000.00",
        "合计税额": "130.00",
        "价税合计": "%s",
    }.items()
)


def digital(total: str) -> bytes:
    """A 数电票 with its key fields in OFD.xml, as the digital ones carry them."""
    return ofd({"OFD.xml": BODY % f"<ofd:CustomDatas>{DIGITAL % total}</ofd:CustomDatas>", "Doc_0/Document.xml": DOCUMENT % ""})


def test_a_digital_ofd_is_read_and_a_red_one_is_a_credit() -> None:
    found = read(digital("1130.00"))
    assert (found.form, found.kind, found.number, found.issued.isoformat(), found.currency) == ("ofd", "invoice", "25117000000123456789", "2026-03-05", "CNY")
    assert (found.net, found.gross, found.payable, found.buyer.name, found.buyer.tax_nos) == (100_000, 113_000, 113_000, "仁和医院", ("91110108MA01XYZ12Q",))
    red = read(digital("-1130.00"))
    assert (red.kind, red.gross) == ("credit_note", 113_000)


UBL = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2">
<cbc:ID>%(number)s</cbc:ID><cbc:IssueDate>%(issued)s</cbc:IssueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>%(currency)s</cbc:DocumentCurrencyCode>
<cac:AccountingCustomerParty><cac:Party><cac:PartyLegalEntity>
<cbc:RegistrationName>Käufer AG</cbc:RegistrationName><cbc:CompanyID>DE123456789</cbc:CompanyID></cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>
<cac:LegalMonetaryTotal><cbc:TaxInclusiveAmount>%(gross)s</cbc:TaxInclusiveAmount><cbc:PrepaidAmount>%(prepaid)s</cbc:PrepaidAmount><cbc:PayableAmount>%(payable)s</cbc:PayableAmount></cac:LegalMonetaryTotal></Invoice>"""


def ubl(**changes: str) -> bytes:
    return (UBL % ({"number": "N1", "issued": "2026-03-05", "currency": "EUR", "gross": "10.00", "prepaid": "0", "payable": "10.00"} | changes)).encode()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b" ", "empty_einvoice"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Invoice>&a;</Invoice>', "xml_doctype"),
        (b"<Invoice", "xml_broken"),
        (b"<html/>", "einvoice_unknown"),
        (b"%PDF-1.4 nothing", "einvoice_no_xml"),
        (b"PK\x03\x04 nothing", "einvoice_archive"),
        (b"number;date\n", "einvoice_unknown"),
        (ubl(number=""), "einvoice_incomplete"),
        (ubl(issued="yesterday"), "bad_date"),
        (ubl(currency="EURO"), "unknown_currency"),
        (ubl(gross="1e3"), "einvoice_off"),
        (ubl(gross="ten"), "bad_amount"),
        (ubl(gross="10.001", payable="10.001"), "too_many_decimals"),
        (ubl(prepaid="1.00"), "einvoice_off"),
        (ubl(gross="92233720368547758.08", payable="92233720368547758.08"), "amount_too_large"),
        (ubl(currency="JPY", gross="10.5", payable="10.5"), "too_many_decimals"),
    ],
)
def test_what_is_no_sound_e_invoice_is_refused_with_a_reason(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_amounts_go_in_exactly() -> None:
    assert read(ubl(gross="9999999999999999.99", payable="9999999999999999.99")).gross == 999_999_999_999_999_999
    assert read(ubl(currency="KWD", gross="1.005", payable="1.005")).gross == 1005
    assert read(ubl(currency="JPY", gross="2700", payable="2700")).gross == 2700


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    assert refusal(ofd({"OFD.xml": BODY % "", "Doc_0/big.xml": "<a>" + " " * 40_000_000 + "</a>"})) == "einvoice_archive"
