"""All tables together, for migrations and tests: importing this file fills `Base.metadata`."""

from collect.storage import audit, cash, company, customers, imports, ledger, receivables, users
from collect.storage.database import Base

metadata = Base.metadata

__all__ = ["audit", "cash", "company", "customers", "imports", "ledger", "metadata", "receivables", "users"]
