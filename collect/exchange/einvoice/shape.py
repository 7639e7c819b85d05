"""What every e-invoice comes down to, and the check that its totals agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange.bank.shape import minor_of

CREDIT_CODES = frozenset({"381", "396", "261", "83", "308", "296"})
"""Type codes of UNTDID 1001 that mean a credit note."""


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer: names and numbers as the document gives them, empty where it does not."""

    name: str = ""
    tax_nos: tuple[str, ...] = ()
    email: str = ""
    address: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class EInvoice:
    """One e-invoice. Minor units: `gross` is BT-112, `prepaid` BT-113, `payable` BT-115 (gross - prepaid + rounding).

    `kind`: invoice or credit_note, whose amounts are positive. `form`: ubl, cii or ofd; `pdf` is told by the reader.
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

    def checked(self) -> EInvoice:
        """The invoice; Refusal `einvoice_off` unless gross - prepaid + rounding = payable, `einvoice_incomplete` without a number."""
        if not self.number:
            raise Refusal("einvoice_incomplete", "number", field_name="BT-1")
        if self.gross - self.prepaid + self.rounding != self.payable:
            told = {name: money.plain(getattr(self, name), self.currency) for name in ("gross", "prepaid", "payable")}
            raise Refusal("einvoice_off", "amount", number=self.number, **told)
        return self


def amount(text: str, currency: str, name: str) -> int:
    """An amount of the document in minor units; Refusal `bad_amount` and the like, naming the business term."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise Refusal("bad_amount", name, value=text) from None
    return minor_of(value, currency, name)


def day(text: str, name: str) -> date | None:
    """A date as `2026-03-05` or `20260305`; None when empty; Refusal `bad_date`."""
    plain = text.strip()
    if not plain:
        return None
    try:
        return date.fromisoformat(plain[:10]) if "-" in plain else date(int(plain[:4]), int(plain[4:6]), int(plain[6:8]))
    except ValueError:
        raise Refusal("bad_date", name, value=plain[:40]) from None


def currency_of(text: str) -> str:
    """The ISO code of the document's currency; Refusal `unknown_currency`."""
    code = text.strip().upper()
    if not money.is_currency(code):
        raise Refusal("unknown_currency", "currency", value=text)
    return code
