"""The only file that knows where templates, migrations and config lie: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder of that name: `collect/_data/<name>` where the wheel put it, else `<checkout>/<name>`.

    Raises FileNotFoundError when neither exists: the installation is broken.
    """
    for place in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"collect is not installed completely: its folder {name!r} is missing")


def locale_file(language: str) -> Path:
    """The gettext catalogue of a language other than English (the source language)."""
    return _PACKAGE / "locale" / language / "messages.po"
