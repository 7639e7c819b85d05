"""What came in by file: one row a file, with its fingerprint, its counts and the digest of the rows it stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.audit import Audit
from collect.storage.database import Base, Instant


class ImportRun(Base):
    """One import; `result` is the JSON that the command prints, `digest` the SHA-256 over the stored documents (S30).

    `reading` is the SHA-256 of everything but the content that decides how the file is read.
    `undone_at` is the instant its whole was undone, `undone_by` and `undo_reason` say by whom and why.
    """

    __tablename__ = "import_run"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(12))
    file_name: Mapped[str] = mapped_column(sa.String(255))
    file_hash: Mapped[str] = mapped_column(sa.String(64), index=True)
    by: Mapped[str] = mapped_column(sa.String(64))
    new: Mapped[int] = mapped_column(sa.Integer)
    changed: Mapped[int] = mapped_column(sa.Integer)
    unchanged: Mapped[int] = mapped_column(sa.Integer)
    refused: Mapped[int] = mapped_column(sa.Integer)
    digest: Mapped[str | None] = mapped_column(sa.String(64))
    reading: Mapped[str | None] = mapped_column(sa.String(64))
    result: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    refused_csv: Mapped[str | None] = mapped_column(sa.Text)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
    undone_by: Mapped[str | None] = mapped_column(sa.String(64))
    undo_reason: Mapped[str | None] = mapped_column(sa.String(400))


class Mapping(Base):
    """A saved way to read a file: which header is which column, and its date and number forms."""

    __tablename__ = "import_mapping"
    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    form: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


def load_runs(session: Session, limit: int = 50) -> list[ImportRun]:
    """The latest imports, newest first."""
    return list(session.scalars(sa.select(ImportRun).order_by(ImportRun.id.desc()).limit(limit)))


def find_run(session: Session, run_id: int) -> ImportRun | None:
    """One import by its id."""
    return session.get(ImportRun, run_id)


def find_run_of_file(session: Session, file_hash: str, by: str, since: datetime) -> ImportRun | None:
    """The import of a file by a person that was recorded since an instant: whether an interrupted one went in after all."""
    query = sa.select(ImportRun).where(ImportRun.file_hash == file_hash, ImportRun.by == by, ImportRun.recorded_at >= since)
    return session.scalars(query.order_by(ImportRun.id.desc()).limit(1)).first()


def find_repeat(session: Session, kind: str, file_hash: str, reading: str, harmless: frozenset[str]) -> ImportRun | None:
    """The latest import of just this content in just this reading that changed the books, where nothing that could change its outcome was recorded since.

    `harmless` are the kinds of change that could not. None too where very much was recorded since, or it refused a row.
    Found by its own note in the log, whose order no clock can turn round.
    """
    changed = sa.or_(ImportRun.new > 0, ImportRun.changed > 0)
    query = sa.select(ImportRun).where(ImportRun.file_hash == file_hash, ImportRun.kind == kind, changed).order_by(ImportRun.id.desc()).limit(1)
    run = session.scalars(query).first()
    if run is None or run.reading != reading or run.refused or run.undone_at is not None:
        return None
    recent = session.execute(sa.select(Audit.kind, Audit.action, Audit.key).order_by(Audit.seq.desc()).limit(_MOST_SINCE))
    for about, action, key in recent:
        if action == "import" and key == str(run.id):
            return run
        if about not in harmless:
            return None
    return None


_MOST_SINCE = 5000
"""Changes looked at: beyond that an import reads its rows again."""


def load_mappings(session: Session, kind: str) -> list[Mapping]:
    """The saved mappings for a kind of file, latest first."""
    return list(session.scalars(sa.select(Mapping).where(Mapping.kind == kind).order_by(Mapping.recorded_at.desc(), Mapping.name)))
