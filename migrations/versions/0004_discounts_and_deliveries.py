"""Early payment discounts, and what was delivered and not yet invoiced."""

import sqlalchemy as sa
from alembic import op

from collect.storage.database import Day, Instant


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("delivery_no", sa.String(length=64), nullable=False),
        sa.Column("delivered_on", Day(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("order_no", sa.String(length=64), nullable=True),
        sa.Column("description", sa.String(length=500), nullable=True),
        sa.Column("ended", sa.String(length=10), nullable=True),
        sa.Column("ended_on", Day(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("invoice_no", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("ended IS NULL OR ended IN ('invoiced', 'cancelled')", name=op.f("ck_delivery_ended")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_delivery_amount")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_delivery_customer_id_customer")),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"], name=op.f("fk_delivery_seller_id_seller")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("delivery_no", "seller_id", name=op.f("uq_delivery_delivery_no_seller_id")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_customer_id", ["customer_id"], unique=False)
        batch_op.create_index("ix_delivery_invoice_no", ["invoice_no"], unique=False)
        batch_op.create_index("ix_delivery_open", ["customer_id", "currency"], unique=False, sqlite_where=sa.text("ended_on IS NULL"), postgresql_where=sa.text("ended_on IS NULL"))

    with op.batch_alter_table("credit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("earned_by", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_credit_earned_by", ["earned_by"], unique=True, sqlite_where=sa.text("earned_by IS NOT NULL"), postgresql_where=sa.text("earned_by IS NOT NULL"))


def downgrade() -> None:
    with op.batch_alter_table("credit", schema=None) as batch_op:
        batch_op.drop_index("ix_credit_earned_by", sqlite_where=sa.text("earned_by IS NOT NULL"), postgresql_where=sa.text("earned_by IS NOT NULL"))
        batch_op.drop_column("earned_by")

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("ix_delivery_open", sqlite_where=sa.text("ended_on IS NULL"), postgresql_where=sa.text("ended_on IS NULL"))
        batch_op.drop_index("ix_delivery_invoice_no")
        batch_op.drop_index("ix_delivery_customer_id")

    op.drop_table("delivery")
