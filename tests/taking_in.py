"""Importing in tests: a file, or rows written in the test itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import imports


def take_in(runtime: Runtime, kind: str, source: Path | str, **options: Any) -> imports.Result:
    """Import a path, or CSV text written in the test."""
    if isinstance(source, Path):
        return imports.run(runtime, SYSTEM, kind, source, source.name, imports.Options(**options))
    return imports.run(runtime, SYSTEM, kind, source.encode(), f"{kind}.csv", imports.Options(**options))


def counts(result: imports.Result) -> tuple[int, int, int, int]:
    """New, changed, unchanged, refused."""
    return (result.new, result.changed, result.unchanged, result.refused)
