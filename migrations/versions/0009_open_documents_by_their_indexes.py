"""What is open is read document by document out of the indexes alone: they hold its identifier too."""

import sqlalchemy as sa
from alembic import op


revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES = {
    "item": ("ix_item_open", ["customer_id", "currency", "due_date", "issue_date", "open_minor"]),
    "credit": ("ix_credit_open", ["customer_id", "currency", "day", "open_minor"]),
}


def upgrade() -> None:
    _replace(["id"])


def downgrade() -> None:
    _replace([])


def _replace(more: list[str]) -> None:
    some = sa.text("open_minor > 0")
    for table, (name, columns) in INDEXES.items():
        op.drop_index(name, table_name=table)
        op.create_index(name, table, [*columns, *more], sqlite_where=some, postgresql_where=some)
