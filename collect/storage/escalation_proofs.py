"""The proofs of decisions: stops, releases and proposals held against each other and against the audit log (S25, S29, S30)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from collect.domain.policy import HOLDS
from collect.storage.audit import Audit
from collect.storage.customers import Customer
from collect.storage.escalations import PENDING, Hold, Proposal
from collect.storage.users import User

_ENDS = {"approved": "approve", "refused": "refuse", "deferred": "defer", "withdrawn": "withdraw", "expired": "expire"}
_ALIVE = ("propose", "refresh", "move_up", "reopen", "reopen_proposal")


def wrong_holds(session: Session) -> Iterator[tuple[int, str]]:
    """(hold, customer number) of stops that no approved proposal of the same step and customer stands behind, decided by another person than asked."""
    behind = sa.and_(
        Proposal.id == Hold.proposal_id,
        Proposal.customer_id == Hold.customer_id,
        Proposal.step == Hold.rung,
        Proposal.state == "approved",
        Proposal.decided_by.is_not(None),
        sa.func.coalesce(Proposal.requested_by != Proposal.decided_by, sa.true()),
    )
    query = sa.select(Hold.id, Customer.customer_no).join(Customer, Customer.id == Hold.customer_id).outerjoin(Proposal, behind)
    yield from session.execute(query.where(Proposal.id.is_(None)).order_by(Hold.id))
    approved = sa.select(Proposal.id, Customer.customer_no).join(Customer, Customer.id == Proposal.customer_id).outerjoin(Hold, Hold.proposal_id == Proposal.id)
    yield from session.execute(approved.where(Proposal.state == "approved", Proposal.step.in_([rung.value for rung in HOLDS]), Hold.id.is_(None)).order_by(Proposal.id))


def wrong_releases(session: Session) -> Iterator[tuple[int, str]]:
    """(hold, customer number) of stops that ended without an approved release, or ended though none was approved."""
    behind = sa.and_(
        Proposal.id == Hold.release_proposal_id,
        Proposal.customer_id == Hold.customer_id,
        Proposal.step == "release",
        Proposal.state == "approved",
        sa.func.coalesce(Proposal.requested_by != Proposal.decided_by, Proposal.requested_by.is_(None)),
    )
    query = sa.select(Hold.id, Customer.customer_no).join(Customer, Customer.id == Hold.customer_id).outerjoin(Proposal, behind)
    ended = sa.and_(Hold.released_on.is_not(None), sa.or_(Proposal.id.is_(None), Hold.released_on < Hold.since))
    running = sa.and_(Hold.released_on.is_(None), Hold.release_proposal_id.is_not(None))
    yield from session.execute(query.where(sa.or_(ended, running)).order_by(Hold.id))


def holds_twice(session: Session) -> Iterator[str]:
    """Customers who have the same stop in force twice."""
    query = sa.select(Customer.customer_no).join(Hold, Hold.customer_id == Customer.id).where(Hold.released_on.is_(None))
    yield from session.scalars(query.group_by(Customer.customer_no, Hold.rung).having(sa.func.count() > 1).order_by(Customer.customer_no))


def two_proposals(session: Session) -> Iterator[str]:
    """Customers with more than one proposal that waits for a decision."""
    query = sa.select(Customer.customer_no).join(Proposal, Proposal.customer_id == Customer.id).where(Proposal.state.in_(PENDING))
    yield from session.scalars(query.group_by(Customer.customer_no).having(sa.func.count() > 1).order_by(Customer.customer_no))


def own_proposals(session: Session) -> Iterator[tuple[int, str]]:
    """(proposal, customer number) that the person who asked decided himself (S29)."""
    query = sa.select(Proposal.id, Customer.customer_no).join(Customer, Customer.id == Proposal.customer_id)
    yield from session.execute(query.where(Proposal.requested_by == Proposal.decided_by).order_by(Proposal.id))


def wrong_proposals(session: Session) -> Iterator[tuple[int, str]]:
    """(proposal, customer number) whose state, decider or content is not what the audit log says last: executed is approved (S29, S30)."""
    said: dict[str, tuple[str, str]] = {}
    hashes: dict[str, str] = {}
    askers: dict[str, str] = {}
    notes = sa.select(Audit.key, Audit.action, Audit.actor, Audit.after).where(Audit.kind == "proposal").order_by(Audit.seq)
    for key, action, actor, after in session.execute(notes.execution_options(yield_per=5000)):
        if action != "refresh" or key not in said:  # figures of a proposal that is put off are refreshed, and it stays put off
            said[key] = (action, actor)
        told = json.loads(after or "{}")
        if action == "propose":
            askers[key] = actor
        if "content_hash" in told:
            hashes[key] = told["content_hash"]
    decider, asker = aliased(User), aliased(User)
    columns = (Proposal.id, Customer.customer_no, Proposal.state, Proposal.content_hash, decider.username, asker.username)
    query = sa.select(*columns).join(Customer, Customer.id == Proposal.customer_id)
    query = query.outerjoin(decider, decider.id == Proposal.decided_by).outerjoin(asker, asker.id == Proposal.requested_by)
    for proposal_id, number, state, content_hash, decided_by, requested_by in session.execute(query.order_by(Proposal.id)):
        key = str(proposal_id)
        action, actor = said.get(key, ("", ""))
        right = action == _ENDS[state] if state in _ENDS else action in _ALIVE
        by_person = state in ("approved", "refused", "deferred") and decided_by is not None and actor != decided_by
        asked = requested_by is not None and askers.get(key) != requested_by
        if not right or by_person or asked or hashes.get(key) != content_hash:
            yield proposal_id, number
