"""Reads config/excuses.toml into the domain's catalogue of excuses (P16)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from collect import assets
from collect.domain.errors import Refusal
from collect.domain.excuses import Catalogue, Cause, Check, Excuse, Fact

LANGUAGES = ("en", "zh")
_KINDS = ("text", "date", "amount")


@cache
def load() -> Catalogue:
    """The shipped catalogue, by code, in the order of its file (the commonest first)."""
    return read(assets.folder("config") / "excuses.toml")


def read(path: Path) -> Catalogue:
    """One catalogue file: [facts.KEY] kind, en, zh, past; [excuses.CODE] cause, name, question, answer, ask, must_ask, check, ours, signal, hands_over.

    Refusal `bad_excuse_file` for a file that cannot be read, lacks a language, or asks for a fact that it does not define.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        facts = {key: _fact(key, given) for key, given in entries["facts"].items()}
        return MappingProxyType({code: _excuse(code, given, facts) for code, given in entries["excuses"].items()})
    except KeyError as missing:
        raise Refusal("bad_excuse_file", None, value=str(path), reason=str(missing)) from None
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise Refusal("bad_excuse_file", None, value=str(path), reason=str(problem)) from None


def label(texts: Mapping[str, str], language: str) -> str:
    """A text of the catalogue in a language; English where there is none."""
    return texts.get(language) or texts["en"]


def _texts(given: Any) -> Mapping[str, str]:
    """A text in every language; KeyError names the missing one."""
    return MappingProxyType({language: str(given[language]) for language in LANGUAGES})


def _fact(key: str, given: dict[str, Any]) -> Fact:
    kind = given.get("kind", "text")
    if kind not in _KINDS:
        raise ValueError(f"{key}: {kind!r}")
    return Fact(key, kind, _texts(given), past=bool(given.get("past", False)))


def _excuse(code: str, given: dict[str, Any], facts: Mapping[str, Fact]) -> Excuse:
    must = list(given.get("must_ask", ()))
    asked = [Fact(one.key, one.kind, one.label, one.key in must, one.past) for one in (facts[key] for key in [*must, *given.get("ask", ())])]
    check = given.get("check")
    if check is not None and check.get("on") is not None and all(check["on"] != fact.key or fact.kind != "date" for fact in asked):
        raise ValueError(f"{code}: {check['on']!r}")
    return Excuse(
        code=code,
        cause=Cause(given["cause"]),
        name=_texts(given["name"]),
        question=_texts(given["question"]),
        answer=_texts(given["answer"]),
        facts=tuple(asked),
        check=Check(int(check["days"]), _texts(check["look_for"]), check.get("on")) if check is not None else None,
        ours=_texts(given["ours"]) if "ours" in given else None,
        signal=given.get("signal"),
        hands_over=bool(given.get("hands_over", False)),
    )
