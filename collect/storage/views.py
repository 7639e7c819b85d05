"""Saved views: the filters of a list or report under a name, a person's own or everybody's; and which one each person opens a page with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.database import Base, Instant


class SavedView(Base):
    """The query string of a page under a name; `user_id` None is shared with everybody."""

    __tablename__ = "saved_view"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    page: Mapped[str] = mapped_column(sa.String(32))
    name: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    made_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    query: Mapped[str] = mapped_column(sa.String(1000))
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_saved_view_page", "page"),)


class ViewChoice(Base):
    """The view that one person opens a page with: his own choice, also of a view that everybody has."""

    __tablename__ = "view_choice"
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True, autoincrement=False)
    page: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    view_id: Mapped[int] = mapped_column(sa.ForeignKey("saved_view.id"), index=True)


@dataclass(frozen=True, slots=True)
class Offered:
    """A view that a person may open, and whether it is the one he opens its page with."""

    view: SavedView
    opens: bool


def find_view(session: Session, view_id: int) -> SavedView | None:
    """A view by its id, whosever it is."""
    return session.get(SavedView, view_id)


def load_views(session: Session, user_id: int | None, page: str | None = None) -> list[Offered]:
    """A person's own views, then those shared with everybody; of one page or of all, each part by page and name."""
    chosen = sa.and_(ViewChoice.view_id == SavedView.id, ViewChoice.user_id == user_id)
    query = sa.select(SavedView, ViewChoice.view_id).outerjoin(ViewChoice, chosen).where(sa.or_(SavedView.user_id.is_(None), SavedView.user_id == user_id))
    if page is not None:
        query = query.where(SavedView.page == page)
    found = [Offered(view, choice is not None) for view, choice in session.execute(query)]
    return sorted(found, key=lambda one: (one.view.user_id is None, one.view.page, one.view.name.casefold(), one.view.id))


def choose_view(session: Session, user_id: int, page: str, view_id: int | None) -> None:
    """Let a person open a page with a view, in the place of the one chosen before; None opens the page as it comes."""
    there = session.get(ViewChoice, (user_id, page))
    if there is not None and view_id is not None:
        there.view_id = view_id
    elif there is not None:
        session.delete(there)
    elif view_id is not None:
        session.add(ViewChoice(user_id=user_id, page=page, view_id=view_id))


def delete_view(session: Session, view: SavedView) -> None:
    """Delete a view; whoever opened its page with it opens the page as it comes again."""
    session.execute(sa.delete(ViewChoice).where(ViewChoice.view_id == view.id))
    session.delete(view)
