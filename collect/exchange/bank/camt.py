"""ISO 20022 camt.052, camt.053 and camt.054 of any version: account reports, statements and advices as statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from lxml import etree

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange.bank.shape import MOST_LINES, MOST_STATEMENTS, Entry, Statement, decimal_of, line_of, minor_of

_BODIES = {"BkToCstmrAcctRpt": ("camt.052", "Rpt"), "BkToCstmrStmt": ("camt.053", "Stmt"), "BkToCstmrDbtCdtNtfctn": ("camt.054", "Ntfctn")}
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_MOST_TOLD = 200
"""Payments of a bundle whose texts its line tells."""
_MOST_TAGS = 4_000_000
"""Start and end tags: what they become in memory is bounded by it, whatever a file of the largest size is made of."""


def read(content: bytes, name: str) -> list[Statement]:
    """The statements of a camt file, each checked against its balances.

    Entries that are not booked yet (pending, information) are left out. An entry that bundles several payments becomes
    one line a payment where the payments' amounts are told and add up to the entry's; else it stays one line. Refusals:
    `xml_broken` with the line, `xml_doctype`, `statement_unknown`, and those of amounts and dates.
    """
    root = parse(content, name)
    body = next((child for child in root if _body(child) in _BODIES), None)
    if _tag(root) != "Document" or body is None:
        raise Refusal("statement_unknown", None, name=name)
    form, part = _BODIES[_body(body)]
    if len(body) > MOST_STATEMENTS:
        raise Refusal("statement_too_many", None, most=MOST_STATEMENTS)
    return [_statement(form, node).checked() for node in body if _tag(node) == part]


def parse(content: bytes, name: str) -> Any:
    """The root of an XML document read with everything dangerous off: no DOCTYPE, no entities, no network."""
    if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content:
        raise Refusal("xml_doctype", None, name=name)
    if content.count(b"<") > _MOST_TAGS:
        raise Refusal("statement_too_long", None, most=MOST_LINES)
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True)
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as problem:
        raise Refusal("xml_broken", None, name=name, line=problem.lineno or 1) from None
    if root.getroottree().docinfo.doctype:
        raise Refusal("xml_doctype", None, name=name)
    return root


def _tag(node: Any) -> str:
    """The name of an element without its namespace."""
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _body(node: Any) -> str:
    """The name of the message's body; the first versions carried theirs in it."""
    return re.sub(r"V\d\d$", "", _tag(node))


def _all(node: Any, *path: str) -> Iterator[Any]:
    """Every element at the end of a path of names."""
    if not path:
        yield node
        return
    for child in node.iterchildren(f"{{*}}{path[0]}"):
        yield from _all(child, *path[1:])


def _text(node: Any, *path: str) -> str:
    """The text of the first element at the end of a path; empty where there is none."""
    found = next(_all(node, *path), None)
    return (found.text or "").strip() if found is not None else ""


def _statement(form: str, node: Any) -> Statement:
    """One Rpt, Stmt or Ntfctn."""
    account = "".join((_text(node, "Acct", "Id", "IBAN") or _text(node, "Acct", "Id", "Othr", "Id") or _text(node, "Acct", "Id", "PrtryAcct", "Id")).split())
    entries: list[Entry] = []
    made = _text(node, "CreDtTm")
    for entry in _all(node, "Ntry"):
        entries += _entries(entry, made)
        if len(entries) > MOST_LINES:
            raise Refusal("statement_too_long", None, most=MOST_LINES)
    balances = {kind: _balance(node, *kind) for kind in (_OPENING, _CLOSING)}
    opening, closing = balances[_OPENING], balances[_CLOSING]
    currency = _text(node, "Acct", "Ccy") or (opening[1] if opening else closing[1] if closing else entries[0].currency if entries else "")
    currency = currency or next((found.get("Ccy") or "" for found in node.iter() if _tag(found) == "Amt"), "")
    if not money.is_currency(currency):
        raise Refusal("statement_no_currency", None, account=account or "?")
    # Within one statement both balances are in the currency of the account; where they are not, nothing proves the lines.
    apart = opening is not None and closing is not None and opening[1] != closing[1]
    broken = Refusal("statement_currencies", "currency", account=account or "?", opening=opening[1], closing=closing[1]) if opening and closing and apart else None
    both = opening is not None and closing is not None and opening[1] == closing[1] == currency and all(entry.currency == currency for entry in entries)
    return Statement(
        form,
        account,
        currency,
        tuple(entries),
        _text(node, "LglSeqNb") or _text(node, "ElctrncSeqNb") or _text(node, "Id"),
        _day(_text(node, "FrToDt", "FrDtTm")),
        _latest(_closed_on(node) or _day(_text(node, "FrToDt", "ToDtTm")), entries),
        opening[0] if both and opening else None,
        closing[0] if both and closing else None,
        broken=broken,
    )


def _latest(through: date | None, entries: list[Entry]) -> date | None:
    """The last day covered: never before a line that is there."""
    return max((day for day in (through, *(entry.day for entry in entries)) if day is not None), default=None)


def _balance(node: Any, *codes: str) -> tuple[int, str] | None:
    """The balance of the first of these codes that is there: minor units and currency."""
    told = {_text(balance, "Tp", "CdOrPrtry", "Cd"): balance for balance in reversed(list(_all(node, "Bal")))}
    return next((_amount(told[code]) for code in codes if code in told), None)


def _closed_on(node: Any) -> date | None:
    """The day of the closing balance: a statement without a single line covers it all the same."""
    days = (_date_of(balance, "Dt") for balance in _all(node, "Bal") if _text(balance, "Tp", "CdOrPrtry", "Cd") in _CLOSING)
    return next((day for day in days if day is not None), None)


def _amount(node: Any) -> tuple[int, str]:
    """Amount and currency of an element with Amt and CdtDbtInd; money out is negative. Refusal `bad_amount`."""
    amount = next(_all(node, "Amt"), None)
    currency = (amount.get("Ccy") or "").strip() if amount is not None else ""
    value = decimal_of(amount.text or "") if amount is not None else None
    # An amount says how much and CdtDbtInd which way: with a sign as well nobody knows which of the two is meant.
    if value is None or value.is_signed() or not money.is_currency(currency):
        raise Refusal("bad_amount", "Amt", value=f"{(amount.text or '')[:80] if amount is not None else ''} {currency[:8]}".strip())
    return minor_of(-value if _text(node, "CdtDbtInd") == "DBIT" else value, currency), currency


def _day(text: str) -> date | None:
    """The date of an ISO date or date and time, as the bank wrote it."""
    if not text:
        return None
    try:
        found = date.fromisoformat(text[:10])
    except ValueError:
        raise Refusal("bad_date", "BookgDt", value=text[:40]) from None
    if not 1900 <= found.year <= 2199:
        raise Refusal("bad_date", "BookgDt", value=text[:40])
    return found


def _date_of(node: Any, name: str) -> date | None:
    return _day(_text(node, name, "Dt") or _text(node, name, "DtTm"))


def _entries(node: Any, made: str) -> list[Entry]:
    """An Ntry as its lines; empty where it is not booked. One without a day of its own has that of the message (`made`)."""
    status = _text(node, "Sts", "Cd") or _text(node, "Sts")
    if status and status != "BOOK":
        return []
    amount, currency = _amount(node)
    day = _date_of(node, "BookgDt") or _date_of(node, "ValDt") or _day(made)
    if day is None:
        raise Refusal("bad_date", "BookgDt", value="")
    reversal = _text(node, "RvslInd") in ("true", "1")
    base = Entry(day, amount, currency, _date_of(node, "ValDt"), reversal=reversal, identity=_text(node, "AcctSvcrRef"))
    details = list(_all(node, "NtryDtls", "TxDtls"))
    shares = [_share(detail, node, currency) for detail in details]
    if len(details) > 1 and all(share is not None for share in shares) and sum(share or 0 for share in shares) == amount:
        return [_detailed(base, detail, node, share) for detail, share in zip(details, shares, strict=True)]
    if details:
        return [_detailed(base, details[0] if len(details) == 1 else node, node, amount)]
    return [_detailed(base, node, node, amount)]


def _share(detail: Any, entry: Any, currency: str) -> int | None:
    """What one payment of a bundle moves, in the entry's currency; None where the file does not tell."""
    for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt"), ("AmtDtls", "InstdAmt", "Amt")):
        found = next(_all(detail, *path), None)
        if found is not None and (found.get("Ccy") or "") == currency:
            value = decimal_of(found.text or "")
            if value is None or value.is_signed():
                return None
            sign = _text(detail, "CdtDbtInd") or _text(entry, "CdtDbtInd")
            return minor_of(-value if sign == "DBIT" else value, currency)
    return None


def _detailed(base: Entry, detail: Any, entry: Any, amount: int | None) -> Entry:
    """A line with the other party, references and texts of its payment."""
    side = "Cdtr" if (amount or 0) < 0 else "Dbtr"
    payer = _text(detail, "RltdPties", side, "Nm") or _text(detail, "RltdPties", side, "Pty", "Nm") or _text(detail, "RltdPties", f"Ultmt{side}", "Nm")
    account = _text(detail, "RltdPties", f"{side}Acct", "Id", "IBAN") or _text(detail, "RltdPties", f"{side}Acct", "Id", "Othr", "Id")
    # Of a bundle that stays one line, all payments' texts: it is a person who will have to tell them apart.
    parts = list(islice(_all(detail, "NtryDtls", "TxDtls"), _MOST_TOLD)) if detail is entry else [detail]
    structured = [_text(found) for part in parts for found in _all(part, "RmtInf", "Strd", "CdtrRefInf", "Ref")]
    documents = [_text(found) for part in parts for found in _all(part, "RmtInf", "Strd", "RfrdDocInf", "Nb")]
    free = [_text(found) for part in parts for found in _all(part, "RmtInf", "Ustrd")]
    end = _text(detail, "Refs", "EndToEndId")
    return Entry(
        base.day,
        base.amount if amount is None else amount,
        base.currency,
        base.value_day,
        payer,
        "".join(account.split()),
        line_of(*structured, "" if end == "NOTPROVIDED" else end)[:140],
        line_of(*free, *documents, _text(detail, "AddtlTxInf"), _text(entry, "AddtlNtryInf"))[:2000],
        base.reversal,
        line_of(base.identity, _text(detail, "Refs", "TxId"), _text(detail, "Refs", "AcctSvcrRef"), _text(detail, "Refs", "InstrId")),
        "" if end == "NOTPROVIDED" else end,
    )
