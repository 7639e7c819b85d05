"""Agreed orders of settlement, questions about bank lines, requests that expire, and the latest receipt at hand."""

import sqlalchemy as sa
from alembic import op

from collect.storage.database import Day, Instant


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATES = ("open", "approved", "refused", "withdrawn", "reversed")


def upgrade() -> None:
    op.create_table(
        "agreed_order",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("costs_first", sa.Boolean(), nullable=False),
        sa.Column("clause", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_agreed_order_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_agreed_order")),
    )
    op.add_column("bank_line", sa.Column("trace", sa.String(length=300), nullable=True))
    op.add_column("bank_line", sa.Column("question", sa.String(length=10), nullable=True))
    op.add_column("bank_line", sa.Column("other_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_bank_line_account_id_day", "bank_line", ["account_id", "day"], unique=False)
    op.create_index("ix_bank_line_question", "bank_line", ["question"], unique=False)
    op.add_column("adjustment", sa.Column("expires_on", Day(), nullable=True))
    _states(*_STATES, "expired")
    receipts = sa.text("kind = 'receipt'")
    op.create_index("ix_credit_receipt_day", "credit", ["day", "method"], unique=False, sqlite_where=receipts, postgresql_where=receipts)


def downgrade() -> None:
    op.drop_index("ix_credit_receipt_day", table_name="credit")
    op.execute("UPDATE adjustment SET state = 'withdrawn' WHERE state = 'expired'")
    _states(*_STATES)
    op.drop_column("adjustment", "expires_on")
    op.drop_index("ix_bank_line_question", table_name="bank_line")
    op.drop_index("ix_bank_line_account_id_day", table_name="bank_line")
    for name in ("other_id", "question", "trace"):
        op.drop_column("bank_line", name)
    op.drop_table("agreed_order")


def _states(*allowed: str) -> None:
    """Let a request be in these states; SQLite writes the table anew for it, and no other table refers to it."""
    with op.batch_alter_table("adjustment") as batch_op:
        batch_op.drop_constraint(op.f("ck_adjustment_state"), type_="check")
        batch_op.create_check_constraint(op.f("ck_adjustment_state"), f"state IN ({', '.join(repr(state) for state in allowed)})")
