"""SWIFT MT940 and MT942, in the dialects of the banks: lines and balances by the mt-940 library, the texts of `:86:` by ourselves."""

from __future__ import annotations

import logging
import re
from datetime import date
from typing import Any

from mt940 import parse_statements, tags

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange.bank.shape import MOST_LINES, MOST_STATEMENTS, Entry, Statement, line_of, minor_of
from collect.exchange.bank.texts import decoded

_SUBFIELD = re.compile(r"[?>](\d{2})")
_SLASHES = re.compile(r"/(EREF|REMI|NAME|IBAN|ORDP|BENM|PREF|RTRN|MARF|CSID|ISDT|TRTP|CNTP|PURP|ULTD|ULTC)/")
_SEPA = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|IBAN|BIC)\+")
_AMOUNTS = re.compile(r"^(?::61:\d{6}(?:\d{4}|\s{4})?R?[DC][A-Z]?|:6[0-5][FM]?:[DC]\d{6}[A-Z]{3})\n?([\d,]{16,})", re.MULTILINE)
"""Amounts longer than the 15 signs of the standard: the library would keep their beginning only."""
_FULL = 27
"""Signs of a `?2n`; a full one goes on in the next, a shorter one ends a word."""
_SAYS_NOTHING = frozenset({"NONREF", "NOREF", "EREF", "KREF", "KREF+", "EREF+"})

# The library writes lines that it cannot read, with whom they are from, to standard error; we refuse the file instead.
logging.getLogger("mt940").setLevel(logging.CRITICAL + 1)


def read(content: bytes, name: str) -> list[Statement]:
    """The statements of an MT940 or MT942 file, each checked against its balances.

    Refusals: `statement_fragment` for a piece of a message without account, or without balances where an MT940 must
    have them; `statement_unreadable` where the library cannot make sense of a line; those of amounts.
    """
    text = decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    if text.count(":61:") > MOST_LINES:
        raise Refusal("statement_too_long", None, most=MOST_LINES)
    if text.count("\n:20:") > MOST_STATEMENTS:
        raise Refusal("statement_too_many", None, most=MOST_STATEMENTS)
    for tag in (":20:", ":25:"):
        if tag not in text:
            raise Refusal("statement_fragment", None, name=name, tag=tag)
    interim = ":34F:" in text or ":13D:" in text
    for tag in () if interim else (":60", ":62"):
        if tag not in text:
            raise Refusal("statement_fragment", None, name=name, tag=f"{tag}F:")
    for told in _AMOUNTS.finditer(text):
        if told[1].strip("0,"):
            raise Refusal("bad_statement_line", "amount", line=text.count("\n", 0, told.start(1)) + 1, value=told[1][:40])
    try:
        found = _parsed(text)
    except (ValueError, RuntimeError, KeyError, ArithmeticError, AssertionError, TypeError, AttributeError):
        raise Refusal("statement_unreadable", None, name=name) from None
    return [_statement("mt942" if interim else "mt940", statement, name).checked() for statement in found]


def _parsed(text: str) -> Any:
    """The library's reading; a bank that writes the other account into `:61:` (ASN) needs the library's tag for it."""
    processors: Any = {"post_transaction_details": []}
    try:
        return parse_statements(text, processors=processors)
    except RuntimeError:
        return parse_statements(text, processors=processors, tags={tags.StatementASNB.id: tags.StatementASNB()})


def _statement(form: str, found: Any, name: str) -> Statement:
    data = found.data
    account = "".join(str(data.get("account_identification") or "").split())
    opening = data.get("final_opening_balance") or data.get("intermediate_opening_balance")
    closing = data.get("final_closing_balance") or data.get("intermediate_closing_balance")
    if form == "mt940" and (opening is None or closing is None):
        raise Refusal("statement_fragment", None, name=name, tag=":60F:" if opening is None else ":62F:")
    if not account:
        raise Refusal("statement_fragment", None, name=name, tag=":25:")
    currency = _currency(data, found, opening or closing)
    if currency and account.endswith(currency):
        account = account.removesuffix(currency).rstrip("/")
    if not money.is_currency(currency):
        raise Refusal("statement_no_currency", None, account=account)
    entries = tuple(_entry(line, currency) for line in found)
    number = "/".join(str(data[key]) for key in ("statement_number", "sequence_number") if data.get(key))
    return Statement(
        form,
        account,
        currency,
        entries,
        number,
        _plain(opening.date) if opening is not None else None,
        max([_plain(closing.date), *(entry.day for entry in entries)]) if closing is not None else None,
        minor_of(opening.amount.amount, currency) if opening is not None else None,
        minor_of(closing.amount.amount, currency) if closing is not None else None,
    )


def _currency(data: Any, found: Any, balance: Any) -> str:
    """The currency of the balances; of an MT942 that of its floor limit or sums."""
    for known in (balance, data.get("c_floor_limit"), data.get("d_floor_limit"), data.get("sum_credit_entries"), data.get("sum_debit_entries")):
        currency = getattr(getattr(known, "amount", known), "currency", None)
        if currency:
            return str(currency)
    return next((str(line.data["currency"]) for line in found if line.data.get("currency")), "")


def _plain(day: Any) -> date:
    return date(day.year, day.month, day.day)


def _entry(line: Any, currency: str) -> Entry:
    """One `:61:` with its `:86:`."""
    data = line.data
    status = str(data.get("status") or "")
    # The library gives "RC" (a credit taken back) the sign of a credit; the money goes the other way.
    value = abs(data["amount"].amount)
    out = status in ("D", "RC")
    details = str(data.get("transaction_details") or "")
    payer, account, reference, narrative = _details(details) if details else _hungarian(data)
    end = "" if reference in _SAYS_NOTHING else reference
    own = str(data.get("customer_reference") or "").strip()
    extra = str(data.get("extra_details") or "")
    day = data.get("entry_date") or data.get("guessed_entry_date") or data["date"]
    return Entry(
        _plain(day),
        minor_of(-value if out else value, currency),
        currency,
        _plain(data["date"]),
        payer[:200],
        account[:64],
        line_of(reference, "" if own in _SAYS_NOTHING else own)[:140],
        line_of(narrative, extra)[:2000],
        status in ("RC", "RD"),
        str(data.get("bank_reference") or "").strip(),
        end,
    )


def _details(text: str) -> tuple[str, str, str, str]:
    """Payer, his account, reference and narrative of a `:86:`: in numbered subfields, with slash words, or free."""
    flat = text.replace("\n", "")
    if _SUBFIELD.search(flat) and _SUBFIELD.search(flat[:12]):
        return _numbered(flat)
    if _SLASHES.search(flat):
        return _slashed(flat)
    return "", "", "", line_of(*text.split("\n")) if len(text) < 66 else _wrapped(text)


def _hungarian(data: Any) -> tuple[str, str, str, str]:
    """The same from `:NS:` fields, as Hungarian banks write them in place of `:86:`: 15, 16 the name, 33, 34 the account, else text."""
    told = {key.removeprefix("non_swift_"): str(value) for key, value in data.items() if re.fullmatch(r"non_swift_\d\d", key)}
    account = told.pop("33", "") + told.pop("34", "")
    name, rest = told.pop("15", ""), told.pop("16", "")
    payer = line_of(name + rest if len(name) >= _FULL else f"{name} {rest}")
    return payer, "".join(account.split()), "", line_of(*(told[code] for code in sorted(told)))


def _wrapped(text: str) -> str:
    """Free text: a full line of 65 signs goes on in the next without a space, a shorter one ends a word."""
    return re.sub(r"\s+", " ", "".join(line if len(line) >= 65 else f"{line} " for line in text.split("\n"))).strip()


def _numbered(flat: str) -> tuple[str, str, str, str]:
    """`?20`–`?29` and `?60`–`?63` are the purpose, `?31` the account, `?32` and `?33` the name."""
    parts = _SUBFIELD.split(flat)
    fields: dict[str, str] = {}
    for code, value in zip(parts[1::2], parts[2::2], strict=True):
        fields[code] = fields.get(code, "") + value
    texts = [value for code, value in sorted(fields.items()) if code[0] == "2" or code in ("60", "61", "62", "63")]
    purpose = "".join(value if len(value) >= _FULL else f"{value}\n" for value in texts)
    words = dict(zip(*[iter(_SEPA.split(purpose)[1:])] * 2, strict=False))
    reference = words.get("EREF", "").strip().partition("\n")[0]
    told, before = (words["SVWZ"], _SEPA.split(purpose)[0]) if "SVWZ" in words else (purpose, "")
    name = line_of(fields.get("32", "") + fields.get("33", "") if len(fields.get("32", "")) >= 27 else line_of(fields.get("32"), fields.get("33")))
    return name, "".join((fields.get("31") or words.get("IBAN", "")).split()), reference, line_of(told, before, fields.get("00"))


def _slashed(flat: str) -> tuple[str, str, str, str]:
    """`/EREF/…/NAME/…/REMI/…`; what stands before the first word is narrative too."""
    parts = _SLASHES.split(flat)
    fields: dict[str, str] = {}
    for code, value in zip(parts[1::2], parts[2::2], strict=True):
        fields.setdefault(code, value.strip("/ "))
    reference = fields.get("EREF", "")
    return fields.get("NAME", ""), "".join(fields.get("IBAN", "").split()), reference, line_of(fields.get("REMI", "").strip("/"), parts[0])
