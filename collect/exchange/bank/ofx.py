"""OFX and QFX, as SGML (version 1) and as XML (version 2): bank and credit card statements."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange.bank.shape import MOST_LINES, MOST_STATEMENTS, Entry, Statement, decimal_of, line_of, minor_of
from collect.exchange.bank.texts import decoded

_TAG = re.compile(r"<(/?)([A-Za-z0-9_.]{1,64})\s*(/?)>([^<]*)")
_MOST_TAGS = 1_000_000
_DEEPEST = 64
"""No statement nests deeper than a dozen aggregates; without a bound, end tags that match nothing would cost the square of the file."""


@dataclass(slots=True)
class _Node:
    """An aggregate or a value of the file."""

    name: str
    text: str = ""
    children: list[_Node] = field(default_factory=list)

    def all(self, *path: str) -> Iterator[_Node]:
        """Every node at the end of a path of names."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.name == path[0]:
                yield from child.all(*path[1:])

    def value(self, *path: str) -> str:
        """The text of the first node at the end of a path; empty where there is none."""
        return next((node.text for node in self.all(*path)), "")


def read(content: bytes, name: str) -> list[Statement]:
    """The bank and card statements of a file; investment accounts are no receipts and are left out.

    OFX tells only the closing balance, so the lines cannot be held against an opening one. Refusals: `xml_doctype`,
    `statement_unknown`, `ofx_refused`, `ofx_investment` or `ofx_without_statement` where the file holds no statement at all,
    `ofx_cut` where it ends before its elements do, and those of amounts and dates.
    """
    text = decoded(content)
    if "<!DOCTYPE" in text[:4096] or "<!ENTITY" in text:
        raise Refusal("xml_doctype", None, name=name)
    root = _tree(text, name)
    found: list[Statement] = []
    for message, response, body in (("BANKMSGSRSV1", "STMTTRNRS", "STMTRS"), ("CREDITCARDMSGSRSV1", "CCSTMTTRNRS", "CCSTMTRS")):
        found += [_statement(node).checked() for node in islice(root.all("OFX", message, response, body), MOST_STATEMENTS + 1 - len(found))]
    if len(found) > MOST_STATEMENTS:
        raise Refusal("statement_too_many", None, most=MOST_STATEMENTS)
    if not found:
        raise _why_none(root, name)
    return found


def _why_none(root: _Node, name: str) -> Refusal:
    """What a file without a bank or card statement is instead: a refusal of the bank's, an investment account, a list of accounts."""
    status = next(root.all("OFX", "SIGNONMSGSRSV1", "SONRS", "STATUS"), _Node(""))
    code = status.value("CODE")
    if code.strip("0"):
        return Refusal("ofx_refused", None, name=name, number=code[:20], told=line_of(status.value("MESSAGE") or status.value("SEVERITY"))[:200])
    if next(root.all("OFX", "INVSTMTMSGSRSV1"), None) is not None:
        return Refusal("ofx_investment", None, name=name)
    return Refusal("ofx_without_statement", None, name=name)


def _tree(text: str, name: str) -> _Node:
    """The tags as a tree; SGML leaves the end tags of values out, so a value ends where the next tag begins."""
    root = _Node("")
    stack = [root]
    start = text.find("<OFX>")
    if start < 0:
        raise Refusal("statement_unknown", None, name=name)
    # Counted before anything is made of them: the tree of so many takes half a minute on a slow machine.
    if text.count("<", start) > _MOST_TAGS and next(islice(_TAG.finditer(text, start), _MOST_TAGS + 1, None), None) is not None:
        raise Refusal("statement_too_long", None, most=MOST_LINES)
    for found in _TAG.finditer(text, start):
        closing, tag, empty, told = found[1], found[2].upper(), found[3], found[4].strip()
        if closing:
            if any(node.name == tag for node in stack[1:]):
                while stack[-1].name != tag:
                    stack.pop()
                stack.pop()
        elif told or empty:
            stack[-1].children.append(_Node(tag, html.unescape(told)))
        else:
            node = _Node(tag)
            stack[-1].children.append(node)
            if tag not in _VALUES or f"</{tag}>" in text[found.end() : found.end() + 64]:
                stack.append(node)
            if len(stack) > _DEEPEST:
                raise Refusal("statement_unknown", None, name=name)
    if len(stack) > 1:
        raise Refusal("ofx_cut", None, name=name, tag=stack[-1].name)
    return root


_VALUES = frozenset(
    {"MEMO", "NAME", "CHECKNUM", "REFNUM", "FITID", "DTASOF", "DTSTART", "DTEND", "DTPOSTED", "DTUSER", "BALAMT", "TRNAMT", "SIC", "PAYEEID", "EXTDNAME", "MESSAGE"}
)


def _statement(node: _Node) -> Statement:
    """One STMTRS or CCSTMTRS."""
    currency = node.value("CURDEF").upper()
    account = node.value("BANKACCTFROM", "ACCTID") or node.value("CCACCTFROM", "ACCTID")
    if not money.is_currency(currency):
        raise Refusal("statement_no_currency", None, account=account or "?")
    entries = tuple(_entry(line, currency) for line in node.all("BANKTRANLIST", "STMTTRN"))
    if len(entries) > MOST_LINES:
        raise Refusal("statement_too_long", None, most=MOST_LINES)
    since, through = (_day(node.value("BANKTRANLIST", name), name) if node.value("BANKTRANLIST", name) else None for name in ("DTSTART", "DTEND"))
    told = node.value("LEDGERBAL", "BALAMT")
    closing = minor_of(_number(told), currency) if told else None
    return Statement("ofx", "".join(account.split()), currency, entries, "", since, through, None, closing)


def _entry(node: _Node, currency: str) -> Entry:
    kind, own = node.value("TRNTYPE"), node.value("CURRENCY", "CURSYM").upper()
    if own and own != currency and money.is_currency(own):
        currency = own
    return Entry(
        _day(node.value("DTPOSTED"), "DTPOSTED"),
        minor_of(_number(node.value("TRNAMT")), currency),
        currency,
        _day(node.value("DTAVAIL"), "DTAVAIL") if node.value("DTAVAIL") else None,
        line_of(node.value("NAME") or node.value("PAYEE", "NAME"))[:200],
        "".join(node.value("BANKACCTTO", "ACCTID").split()),
        line_of(node.value("CHECKNUM"), node.value("REFNUM"))[:140],
        line_of(node.value("MEMO"), "" if kind in ("CREDIT", "DEBIT", "OTHER", "") else kind)[:2000],
        False,
        node.value("FITID"),
    )


def _number(text: str) -> Decimal:
    """An amount: a point or a comma separates decimals."""
    value = decimal_of(text.replace(",", ".") if "." not in text else text.replace(",", ""))
    if value is None:
        raise Refusal("bad_amount", "TRNAMT", value=text[:80] or "<TRNAMT>")
    return value


def _day(text: str, name: str) -> date:
    """The day of `20130525060000.000[-5:EST]`, as the bank wrote it."""
    try:
        found = date.fromisoformat(text[:8]) if text[:8].isascii() and text[:8].isdigit() else None
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year <= 2199:
        raise Refusal("bad_date", name, value=text[:40] or f"<{name}>")
    return found
