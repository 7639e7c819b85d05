"""UBL 2.1 and CII (also in its first form, ZUGFeRD 1): the business terms of EN 16931 that a receivable needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from collect.domain.errors import Refusal
from collect.exchange.bank.camt import parse
from collect.exchange.bank.shape import line_of
from collect.exchange.einvoice.shape import CREDIT_CODES, EInvoice, Party, amount, currency_of, day


def read(content: bytes, name: str) -> EInvoice:
    """The e-invoice in an XML document. Refusals: `xml_broken`, `xml_doctype`, `einvoice_unknown`, and those of its fields."""
    root = parse(content, name)
    kind = etree.QName(root).localname
    if kind in ("Invoice", "CreditNote") and "ubl" in (etree.QName(root).namespace or ""):
        return _ubl(root, kind).checked()
    if kind in ("CrossIndustryInvoice", "CrossIndustryDocument"):
        return _cii(root).checked()
    raise Refusal("einvoice_unknown", None, name=name)


def _all(node: Any, *path: str) -> Iterator[Any]:
    """Every element at the end of a path of local names; a name with `|` allows several."""
    if not path:
        yield node
        return
    names = path[0].split("|")
    for child in node:
        if isinstance(child.tag, str) and etree.QName(child).localname in names:
            yield from _all(child, *path[1:])


def _text(node: Any, *path: str) -> str:
    """The text of the first element there that has one."""
    return next((text for found in _all(node, *path) if (text := (found.text or "").strip())), "")


def _ubl(root: Any, kind: str) -> EInvoice:
    currency = currency_of(_text(root, "DocumentCurrencyCode"))
    total = next(_all(root, "LegalMonetaryTotal"), None)
    if total is None:
        raise Refusal("einvoice_incomplete", "amount", field_name="BT-112")

    def minor(tag: str, term: str) -> int | None:
        text = _text(total, tag)
        return amount(text, currency, term) if text else None

    code = _text(root, "InvoiceTypeCode|CreditNoteTypeCode")
    credit = kind == "CreditNote" or code in CREDIT_CODES
    gross, payable = minor("TaxInclusiveAmount", "BT-112"), minor("PayableAmount", "BT-115")
    issued = day(_text(root, "IssueDate"), "BT-2")
    if issued is None or payable is None:
        raise Refusal("einvoice_incomplete", "issued", field_name="BT-2" if issued is None else "BT-115")
    due = _text(root, "DueDate") or _text(root, "PaymentMeans", "PaymentDueDate") or _text(root, "PaymentTerms", "PaymentDueDate")
    prepaid, rounding = minor("PrepaidAmount", "BT-113") or 0, minor("PayableRoundingAmount", "BT-114") or 0
    return EInvoice(
        "ubl",
        "credit_note" if credit else "invoice",
        code,
        _text(root, "ID"),
        issued,
        day(due, "BT-9"),
        currency,
        minor("TaxExclusiveAmount", "BT-109"),
        payable + prepaid - rounding if gross is None else gross,
        prepaid,
        payable,
        rounding,
        _ubl_party(root, "AccountingSupplierParty"),
        _ubl_party(root, "AccountingCustomerParty"),
        _text(root, "BuyerReference"),
        _text(root, "OrderReference", "ID"),
        line_of(_text(root, "PaymentTerms", "Note"))[:400],
        _text(root, "PaymentMeans", "PaymentID"),
        day(_text(root, "Delivery", "ActualDeliveryDate"), "BT-72"),
    )


def _ubl_party(root: Any, role: str) -> Party:
    party = next(_all(root, role, "Party"), None)
    if party is None:
        return Party()
    numbers = [_text(found) for path in (("PartyTaxScheme", "CompanyID"), ("PartyLegalEntity", "CompanyID"), ("PartyIdentification", "ID")) for found in _all(party, *path)]
    address = [_text(party, "PostalAddress", tag) for tag in ("StreetName", "AdditionalStreetName", "PostalZone", "CityName")]
    return Party(
        _text(party, "PartyLegalEntity", "RegistrationName") or _text(party, "PartyName", "Name"),
        tuple(dict.fromkeys(number for number in numbers if number)),
        _text(party, "Contact", "ElectronicMail"),
        line_of(*address)[:400],
        _text(party, "PostalAddress", "Country", "IdentificationCode").upper(),
    )


_AGREEMENT = "ApplicableHeaderTradeAgreement|ApplicableSupplyChainTradeAgreement"
_SETTLEMENT = "ApplicableHeaderTradeSettlement|ApplicableSupplyChainTradeSettlement"
_DELIVERY = "ApplicableHeaderTradeDelivery|ApplicableSupplyChainTradeDelivery"
_SUM = "SpecifiedTradeSettlementHeaderMonetarySummation|SpecifiedTradeSettlementMonetarySummation"


def _cii(root: Any) -> EInvoice:
    document = next(_all(root, "ExchangedDocument|HeaderExchangedDocument"), None)
    trade = next(_all(root, "SupplyChainTradeTransaction|SpecifiedSupplyChainTradeTransaction"), None)
    settlement = next(_all(trade, _SETTLEMENT), None) if trade is not None else None
    total = next(_all(settlement, _SUM), None) if settlement is not None else None
    if document is None or trade is None or settlement is None or total is None:
        raise Refusal("einvoice_incomplete", "amount", field_name="BT-112")
    currency = currency_of(_text(settlement, "InvoiceCurrencyCode"))

    def minor(tag: str, term: str) -> int | None:
        nodes = list(_all(total, tag))
        node = next((found for found in nodes if found.get("currencyID") in (None, "", currency)), None)
        return amount(node.text or "", currency, term) if node is not None and (node.text or "").strip() else None

    code = _text(document, "TypeCode")
    gross, payable = minor("GrandTotalAmount", "BT-112"), minor("DuePayableAmount", "BT-115")
    prepaid, rounding = minor("TotalPrepaidAmount", "BT-113") or 0, minor("RoundingAmount", "BT-114") or 0
    if gross is None and payable is None:
        raise Refusal("einvoice_incomplete", "amount", field_name="BT-112")
    if gross is None:
        gross = (payable or 0) + prepaid - rounding
    issued = day(_text(document, "IssueDateTime", "DateTimeString"), "BT-2")
    if issued is None:
        raise Refusal("einvoice_incomplete", "issued", field_name="BT-2")
    due = next((found for node in _all(settlement, "SpecifiedTradePaymentTerms") if (found := _text(node, "DueDateDateTime", "DateTimeString"))), "")
    return EInvoice(
        "cii",
        "credit_note" if code in CREDIT_CODES else "invoice",
        code,
        _text(document, "ID"),
        issued,
        day(due, "BT-9"),
        currency,
        minor("TaxBasisTotalAmount", "BT-109"),
        gross,
        prepaid,
        gross - prepaid + rounding if payable is None else payable,
        rounding,
        _cii_party(trade, "SellerTradeParty"),
        _cii_party(trade, "BuyerTradeParty"),
        _text(trade, _AGREEMENT, "BuyerReference"),
        _text(trade, _AGREEMENT, "BuyerOrderReferencedDocument", "IssuerAssignedID|ID"),
        line_of(*(_text(node, "Description") for node in _all(settlement, "SpecifiedTradePaymentTerms")))[:400],
        _text(settlement, "PaymentReference"),
        day(_text(trade, _DELIVERY, "ActualDeliverySupplyChainEvent", "OccurrenceDateTime", "DateTimeString"), "BT-72"),
    )


def _cii_party(trade: Any, role: str) -> Party:
    party = next(_all(trade, _AGREEMENT, role), None)
    if party is None:
        return Party()
    numbers = [_text(found) for path in (("SpecifiedTaxRegistration", "ID"), ("SpecifiedLegalOrganization", "ID"), ("GlobalID",), ("ID",)) for found in _all(party, *path)]
    address = [_text(party, "PostalTradeAddress", tag) for tag in ("LineOne", "LineTwo", "PostcodeCode", "CityName")]
    return Party(
        _text(party, "Name"),
        tuple(dict.fromkeys(number for number in numbers if number)),
        _text(party, "DefinedTradeContact", "EmailURIUniversalCommunication", "URIID") or _text(party, "URIUniversalCommunication", "URIID"),
        line_of(*address)[:400],
        _text(party, "PostalTradeAddress", "CountryID").upper(),
    )
