"""Keeps the catalogue of translations in step with the texts marked in code and templates.

    python scripts/translations.py            write new texts into the catalogue, drop those nobody uses any more
    python scripts/translations.py --check    change nothing; exit 1 if a text has no translation, is unused, or is fuzzy

After the first form, give each text that the program names its translation in `collect/locale/<language>/messages.po`
(a text editor will do), then run the second. A catalogue has no line numbers, paths or dates and is sorted, so that a
change of code that changes no text does not change it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, extract, pofile

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("zh",)
KEYWORDS = {"_": None, "gettext": None, "mark": None, "lazy": None, "in_language": (2,)}
"""The calls whose first literal (for `in_language` the second argument) is a text for the reader."""
# Babel does not look into f-strings: a marked text inside one would stay English (a test compares with another reader).
SOURCES = (("collect", "**/*.py", "python", {}), ("templates", "**/*.html", "jinja2", {"trim_blocks": "true", "lstrip_blocks": "true"}))
HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: {language}\\n"\n'


def texts(root: Path = ROOT) -> dict[str, set[str]]:
    """Every marked text, with the files it stands in."""
    found: dict[str, set[str]] = {}
    for folder, pattern, method, options in SOURCES:
        for path in sorted((root / folder).glob(pattern)):
            for text in _texts_of(path, method, options):
                found.setdefault(text, set()).add(path.relative_to(root).as_posix())
    return found


def _texts_of(path: Path, method: str, options: dict[str, str]) -> Iterator[str]:
    """The marked texts of one file, in their order."""
    # The reader complains on standard error of `gettext(help or "")`; an empty text is none of ours.
    with path.open("rb") as file, contextlib.redirect_stderr(io.StringIO()):
        for _line, message, _comments, _context in extract.extract(method, file, KEYWORDS, (), options):
            text = message if isinstance(message, str) else message[0]
            if text:
                yield text


def path_of(language: str, root: Path = ROOT) -> Path:
    """Where a language's catalogue lies."""
    return root / "collect" / "locale" / language / "messages.po"


def read(language: str, root: Path = ROOT) -> Catalog:
    """A language's catalogue as it is; empty where there is none yet."""
    path = path_of(language, root)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return pofile.read_po(file, locale=language)


def updated(catalogue: Catalog, wanted: set[str], language: str) -> bytes:
    """The catalogue with exactly the wanted texts, their translations kept, as the bytes of its file."""
    fresh = Catalog(locale=language, fuzzy=False)
    for text in sorted(wanted):
        entry = catalogue.get(text)
        fresh.add(text, entry.string if entry else "", flags={"fuzzy"} if entry and entry.fuzzy else ())
        added = fresh.get(text)
        if added is not None:
            added.flags &= {"fuzzy"}
    body = io.BytesIO()
    pofile.write_po(body, fresh, width=0, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    return HEADER.format(language=language).encode() + b"\n" + body.getvalue().strip() + b"\n"


def faults(catalogue: Catalog, wanted: dict[str, set[str]]) -> list[str]:
    """What is wrong with a catalogue, a line for each text: missing, fuzzy, unused, or named nowhere."""
    said = []
    for text, places in sorted(wanted.items()):
        entry = catalogue.get(text)
        if entry is None or not entry.string:
            said.append(f"missing: {text!r} ({', '.join(sorted(places))})")
        elif entry.fuzzy:
            said.append(f"fuzzy: {text!r}")
    kept = [entry.id for entry in catalogue if entry.id] + list(catalogue.obsolete)
    said += [f"unused: {text!r}" for text in kept if text not in wanted]
    return said


def main(arguments: list[str]) -> int:
    """Update or check every language; 0 when nothing is left to translate."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--check", action="store_true", help="change nothing; exit 1 if a text is missing, unused or fuzzy")
    check = reader.parse_args(arguments).check
    wanted = texts()
    left = 0
    for language in LANGUAGES:
        path = path_of(language)
        if not check:
            written = updated(read(language), set(wanted), language)
            if not path.exists() or path.read_bytes() != written:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(written)
        found = faults(read(language), wanted)
        for fault in found:
            print(f"{path.relative_to(ROOT)}: {fault}", file=sys.stderr)
        left += len(found)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
