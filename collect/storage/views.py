"""Saved views: the filters of a list or report under a name, a person's own or everybody's."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.database import Base, Instant


class SavedView(Base):
    """The query string of a page under a name; `user_id` None is shared with everybody. One a page may be a person's default."""

    __tablename__ = "saved_view"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    page: Mapped[str] = mapped_column(sa.String(32))
    name: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    made_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    query: Mapped[str] = mapped_column(sa.String(1000))
    opens: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_saved_view_page", "page"),)


def find_view(session: Session, view_id: int) -> SavedView | None:
    """A view by its id, whosever it is."""
    return session.get(SavedView, view_id)


def load_views(session: Session, user_id: int | None, page: str | None = None) -> list[SavedView]:
    """A person's own views, then those shared with everybody; of one page or of all, each part by page and name."""
    query = sa.select(SavedView).where(sa.or_(SavedView.user_id.is_(None), SavedView.user_id == user_id))
    if page is not None:
        query = query.where(SavedView.page == page)
    return sorted(session.scalars(query), key=lambda view: (view.user_id is None, view.page, view.name.casefold(), view.id))
