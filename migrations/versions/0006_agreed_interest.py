"""Interest for late payment that contracts agree."""

import sqlalchemy as sa
from alembic import op

from collect.storage.database import Instant


revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agreed_interest",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("percent", sa.String(length=24), nullable=False),
        sa.Column("daily", sa.Boolean(), nullable=False),
        sa.Column("day_count", sa.Integer(), nullable=False),
        sa.Column("clause", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_agreed_interest_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_agreed_interest")),
    )


def downgrade() -> None:
    op.drop_table("agreed_interest")
