"""E-invoices of every form against what their authors say is in them, and files that are broken or hostile."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
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
        "合计金额": "%(net)s",
        "合计税额": "%(tax)s",
        "价税合计": "%(total)s",
    }.items()
)


def digital(total: str) -> bytes:
    """A 数电票 with its key fields in OFD.xml, as the digital ones carry them; of the total 130 are tax, in a red one too."""
    tax = Decimal(130) if Decimal(total) > 0 else Decimal(-130)
    fields = DIGITAL % {"net": Decimal(total) - tax, "tax": tax, "total": total}
    return ofd({"OFD.xml": BODY % f"<ofd:CustomDatas>{fields}</ofd:CustomDatas>", "Doc_0/Document.xml": DOCUMENT % ""})


def test_a_digital_ofd_is_read_and_a_red_one_is_a_credit() -> None:
    found = read(digital("1130.00"))
    assert (found.form, found.kind, found.number, found.issued.isoformat(), found.currency) == ("ofd", "invoice", "25117000000123456789", "2026-03-05", "CNY")
    assert (found.net, found.gross, found.payable, found.buyer.name, found.buyer.tax_nos) == (100_000, 113_000, 113_000, "仁和医院", ("91110108MA01XYZ12Q",))
    red = read(digital("-1130.00"))
    assert (red.kind, red.gross) == ("credit_note", 113_000)


VALUES = {
    "InvoiceNo": "25117000000123456789",
    "IssueDate": "2026年03月05日",
    "BuyerName": "仁和医院",
    "BuyerTaxID": "91110108MA01XYZ12Q",
    "SellerName": "澄远医疗",
    "TaxExclusiveTotalAmount": "¥1,000.00",
    "TaxTotalAmount": "¥130.00",
    "TaxInclusiveTotalAmount": "¥1,130.00",
}
NAMED = 'xmlns:ofd="http://www.ofdspec.org/2016" xmlns:fp="http://www.chinatax.gov.cn/eInvoice"'


def tagged(root: str, **parts: str) -> bytes:
    """An invoice whose tags (`root` names their form) point at the text objects of its page."""
    prefix = root.partition(":")[0]
    texts = "".join(
        f'<ofd:TextObject ID="{10 + at}" Boundary="0 0 9 9"><ofd:TextCode X="0" Y="1">{value}</ofd:TextCode></ofd:TextObject>' for at, value in enumerate(VALUES.values())
    )
    tags = "".join(f'<{prefix}:{name}><ofd:ObjectRef PageRef="1">{10 + at}</ofd:ObjectRef></{prefix}:{name}>' for at, name in enumerate(VALUES))
    page = '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages><ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags>'
    files = {
        "OFD.xml": BODY % "",
        "Doc_0/Document.xml": DOCUMENT.replace("<ofd:Pages/>", page) % "",
        "Doc_0/Tags/CustomTags.xml": f"<ofd:CustomTags {NAMED}><ofd:CustomTag><ofd:FileLoc>CustomTag.xml</ofd:FileLoc></ofd:CustomTag></ofd:CustomTags>",
        "Doc_0/Tags/CustomTag.xml": f"<{root} {NAMED}>{tags}</{root}>",
        "Doc_0/Pages/Page_0/Content.xml": f'<ofd:Page {NAMED}><ofd:Content><ofd:Layer ID="5">{texts}</ofd:Layer></ofd:Content></ofd:Page>',
    }
    return ofd(files | {name.replace("__", "/") + ".xml": text for name, text in parts.items()})


def attached(**changes: str) -> bytes:
    """An older e-invoice: the invoice itself is an attachment, Attachs/original_invoice.xml."""
    values = VALUES | {"InvoiceCode": "011002300111", "InvoiceNo": "12345678"} | changes
    return ofd(
        {
            "OFD.xml": BODY % "",
            "Doc_0/Document.xml": DOCUMENT % "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>",
            "Doc_0/Attachs/Attachments.xml": f"<ofd:Attachments {NAMED}><ofd:Attachment><ofd:FileLoc>original_invoice.xml</ofd:FileLoc></ofd:Attachment></ofd:Attachments>",
            "Doc_0/Attachs/original_invoice.xml": f"<fp:eInvoice {NAMED}>" + "".join(f"<fp:{name}>{value}</fp:{name}>" for name, value in values.items()) + "</fp:eInvoice>",
        }
    )


@pytest.mark.parametrize("root", ["ofd:root", "fp:eInvoice"])
def test_tags_that_point_at_the_texts_of_the_page_are_followed(root: str) -> None:
    found = read(tagged(root))
    assert (found.kind, found.number, found.issued.isoformat(), found.net, found.gross) == ("invoice", "25117000000123456789", "2026-03-05", 100_000, 113_000)
    assert (found.buyer.name, found.buyer.tax_nos, found.seller.name) == ("仁和医院", ("91110108MA01XYZ12Q",), "澄远医疗")


def test_an_attached_invoice_has_its_code_before_its_number() -> None:
    found = read(attached())
    assert (found.number, found.gross, found.buyer.name) == ("01100230011112345678", 113_000, "仁和医院")
    assert refusal(attached(TaxTotalAmount="129.00")) == "einvoice_sum", "1,000.00 and 129.00 are not 1,130.00"
    assert refusal(attached(InvoiceNo="")) == "einvoice_incomplete"
    assert refusal(attached(TaxInclusiveTotalAmount="one")) == "bad_amount"


@pytest.mark.parametrize(
    "part",
    [
        "<a" + " " * 100_000 + "&>",  # the library mends broken XML in the square of this
        f"<!DOCTYPE a [<!ENTITY b 'c'>]><fp:eInvoice {NAMED}>&b;</fp:eInvoice>",
        '<?xml version="1.0" encoding="utf-7"?><a/>',
        "<a>" + "<b/>" * 200_001 + "</a>",
    ],
)
def test_parts_that_would_take_the_library_long_are_refused(part: str) -> None:
    assert refusal(tagged("ofd:root", Doc_0__Tags__CustomTag=part)) == "einvoice_archive"


def test_a_pdf_with_the_xml_inside_is_read_and_one_that_unpacks_to_too_much_is_refused(shared: Path) -> None:
    """A stream of 100 MB of blanks; the reader of PDFs stops where its limit is."""
    content = (shared / "einvoice" / "facturx_pdf" / "akretion__invoice_EN16931.pdf").read_bytes()
    assert (read(content).form, read(content).lines) == ("pdf", 3)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(100)) + packer.flush()
    assert refusal(pdf(packed)) == "einvoice_no_xml"
    least = (shared / "einvoice" / "cii" / "akretion__factur-x-minimum.xml").read_bytes()
    assert read(pdf(zlib.compress(least))).number == "F20260023"


def pdf(packed: bytes) -> bytes:
    """The smallest PDF with one packed attachment, factur-x.xml."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(factur-x.xml) 4 0 R]>>>>/AF[4 0 R]>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        b"<</Type/Filespec/F(factur-x.xml)/UF(factur-x.xml)/EF<</F 5 0 R>>>>",
        b"<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), packed),
    ]
    held, places = b"%PDF-1.7\n", []
    for at, text in enumerate(objects, 1):
        places.append(len(held))
        held += b"%d 0 obj\n%s\nendobj\n" % (at, text)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return held + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (table, len(held))


UBL = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2">
<cbc:ID>%(number)s</cbc:ID><cbc:IssueDate>%(issued)s</cbc:IssueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>%(currency)s</cbc:DocumentCurrencyCode>
<cac:AccountingCustomerParty><cac:Party><cac:PartyLegalEntity>
<cbc:RegistrationName>Käufer AG</cbc:RegistrationName><cbc:CompanyID>DE123456789</cbc:CompanyID></cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>
<cac:LegalMonetaryTotal><cbc:TaxInclusiveAmount>%(gross)s</cbc:TaxInclusiveAmount><cbc:PrepaidAmount>%(prepaid)s</cbc:PrepaidAmount><cbc:PayableRoundingAmount>%(rounding)s</cbc:PayableRoundingAmount><cbc:PayableAmount>%(payable)s</cbc:PayableAmount></cac:LegalMonetaryTotal></Invoice>"""


def ubl(**changes: str) -> bytes:
    return (UBL % ({"number": "N1", "issued": "2026-03-05", "currency": "EUR", "gross": "10.00", "prepaid": "0", "rounding": "0", "payable": "10.00"} | changes)).encode()


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
        (ubl(gross="1e1"), "bad_amount"),
        (ubl(gross="1_0"), "bad_amount"),
        (ubl(gross="１０"), "bad_amount"),
        (ubl(gross="NaN"), "bad_amount"),
        (ubl(gross="1e-999999999", payable="0"), "bad_amount"),
        (ubl(gross="9" * 100_000), "amount_too_large"),
        (ubl(gross="-92233720368547758.08", payable="-92233720368547758.08"), "amount_too_large"),
        (ubl().replace(b"<cbc:PayableAmount>", b'<cbc:PayableAmount currencyID="USD">'), "amount_in_other_currency"),
        (ubl(issued="20260305junk"), "bad_date"),
        (ubl(issued="0001-01-01"), "bad_date"),
        (ubl(number="N" * 65), "too_long"),
        (ubl(number="N&#10;1"), "control_characters"),
        (ubl()[:500], "xml_broken"),
        (ubl().replace(b"ubl:schema:xsd:Invoice-2", b"ubl:schema:xsd:Order-2").replace(b"<Invoice", b"<Order").replace(b"</Invoice", b"</Order"), "einvoice_unknown"),
        (ubl().replace(b"</Invoice>", b"<x/>" * 1_000_000 + b"</Invoice>"), "einvoice_too_long"),
        (b"<" + b"x" * (33 << 20), "file_too_large"),
        (ubl(gross="ten"), "bad_amount"),
        (ubl(gross="10.001", payable="10.001"), "too_many_decimals"),
        (ubl(prepaid="1.00"), "einvoice_off"),
        (ubl(gross="92233720368547758.08", payable="92233720368547758.08"), "amount_too_large"),
        (ubl(currency="JPY", gross="10.5", payable="10.5"), "too_many_decimals"),
    ],
)
def test_what_is_no_sound_e_invoice_is_refused_with_a_reason(content: bytes, code: str) -> None:
    assert refusal(content) == code


@pytest.mark.parametrize("issued", ["2026-03-05", "20260305", "2026-03-05Z", "2026-03-05+01:00", "2026-03-05T00:00:00"])
def test_dates_may_have_a_time_or_a_zone(issued: str) -> None:
    assert read(ubl(issued=issued)).issued.isoformat() == "2026-03-05"


def test_a_number_of_the_buyer_that_is_none_for_tax_is_not_taken_for_one(shared: Path) -> None:
    """BT-46 may be a customer number or a location number; BT-48 and BT-47 are what a customer is known by."""
    assert read(shared / "einvoice" / "xrechnung" / "business-cases__01.05a-INVOICE_ubl.xml").buyer.tax_nos == ()
    assert read(shared / "einvoice" / "cii" / "akretion__factur-x-basic.xml").buyer.tax_nos == ("FR 05 987 654 321", "987654321")


def test_amounts_go_in_exactly() -> None:
    assert read(ubl(gross="9999999999999999.99", payable="9999999999999999.99")).gross == 999_999_999_999_999_999
    assert read(ubl(currency="KWD", gross="1.005", payable="1.005")).gross == 1005
    assert read(ubl(currency="JPY", gross="2700", payable="2700")).gross == 2700


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    assert refusal(ofd({"OFD.xml": BODY % "", "Doc_0/big.xml": "<a>" + " " * 40_000_000 + "</a>"})) == "einvoice_archive"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_part_packed_in_a_way_that_no_invoice_is_is_refused(method: int) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr("OFD.xml", BODY % "")
    assert refusal(held.getvalue()) == "einvoice_archive"


@pytest.mark.parametrize("flag", [0x1, 0x20, 0x40])
def test_a_part_that_is_locked_is_refused(flag: int) -> None:
    """Encrypted, a patch, strongly encrypted: the flag stands at byte 6 of the part's own head and 8 of its entry in the directory."""
    data = bytearray(ofd({"OFD.xml": BODY % ""}))
    for head, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(head) + place] |= flag
    assert refusal(bytes(data)) == "einvoice_archive"


def test_a_broken_part_is_refused() -> None:
    """A byte of the packed text is another one: what is unpacked is not what the archive says of it."""
    data = bytearray(ofd({"OFD.xml": BODY % ""}))
    data[data.index(b"OFD.xml") + 40] ^= 0xFF
    assert refusal(bytes(data)) == "einvoice_archive"


def test_an_entry_without_a_name_is_no_fault_of_ours() -> None:
    """Nameless beside an OFD.xml whose document is missing: told in a sentence, not broken off."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), "x")
        archive.writestr("OFD.xml", BODY % "")
    assert refusal(held.getvalue()) == "einvoice_archive"
