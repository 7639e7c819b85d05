"""Files that wait to be taken in: kept aside in the data directory under random names, bounded in number, size and age."""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from collect.domain.errors import Refusal

MOST_OF_ONE = 5
"""Files one person has waiting; the next one takes the place of his oldest."""
MOST = 40
"""Files that wait in all."""
ROOM = 4
"""All of them together take so many times the largest file that is accepted."""
KEPT = timedelta(hours=24)

_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass
class Upload:
    """One waiting file: whose it is, what he called it, and what he has chosen so far (`choices`, kept as JSON).

    `looked` is what its first rows showed. The name is shown and never used as a path; `token` is the only name on disk.
    """

    token: str
    owner: str
    name: str
    kind: str
    size: int
    saved_at: datetime
    choices: dict[str, Any]
    looked: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of the waiting files; `largest` bytes is the largest file accepted."""

    folder: Path
    largest: int

    def path(self, token: str) -> Path:
        """Where the file's bytes are."""
        return self.folder / f"{token}.file"

    def put(self, owner: str, name: str, kind: str, source: Path, now: datetime) -> Upload:
        """Keep a file that was received into `source` (which is moved); makes room first. Refusal `uploads_full`."""
        self._make_room(owner, source, now)
        upload = Upload(secrets.token_hex(16), owner, name, kind, source.stat().st_size, now, {})
        source.replace(self.path(upload.token))
        self.save(upload)
        return upload

    def receive(self) -> Path:
        """A new private path to receive bytes into, in the same folder, so that keeping them is one rename."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{secrets.token_hex(16)}.part"
        path.touch(mode=0o600)
        return path

    def find(self, owner: str, token: str) -> Upload | None:
        """A waiting file of this person; somebody else's is none."""
        if not _TOKEN.fullmatch(token):
            return None
        found = _read(self.folder / f"{token}.json")
        if found is None or found.get("owner") != owner:
            return None
        with suppress(KeyError, TypeError, ValueError):
            return Upload(**found | {"saved_at": datetime.fromisoformat(found["saved_at"])})
        return None

    def save(self, upload: Upload) -> None:
        """Keep what was chosen."""
        _write(self.folder / f"{upload.token}.json", vars(upload) | {"saved_at": upload.saved_at.isoformat()})

    def job(self, token: str) -> dict[str, Any] | None:
        """What is being done, or was done last, with the file."""
        return _read(self.folder / f"{token}.job")

    def save_job(self, token: str, job: dict[str, Any] | None) -> None:
        """Keep how far it has got; None forgets it."""
        path = self.folder / f"{token}.job"
        if job is None:
            path.unlink(missing_ok=True)
        else:
            _write(path, job)

    def drop_bytes(self, token: str) -> None:
        """The file is in the books: its bytes go at once, what became of it stays for a day."""
        self.path(token).unlink(missing_ok=True)

    def drop(self, token: str) -> None:
        """Throw a file away with all that was chosen."""
        for ending in ("file", "json", "job"):
            (self.folder / f"{token}.{ending}").unlink(missing_ok=True)

    def waiting(self, owner: str) -> list[Upload]:
        """The files of a person whose bytes are still here, latest first."""
        found = [upload for path in self._notes() if (upload := self.find(owner, path.stem)) is not None and self.path(upload.token).exists()]
        return sorted(found, key=lambda upload: upload.saved_at, reverse=True)

    def _notes(self) -> list[Path]:
        return sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []

    def _make_room(self, owner: str, source: Path, now: datetime) -> None:
        """Throw away what is too old, then this person's oldest files until one more fits; Refusal `uploads_full`."""
        size = source.stat().st_size
        known: list[tuple[datetime, str, str, int]] = []
        for path in self._notes():
            note = _read(path) or {}
            try:
                saved = datetime.fromisoformat(note["saved_at"])
            except (KeyError, TypeError, ValueError):
                self.drop(path.stem)
                continue
            if now - saved > KEPT:
                self.drop(path.stem)
            else:
                kept = self.path(path.stem)
                known.append((saved, str(note.get("owner")), path.stem, kept.stat().st_size if kept.exists() else 0))
        self._drop_strays({token for _, _, token, _ in known} | {source.stem}, now)
        known.sort()
        own = [entry for entry in known if entry[1] == owner]
        while own and (len(own) >= MOST_OF_ONE or len(known) >= MOST or self._taken(known) + size > ROOM * self.largest):
            oldest = own.pop(0)
            known.remove(oldest)
            self.drop(oldest[2])
        if len(known) >= MOST or self._taken(known) + size > ROOM * self.largest:
            raise Refusal("uploads_full", "file")

    @staticmethod
    def _taken(known: list[tuple[datetime, str, str, int]]) -> int:
        return sum(size for _, _, _, size in known)

    def _drop_strays(self, tokens: set[str], now: datetime) -> None:
        """Bytes without a note, that a stop of the program left behind, go once they are too old to be on their way."""
        for path in self.folder.iterdir():
            if path.stem not in tokens and now.timestamp() - path.stat().st_mtime > KEPT.total_seconds():
                path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, value: dict[str, Any]) -> None:
    """Replace the file as a whole, so that a reader never meets half of it."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor with its own rights
        json.dump(value, file, ensure_ascii=False)
    aside.replace(path)
