"""All tables together, for migrations and tests: importing this file fills `Base.metadata`."""

from collect.storage import (
    adjustments,
    audit,
    bank,
    bank_lines,
    cases,
    cash,
    company,
    customers,
    drafts,
    escalations,
    imports,
    ledger,
    notices,
    outbox,
    policy,
    rates,
    receivables,
    replies,
    statements,
    users,
    views,
)
from collect.storage.database import Base

metadata = Base.metadata

__all__ = [
    "adjustments",
    "audit",
    "bank",
    "bank_lines",
    "cases",
    "cash",
    "company",
    "customers",
    "drafts",
    "escalations",
    "imports",
    "ledger",
    "metadata",
    "notices",
    "outbox",
    "policy",
    "rates",
    "receivables",
    "replies",
    "statements",
    "users",
    "views",
]
