"""How an import read its file, so that the same file again is known at once; and an index for the segments that lists offer."""

import sqlalchemy as sa
from alembic import op


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import_run", sa.Column("reading", sa.String(length=64), nullable=True))
    op.create_index("ix_customer_segment", "customer", ["segment"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_customer_segment", table_name="customer")
    op.drop_column("import_run", "reading")
