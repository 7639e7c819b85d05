"""Each bank statement says through which day it completes its account, so that a missing one in between is noticed."""

import sqlalchemy as sa
from alembic import op

from collect.storage.database import Day


revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bank_statement", sa.Column("covers", Day(), nullable=True))
    # What a table's own break kept from completing its account is not on record; its account's day was not moved by it and is not now.
    op.execute("UPDATE bank_statement SET covers = through WHERE form NOT IN ('camt.052', 'camt.054', 'mt942')")


def downgrade() -> None:
    op.drop_column("bank_statement", "covers")
