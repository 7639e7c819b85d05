"""UBL 2.1 and CII (also in its first form, ZUGFeRD 1): the business terms of EN 16931 that a receivable needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from lxml import etree

from collect.domain.errors import Refusal
from collect.exchange.bank.camt import parse
from collect.exchange.bank.shape import line_of
from collect.exchange.einvoice.shape import CREDIT_CODES, EInvoice, Party, amount, currency_of, day

_MOST_TAGS = 1_000_000
"""Start and end tags: an invoice of ten thousand lines has half as many."""
_LONGEST = 400
"""Characters kept of a text that is only shown."""


def read(content: bytes, name: str) -> EInvoice:
    """The e-invoice in an XML document. Refusals: `xml_broken`, `xml_doctype`, `einvoice_unknown`, and those of its fields."""
    if content.count(b"<") > _MOST_TAGS:
        raise Refusal("einvoice_too_long", None, name=name)
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
    for child in node.iterchildren(*(f"{{*}}{name}" for name in path[0].split("|"))):
        yield from _all(child, *path[1:])


def _text(node: Any, *path: str) -> str:
    """The text of the first element there that has one."""
    return next((text for found in _all(node, *path) if (text := (found.text or "").strip())), "")


def _shown(node: Any, *path: str) -> str:
    """The same for a text that is only shown: on one line, and not without end."""
    return line_of(_text(node, *path))[:_LONGEST]


def _ubl(root: Any, kind: str) -> EInvoice:
    currency = currency_of(_text(root, "DocumentCurrencyCode"))
    total = next(_all(root, "LegalMonetaryTotal"), None)
    if total is None:
        raise Refusal("einvoice_incomplete", "amount", field_name="BT-112")

    def minor(tag: str, term: str) -> int | None:
        node = next(_all(total, tag), None)
        text = (node.text or "").strip() if node is not None else ""
        if node is None or not text:
            return None
        if (other := (node.get("currencyID") or currency).strip().upper()) != currency:
            raise Refusal("amount_in_other_currency", term, value=f"{text[:40]} {other[:8]}", currency=currency)
        return amount(text, currency, term)

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
        code[:8],
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
        _shown(root, "BuyerReference"),
        _shown(root, "OrderReference", "ID"),
        _shown(root, "PaymentTerms", "Note"),
        _shown(root, "PaymentMeans", "PaymentID"),
        day(_text(root, "Delivery", "ActualDeliveryDate"), "BT-72"),
        sum(1 for _ in _all(root, "InvoiceLine|CreditNoteLine")),
    )


def _ubl_party(root: Any, role: str) -> Party:
    party = next(_all(root, role, "Party"), None)
    if party is None:
        return Party()
    address = [_text(party, "PostalAddress", tag) for tag in ("StreetName", "AdditionalStreetName", "PostalZone", "CityName")]
    return Party(
        _shown(party, "PartyLegalEntity", "RegistrationName") or _shown(party, "PartyName", "Name"),
        _numbers(party, ("PartyTaxScheme", "CompanyID"), ("PartyLegalEntity", "CompanyID")),
        _shown(party, "Contact", "ElectronicMail"),
        line_of(*address)[:_LONGEST],
        _text(party, "PostalAddress", "Country", "IdentificationCode").upper()[:2],
    )


def _numbers(party: Any, *paths: tuple[str, ...]) -> tuple[str, ...]:
    """The party's numbers for tax and register, each once, in that order; a handful at most."""
    found = [line_of(_text(node))[:64] for path in paths for node in _all(party, *path)]
    return tuple(dict.fromkeys(number for number in found if number))[:8]


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
        code[:8],
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
        _shown(trade, _AGREEMENT, "BuyerReference"),
        _shown(trade, _AGREEMENT, "BuyerOrderReferencedDocument", "IssuerAssignedID|ID"),
        line_of(*(_shown(node, "Description") for node in islice(_all(settlement, "SpecifiedTradePaymentTerms"), 20)))[:_LONGEST],
        _shown(settlement, "PaymentReference"),
        day(_text(trade, _DELIVERY, "ActualDeliverySupplyChainEvent", "OccurrenceDateTime", "DateTimeString"), "BT-72"),
        sum(1 for _ in _all(trade, "IncludedSupplyChainTradeLineItem")),
    )


def _cii_party(trade: Any, role: str) -> Party:
    party = next(_all(trade, _AGREEMENT, role), None)
    if party is None:
        return Party()
    address = [_text(party, "PostalTradeAddress", tag) for tag in ("LineOne", "LineTwo", "PostcodeCode", "CityName")]
    return Party(
        _shown(party, "Name"),
        _numbers(party, ("SpecifiedTaxRegistration", "ID"), ("SpecifiedLegalOrganization", "ID")),
        _shown(party, "DefinedTradeContact", "EmailURIUniversalCommunication", "URIID") or _shown(party, "URIUniversalCommunication", "URIID"),
        line_of(*address)[:_LONGEST],
        _text(party, "PostalTradeAddress", "CountryID").upper()[:2],
    )
