"""What every e-invoice comes down to, and the check that its totals agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from collect.domain import money
from collect.domain.errors import Refusal

_AMOUNT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})(?:[T ][0-9:.]{5,18})?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_LONGEST_NUMBER = 64
CREDIT_CODES = frozenset({"381", "396", "261", "83", "308", "296"})
"""Type codes of UNTDID 1001 that mean a credit note."""


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer as the document gives them, empty where it does not.

    `tax_nos`: for tax first (BT-31, BT-48), then of the register (BT-30, BT-47); what one side calls the other
    (a customer number, a location number) is none.
    """

    name: str = ""
    tax_nos: tuple[str, ...] = ()
    email: str = ""
    address: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class EInvoice:
    """One e-invoice. Minor units: `gross` is BT-112, `prepaid` BT-113, `payable` BT-115 (gross - prepaid + rounding).

    `kind`: invoice or credit_note, as the document calls itself. `form`: ubl, cii, pdf or ofd. `lines` is their number.
    """

    form: str
    kind: str
    type_code: str
    number: str
    issued: date
    due: date | None
    currency: str
    net: int | None
    gross: int
    prepaid: int
    payable: int
    rounding: int
    seller: Party
    buyer: Party
    buyer_reference: str = ""
    order_no: str = ""
    terms: str = ""
    payment_reference: str = ""
    delivered_on: date | None = None
    lines: int = 0

    def checked(self) -> EInvoice:
        """The invoice; Refusal `einvoice_off` unless gross - prepaid + rounding = payable, `einvoice_incomplete` without a number.

        A number is never cut or cleaned: Refusal `too_long`, `control_characters`.
        """
        if not self.number:
            raise Refusal("einvoice_incomplete", "number", field_name="BT-1")
        if len(self.number) > _LONGEST_NUMBER:
            raise Refusal("too_long", "number", value=self.number[:80], longest=_LONGEST_NUMBER)
        if not self.number.isprintable():
            raise Refusal("control_characters", "number", value=self.number)
        if self.gross - self.prepaid + self.rounding != self.payable:
            told = {name: money.plain(getattr(self, name), self.currency) for name in ("gross", "prepaid", "payable")}
            raise Refusal("einvoice_off", "amount", number=self.number, **told)
        return self


def amount(text: str, currency: str, name: str) -> int:
    """An amount of the document in minor units, as XML writes decimals: digits, a point, a sign, nothing else.

    Refusals, naming the business term: `bad_amount` (`1e3`, `1_000`, `NaN`, groups), `too_many_decimals`,
    `amount_too_large` beyond ±(2^63-1) minor units (S1).
    """
    plain = text.strip()
    if not _AMOUNT.fullmatch(plain):
        raise Refusal("bad_amount", name, value=plain[:40])
    try:
        return money.parse(plain.removesuffix("."), currency, field=name)
    except Refusal as refusal:
        raise Refusal(refusal.code, name, **(refusal.params | {"value": plain[:40]})) from None


def day(text: str, name: str) -> date | None:
    """A date as `2026-03-05` or `20260305`, a time or zone behind it dropped; None when empty; Refusal `bad_date`."""
    plain = text.strip()
    if not plain:
        return None
    found = _DAY.fullmatch(plain)
    try:
        told = date.fromisoformat(found[1]) if found else None
    except ValueError:
        told = None
    if told is None or not 1900 <= told.year <= 2199:
        raise Refusal("bad_date", name, value=plain[:40])
    return told


def currency_of(text: str) -> str:
    """The ISO code of the document's currency; Refusal `unknown_currency`."""
    code = text.strip().upper()
    if not money.is_currency(code):
        raise Refusal("unknown_currency", "currency", value=code[:40])
    return code
