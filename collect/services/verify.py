"""Proving the books: control totals, allocation limits, imports and the audit chain, with a finding for whatever is off (S9, S15, S30)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect import sentences
from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.storage import adjustment_proofs, audit, contact_proofs, deliveries, discounts, escalation_proofs, proofs

MOST = 200
"""Findings told of one kind; more of the same kind add nothing a person could use."""


def verify(runtime: Runtime) -> list[Refusal]:
    """Everything that is off, each as a code with its parameters; empty means proven. Reads one snapshot, writes nothing."""
    with runtime.read(SYSTEM) as view:
        session = view.session
        findings = [Refusal("proof_value", None, table=table, column=column, key=key) for table, column, key in islice(proofs.wrong_values(session), MOST)]
        if findings:  # what is no date or amount cannot be reckoned with
            return findings
        findings += [Refusal("proof_item", None, number=number) for number in islice(proofs.wrong_items(session), MOST)]
        findings += [Refusal("proof_credit", None, number=number) for number in islice(proofs.wrong_credits(session), MOST)]
        findings += [Refusal("proof_allocation", None, id=key, **_allocation_of(session, key)) for key in islice(proofs.wrong_allocations(session), MOST)]
        findings += [Refusal("proof_day", None, number=number, day=day) for number, day in islice(proofs.beyond_on_a_day(session), MOST)]
        findings += [Refusal("proof_line", None, id=key) for key in islice(proofs.wrong_lines(session), MOST)]
        findings += [Refusal("proof_sum", None, kind=kind, number=number) for kind, number in islice(proofs.wrong_sums(session), MOST)]
        for number, currency, items, journal in islice(proofs.wrong_customers(session), MOST):
            findings.append(Refusal("proof_customer", None, number=number, currency=currency, items=money.plain(items, currency), journal=money.plain(journal, currency)))
        findings += [Refusal("proof_total", None, day=day, currency=currency) for day, currency in islice(proofs.wrong_totals(session), MOST)]
        findings += [Refusal("proof_delivery", None, number=number) for number in islice(deliveries.wrong_deliveries(session), MOST)]
        findings += [Refusal("proof_duty", None, number=number) for number in islice(proofs.wrong_duties(session), MOST)]
        for note in proofs.import_notes(session):
            told = json.loads(note.after or "{}")
            if proofs.import_digest(session, int(note.key)) != told.get("digest") or proofs.import_run(session, int(note.key)) != told:
                findings.append(Refusal("proof_import", None, id=note.key))
        findings += list(decision_findings(session))
        findings += list(adjustment_findings(session))
        findings += list(contact_findings(session))
        findings += list(chain_findings(session))
    return findings


def decision_findings(session: Session) -> Iterator[Refusal]:
    """Stops, releases and proposals that do not follow from decisions of people who had not asked for them (S25, S29)."""
    for hold, number in islice(escalation_proofs.wrong_holds(session), MOST):
        yield Refusal("proof_hold", None, hold=hold, number=number)
    for hold, number in islice(escalation_proofs.wrong_releases(session), MOST):
        yield Refusal("proof_release", None, hold=hold, number=number)
    for number in islice(escalation_proofs.holds_twice(session), MOST):
        yield Refusal("proof_holds_twice", None, number=number)
    for number in islice(escalation_proofs.two_proposals(session), MOST):
        yield Refusal("proof_two_proposals", None, number=number)
    for key, number in islice(escalation_proofs.own_proposals(session), MOST):
        yield Refusal("proof_own_proposal", None, id=key, number=number)
    for key, number in islice(escalation_proofs.wrong_proposals(session), MOST):
        yield Refusal("proof_proposal", None, id=key, number=number)


def adjustment_findings(session: Session) -> Iterator[Refusal]:
    """Write-offs, credits, set-offs, refunds and rebates that do not follow from decisions of others (S12, S29, P13)."""
    for key, number in islice(adjustment_proofs.wrong_adjustments(session), MOST):
        yield Refusal("proof_adjustment", None, id=key, number=number)
    for document, number in islice(adjustment_proofs.without_decision(session), MOST):
        yield Refusal("proof_written_off", None, document=document, number=number)
    for document, number in islice(discounts.wrong_discounts(session), MOST):
        yield Refusal("proof_discount", None, document=document, number=number)
    for key, number in islice(adjustment_proofs.wrong_rebates(session), MOST):
        yield Refusal("proof_rebate", None, id=key, number=number)


def contact_findings(session: Session) -> Iterator[Refusal]:
    """Contacts, messages and promises that contradict each other or the log (S20-S22)."""
    for key, number in islice(contact_proofs.wrong_notices(session), MOST):
        yield Refusal("proof_notice", None, id=key, number=number)
    for key, number in islice(contact_proofs.wrong_messages(session), MOST):
        yield Refusal("proof_message", None, id=key, number=number)
    for key, number in islice(contact_proofs.wrong_promises(session), MOST):
        yield Refusal("proof_promise", None, id=key, number=number)


def _allocation_of(session: Session, key: int) -> dict[str, Any]:
    """The receipt and the invoice of an allocation, for its finding."""
    row = session.execute(
        sa.text("SELECT c.number, i.document_no FROM allocation a LEFT JOIN credit c ON c.id = a.credit_id LEFT JOIN item i ON i.id = a.item_id WHERE a.id = :key"), {"key": key}
    ).first()
    return {"receipt": row[0] if row else "?", "invoice": row[1] if row else "?"}


def chain_findings(session: Session) -> Iterator[Refusal]:
    """Walk the audit chain: numbers without a gap, each hash right and linked to the one before, the head where it ends."""
    previous, seq = audit.GENESIS, 0
    for row in audit.load_chain(session):
        seq += 1
        if row.seq != seq:
            yield Refusal("audit_gap", None, seq=seq, found=row.seq)
            seq = row.seq
        if row.previous != previous:
            yield Refusal("audit_link", None, seq=row.seq)
        if row.hash != audit.fingerprint(row):
            yield Refusal("audit_row", None, seq=row.seq)
        previous = row.hash
    head = session.scalars(sa.select(audit.AuditHead)).one()
    if head.seq != seq or head.hash != previous:
        yield Refusal("audit_head", None, seq=head.seq, found=seq)


def verify_chain(runtime: Runtime, anchor: dict[str, Any] | None = None) -> list[Refusal]:
    """The findings of the audit chain alone; with an anchor (`anchor_of`), also that its row still has its hash."""
    with runtime.read(SYSTEM) as view:
        findings = list(chain_findings(view.session))
        if anchor is not None:
            row = view.session.get(audit.Audit, anchor.get("seq"))
            if anchor.get("seq") != 0 and (row is None or row.hash != anchor.get("hash")):
                findings.append(Refusal("audit_anchor", None, seq=anchor.get("seq")))
    return findings


def anchor_of(runtime: Runtime) -> dict[str, Any]:
    """The head of the audit chain, to be kept elsewhere: `{seq, hash, at}`."""
    with runtime.read(SYSTEM) as view:
        head = view.session.scalars(sa.select(audit.AuditHead)).one()
        return {"seq": head.seq, "hash": head.hash, "at": head.at.isoformat()}


def read_anchor(text: str) -> dict[str, Any]:
    """An anchor file's content; Refusal `bad_anchor` when it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("seq"), int) or not isinstance(value.get("hash"), str):
        raise Refusal("bad_anchor", "anchor")
    return value


def as_json(findings: list[Refusal]) -> dict[str, Any]:
    """`{ok, findings}` of `interfaces`, each finding with its code, its parameters and a sentence."""
    return {"ok": not findings, "findings": [{"code": f.code, **{name: str(value) for name, value in f.params.items()}, "message": sentences.say(f)} for f in findings]}
