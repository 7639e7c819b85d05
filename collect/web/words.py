"""What the books call things, in the reader's words: states, events, actions, kinds and fields that are stored as codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collect import i18n
from collect.domain.rights import SYSTEM
from collect.i18n import mark as _

DOCUMENTS = {
    "invoice": _("Invoice"),
    "receipt": _("Receipt"),
    "credit_note": _("Credit note"),
}
KINDS = DOCUMENTS | {
    "customer": _("Customer"),
    "contact": _("Contact"),
    "customers": _("Import of customers"),
    "contacts": _("Import of contacts"),
    "invoices": _("Import of invoices"),
    "credits": _("Import of credits"),
    "payments": _("Import of payments"),
    "mapping": _("Saved mapping"),
    "month": _("Month"),
    "user": _("User"),
    "company": _("Company"),
}
"""The kinds of object that the audit log speaks of."""

LEDGER_KINDS = frozenset(KINDS) - {"user", "company"}
"""Those that exist only for roles that may read the ledger (S28)."""

ACTIONS = {
    "create": _("Created"),
    "change": _("Changed"),
    "edit": _("Changed"),
    "assign": _("Assigned"),
    "void": _("Voided"),
    "event": _("Event recorded"),
    "apply": _("Applied"),
    "unapply": _("Taken back"),
    "import": _("Imported"),
    "save": _("Saved"),
    "close": _("Closed"),
    "reopen": _("Opened again"),
    "enable": _("Enabled"),
    "disable": _("Disabled"),
    "set_active": _("Access changed"),
    "set_role": _("Role changed"),
    "set_lead": _("Team changed"),
    "set_password": _("Password changed"),
    "set_preferences": _("Preferences changed"),
    "issue_token": _("Token issued"),
    "revoke_token": _("Token revoked"),
}

STEPS = ACTIONS | {
    "issue": _("Issued"),
    "receive": _("Received"),
    "allocation": _("Applied"),
    "reversal": _("Taken back"),
}
"""The lines of a document's history."""

HAPPENINGS = ACTIONS | {
    "invoice": _("Invoice issued"),
    "receipt": _("Payment received"),
    "credit_note": _("Credit note issued"),
    "allocation": _("Applied"),
    "reversal": _("Taken back"),
}
"""The lines of a customer's timeline."""

POSTINGS = {
    "issue": _("Issue"),
    "void": _("Void"),
    "receive": _("Receipt"),
    "settle": _("Settlement"),
    "allocate": _("Allocation"),
    "redate": _("Change of due date"),
}
ACCOUNTS = {
    "sales": _("Sales"),
    "returns": _("Returns"),
    "bank": _("Bank"),
    "redating": _("Redating"),
}
TRIGGERS = {
    "DELIVERY": _("Delivery"),
    "ACCEPTANCE": _("Acceptance"),
    "RECEIPT": _("Receipt of the invoice"),
    "CUTOFF": _("Month-end cut-off"),
    "WARRANTY": _("End of warranty"),
    "NEXT_DELIVERY": _("Next delivery"),
}
METHODS = {
    "transfer": _("Bank transfer"),
    "cheque": _("Cheque"),
    "bill": _("Bill"),
    "cash": _("Cash"),
    "card": _("Card"),
    "direct_debit": _("Direct debit"),
    "wallet": _("Mobile payment"),
    "set_off": _("Set-off"),
    "other": _("Other"),
}
CONTACT_ROLES = {
    "owner": _("Owner"),
    "head": _("In charge"),
    "finance": _("Finance"),
    "cashier": _("Cashier"),
    "purchasing": _("Purchasing"),
    "warehouse": _("Warehouse"),
    "other": _("Other"),
}
DUTIES = {"rep": _("Rep"), "collector": _("Collector")}
ROLES = {
    "rep": _("Sales rep"),
    "lead": _("Team lead"),
    "finance": _("Finance"),
    "manager": _("Manager"),
    "auditor": _("Auditor"),
    "admin": _("Administrator"),
}
LANGUAGES = {"zh": _("Chinese"), "en": _("English")}
SCOPES = {"reports:read": _("Read reports"), "customers:read": _("Read customers"), "invoices:read": _("Read invoices")}
_SYSTEM = _("System")

FIELDS = {
    "active": _("May sign in"),
    "address": _("Address"),
    "amount": _("Amount"),
    "bank_reference": _("Bank reference"),
    "buckets": _("Aging buckets"),
    "changed": _("Changed"),
    "closed": _("Closed"),
    "collector": _("Collector"),
    "columns": _("Columns"),
    "country": _("Country"),
    "credit_limit": _("Credit limit"),
    "currency": _("Currency"),
    "dates": _("Order of dates"),
    "day": _("Date"),
    "decides": _("Decides"),
    "decimal": _("Decimal sign"),
    "delivered_on": _("Delivered"),
    "description": _("Description"),
    "due_date": _("Due date"),
    "due_dates": _("Due dates"),
    "effective": _("Effective"),
    "email": _("E-mail"),
    "file": _("File"),
    "happened": _("Happened"),
    "invoice": _("Invoice"),
    "kind": _("Kind"),
    "language": _("Language"),
    "lead": _("Team lead"),
    "lead_id": _("Team lead"),
    "margin": _("Margin"),
    "method": _("Method"),
    "mobile": _("Mobile"),
    "name": _("Name"),
    "new": _("New"),
    "original": _("Original contact"),
    "parent_no": _("Parent customer"),
    "phone": _("Phone"),
    "po_no": _("Order no."),
    "preferred_time": _("Preferred time"),
    "reason": _("Reason"),
    "refused": _("Refused"),
    "rep": _("Rep"),
    "role": _("Role"),
    "scopes": _("Scopes"),
    "segment": _("Segment"),
    "since": _("Since"),
    "status": _("State"),
    "tax_no": _("Tax no."),
    "terms": _("Terms"),
    "timezone": _("Time zone"),
    "token": _("Token"),
    "unchanged": _("Unchanged"),
    "wechat": _("WeChat"),
}
_HIDDEN = frozenset({"digest", "file_hash", "parent_id", "version"})
_CODES: dict[str, Mapping[str, str]] = {
    "status": {"posted": _("Posted"), "void": _("Void")},
    "method": METHODS,
    "role": ROLES | CONTACT_ROLES,
    "language": LANGUAGES,
    "kind": KINDS,
    "scopes": SCOPES,
}


def said(words: Mapping[str, str], code: str | None) -> str:
    """The reader's word for a code; a code without a word shows itself, so that it is seen and gets one."""
    return i18n.gettext(words[code]) if code and code in words else (code or "")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that a change touched; empty text where there was or is nothing."""

    label: str
    before: str
    after: str
    word: bool


def differences(before: str | None, after: str | None, people: Mapping[int, str], currency: str = "") -> list[Difference]:
    """What an audit row says of fields, in words: `before` and `after` are its JSON texts, `people` user ids to names.

    `currency` is that of amounts kept as minor units (a credit limit), where it is known; `word` is true where the
    values are words of ours (translated) rather than somebody's data.
    """
    old: dict[str, Any] = json.loads(before) if before else {}
    new: dict[str, Any] = json.loads(after) if after else {}
    found = []
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in _HIDDEN and (old.get(name) not in (None, "") or new.get(name) not in (None, "")):
            word = name in _CODES or isinstance(new.get(name, old.get(name)), bool)
            found.append(Difference(said(FIELDS, name), _value(name, old.get(name), people, currency), _value(name, new.get(name), people, currency), word))
    return found


def _value(name: str, value: Any, people: Mapping[int, str], currency: str) -> str:
    """A stored value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return i18n.gettext("Yes") if value else i18n.gettext("No")
    if name in ("rep", "collector", "lead_id") and isinstance(value, int):
        return people.get(value, str(value))
    if name == "credit_limit" and isinstance(value, int) and currency:
        return i18n.group(value, currency)
    if isinstance(value, list):
        return ", ".join(_value(name, each, people, currency) for each in value if each is not None)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {each}" for key, each in value.items())
    text = str(value)
    if name == "scopes":
        return ", ".join(said(SCOPES, each) for each in text.split())
    return said(_CODES[name], text) if name in _CODES else text


def who(actor: str | None) -> str:
    """Who did something: a user name, which is shown as it is, or the system's word for what the command line did."""
    return i18n.gettext(_SYSTEM) if actor == SYSTEM.name else (actor or "")


def actor_of(text: str) -> str:
    """The other way round: the actor a reader means who types what `who` shows him."""
    return SYSTEM.name if text.casefold() == i18n.gettext(_SYSTEM).casefold() else text.lower()
