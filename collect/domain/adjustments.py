"""What may be taken off a debt, or paid back, and whose decision it needs (S12, S29, P18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from collect.domain import money
from collect.domain.errors import Refusal

WRITE_OFF, TAIL, CREDIT, REFUND, SET_OFF = "write_off", "tail", "credit", "refund", "set_off"
KINDS = (WRITE_OFF, CREDIT, SET_OFF, REFUND)
"""What a person may ask for; a tail comes from the list of tails alone."""

BANK_CHARGES, REBATE = "bank_charges", "rebate"
REASONS: Mapping[str, tuple[str, ...]] = {
    WRITE_OFF: ("uncollectable", "insolvent", "lapsed", "settlement", "other"),
    TAIL: ("tail",),
    CREDIT: (REBATE, "price", "goods", "quantity", "discount", BANK_CHARGES, "other"),
    REFUND: ("overpaid", "order_cancelled", "other"),
    SET_OFF: ("payables", "goods_for_debt", "three_parties", "transfer"),
}
"""Why, by kind. Bank charges are no tail (S12): they are asked for as a credit, and stay a debt when that is refused."""

THREE_PARTIES, TRANSFER = "three_parties", "transfer"
WITH_OTHER = (THREE_PARTIES, TRANSFER)
"""Reasons for which another customer owes the amount from then on: instead of what he is owed, or by taking the debt over as old as it is."""
LONGEST_NOTE = 400


def parse_limits(text: str) -> dict[str, int]:
    """Currency to minor units, as the settings have them: `CNY 100, USD 15`; Refusal `bad_setting` for anything else."""
    found: dict[str, int] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        currency, _, amount = entry.partition(" ")
        try:
            found[currency] = money.parse(amount, currency)
        except Refusal:
            raise Refusal("bad_setting", name="[adjustments]", value=entry) from None
    return found


def is_tail(amount: int, open_amount: int, limit: int | None) -> bool:
    """Whether a rest is small enough to be a tail: at most 1 % of the item and at most the currency's limit (S12)."""
    return limit is not None and 0 < open_amount <= min(amount // 100, limit) and open_amount < amount


def level_of(kind: str, amount: int, one_manager: int | None) -> int:
    """How many managers have to agree: one up to the currency's limit, two beyond it or where it has none."""
    return 1 if kind == TAIL or (one_manager is not None and amount <= one_manager) else 2


def check(kind: str, reason: str, note: str, document: str, parts: Sequence[tuple[int, int]]) -> None:
    """Whether a request says what it must: a reason of its kind, a note, amounts, and a document for a set-off.

    Refusal `not_a_choice`, `missing_reason`, `nothing_asked`, `invoice_twice`, `document_number_missing`.
    """
    if kind not in KINDS:
        raise Refusal("not_a_choice", "kind", value=kind, allowed=", ".join(KINDS))
    if reason not in REASONS[kind]:
        raise Refusal("not_a_choice", "reason", value=reason, allowed=", ".join(REASONS[kind]))
    if not note.strip():
        raise Refusal("missing_reason", "note")
    if not parts or any(amount <= 0 for _, amount in parts):
        raise Refusal("nothing_asked", "amount")
    if len({key for key, _ in parts}) < len(parts):
        raise Refusal("part_twice", "amount")
    if len(document) > 64 or (kind == SET_OFF and not document.strip()):
        raise Refusal("document_number_missing", "document")


def check_decider(requested_by: int | None, decider: int | None) -> None:
    """Nobody approves his own request (S29): Refusal `own_proposal`."""
    if decider is None or requested_by == decider:
        raise Refusal("own_proposal", None)


def recovery_day(received: date, written_off: date) -> date:
    """The day from which money for a written-off item brings the debt back: its own, never before the write-off."""
    return max(received, written_off)
