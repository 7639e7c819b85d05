"""What a change touched, field by field, as the audit log and the timeline show it to the reader."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collect import catalogue, i18n
from collect.reports.cases import said as excuse_name
from collect.reports.escalations import REASON_NAMES
from collect.web import words

_HIDDEN = frozenset({"content_hash", "digest", "file_hash", "parent_id", "parts", "version"})
_AMOUNTS = frozenset({"amount", "balance", "ours", "overdue", "theirs"})
"""Fields whose numbers are money, kept as plain decimals such as `95739.50`; a document's number is never among them."""

_MONEY = re.compile(r"(?<![\w.-])(-?)(\d{4,})(\.\d{2,3})?(?=$| [A-Z]{3}$)")


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
            word = name in words.CODES or name == "excuse" or isinstance(new.get(name, old.get(name)), bool)
            found.append(Difference(words.said(words.FIELDS, name), _value(name, old.get(name), people, currency), _value(name, new.get(name), people, currency), word))
    return found


def _grouped(text: str) -> str:
    """A kept amount as people read it, `95,739.50 CNY`; any other text as it is."""
    return _MONEY.sub(lambda found: f"{found[1]}{int(found[2]):,}{found[3] or ''}", text)


def _value(name: str, value: Any, people: Mapping[int, str], currency: str) -> str:
    """A stored value as text."""
    if value is None:
        return ""
    if name == "excuse":
        return excuse_name(str(value))
    if name == "facts" and isinstance(value, dict):
        known = {fact.key: fact for excuse in catalogue.load().values() for fact in excuse.facts}
        said_of = {key: catalogue.label(known[key].label, i18n.current()) if key in known else key for key in value}
        money_of = {key for key in value if key in known and known[key].kind == "amount"}
        return i18n.gettext(", ").join(f"{said_of[key]} = {_grouped(str(each)) if key in money_of else each}" for key, each in value.items())
    if isinstance(value, bool):
        return i18n.gettext("Yes") if value else i18n.gettext("No")
    if name in ("rep", "collector", "lead_id") and isinstance(value, int):
        return people.get(value, str(value))
    if name == "credit_limit" and isinstance(value, int) and currency:
        return i18n.group(value, currency)
    if isinstance(value, list):
        return i18n.gettext(", ").join(_value(name, each, people, currency) for each in value if each is not None)
    if isinstance(value, dict) and value.keys() == {"amount", "invoice"}:
        return f"{value['invoice']} {_grouped(str(value['amount']))}"
    if isinstance(value, dict):
        return i18n.gettext(", ").join(f"{key} = {_grouped(str(each)) if name == 'items' else each}" for key, each in value.items())
    text = _grouped(str(value)) if name in _AMOUNTS else str(value)
    if name == "reasons":
        return i18n.gettext(", ").join(words.said(REASON_NAMES, each) for each in text.split())
    if name == "scopes":
        return i18n.gettext(", ").join(words.said(words.SCOPES, each) for each in text.split())
    return words.said(words.CODES[name], text) if name in words.CODES else text
