"""Every refusal as one clear sentence: code to English text with placeholders; the translations are in the catalogues."""

from __future__ import annotations

from collect import i18n
from collect.domain.errors import Refusal
from collect.i18n import mark as _

SENTENCES: dict[str, str] = {
    "not_found": _("There is no {kind} {key} here."),
    "forbidden": _("Your role has no right to do this."),
    "not_initialised": _("This database is empty: run `collect init` first."),
    "not_migrated": _("This database needs `collect db upgrade` (it is at {found}, the program at {wanted})."),
    "bad_setting": _("Setting {name}: {value} cannot be used; correct it or remove it."),
    "bad_config_file": _("The configuration file {value} cannot be read: {reason}"),
    "unknown_currency": _("{value} is no currency code; write three letters such as CNY, USD or EUR."),
    "bad_amount": _("{value} is no amount; write digits such as 1409.50 or 1,409.50."),
    "too_many_decimals": _("{value} has more decimals than {currency} has ({places})."),
    "amount_too_large": _("{value} is larger than any amount this program can keep."),
    "amount_in_other_currency": _("{value} names another currency than the row's {currency}."),
    "bad_buckets": _("{value} are no aging buckets; write rising upper edges in days such as 30,60,90."),
}


def say(refusal: Refusal, language: str | None = None) -> str:
    """The refusal as a sentence in a language (the current one if not named).

    Texts inside the parameters are shown as they are; a code nobody wrote a sentence for shows itself, so that a
    missing sentence is visible and a test finds it.
    """
    template = SENTENCES.get(refusal.code)
    if template is None:
        return str(refusal)
    told = i18n.in_language(language or i18n.current(), template)
    return told.format(**{name: _shown(value, language) for name, value in refusal.params.items()})


def _shown(value: object, language: str | None) -> object:
    """A parameter as text: refusals inside refusals in the same language, long input cut short."""
    if isinstance(value, Refusal):
        return say(value, language)
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "…"
