"""The words of the command line: literals marked for translation, and their translation once something is said."""

from __future__ import annotations

import os
import sys


def mark(text: str) -> str:
    """Mark a help text for translation where it is defined; `program` translates it where it is shown."""
    return text


def gettext(text: str, /, **params: object) -> str:
    """The text in the language of this run, its `{placeholders}` filled.

    The catalogues are read only where they are needed: `collect --help` in English starts without them.
    """
    if "collect.i18n" not in sys.modules and not os.environ.get("COLLECT_LANGUAGE", "").lower().startswith("zh"):
        return text.format(**params) if params else text
    from collect import i18n

    return i18n.gettext(text, **params)


def start_language() -> None:
    """Speak the language of COLLECT_LANGUAGE until the settings and the company are known."""
    wanted = os.environ.get("COLLECT_LANGUAGE", "").lower()[:2]
    if wanted == "zh" or "collect.i18n" in sys.modules:
        from collect import i18n

        i18n.use(wanted or "en")
