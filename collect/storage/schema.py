"""All tables together, for migrations and tests: importing this file fills `Base.metadata`."""

from collect.storage import audit, cases, cash, company, customers, escalations, imports, ledger, notices, outbox, policy, receivables, replies, users
from collect.storage.database import Base

metadata = Base.metadata

__all__ = ["audit", "cases", "cash", "company", "customers", "escalations", "imports", "ledger", "metadata", "notices", "outbox", "policy", "receivables", "replies", "users"]
