"""Bank lines put straight into the table, as tests of matching need them: what a file would have brought in."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import sqlalchemy as sa

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime, Work
from collect.storage.bank import BankAccount, BankLine, BankStatement
from collect.storage.database import next_ids


def add_lines(runtime: Runtime, *lines: dict[str, Any], currency: str = "CNY", account: str = "6222020200112233") -> list[int]:
    """Store lines of one account (made when it is not there) and return their ids; a line is its columns, amount in minor units."""

    def act(work: Work) -> list[int]:
        session = work.session
        found = session.scalars(sa.select(BankAccount).where(BankAccount.number == account)).first()
        if found is None:
            (key,) = next_ids(session, 1)
            found = BankAccount(id=key, seller_id=work.seller.id, number=account, name="ICBC", currency=currency, recorded_at=work.now)
            session.add(found)
            session.flush()
        statement_id, *ids = next_ids(session, len(lines) + 1)
        told = {"form": "csv", "lines": len(lines), "fresh": len(lines), "file_name": "bank.csv", "file_hash": "0" * 64, "by": "system"}
        session.add(BankStatement(id=statement_id, account_id=found.id, recorded_at=work.now, **told))
        session.flush()
        for key, line in zip(ids, lines, strict=True):
            values = {"day": date(2026, 3, 9), "currency": currency, "state": "open" if line["amount_minor"] > 0 else "out", **line}
            mark = hashlib.sha256(str(key).encode()).hexdigest()
            session.add(BankLine(id=key, account_id=found.id, statement_id=statement_id, fingerprint=mark, ordinal=1, recorded_at=work.now, **values))
        return list(ids)

    return runtime.write(SYSTEM, act)
