"""Each person chooses the view that opens a page for him; what a shared view opened for everybody stays its maker's choice."""

import sqlalchemy as sa
from alembic import op


revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "view_choice",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("page", sa.String(length=32), nullable=False),
        sa.Column("view_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_view_choice_user_id_user_account")),
        sa.ForeignKeyConstraint(["view_id"], ["saved_view.id"], name=op.f("fk_view_choice_view_id_saved_view")),
        sa.PrimaryKeyConstraint("user_id", "page", name=op.f("pk_view_choice")),
    )
    op.create_index(op.f("ix_view_choice_view_id"), "view_choice", ["view_id"], unique=False)
    # One's own default goes before a shared one of one's own making, as it did.
    own = "SELECT user_id, page, max(id) FROM saved_view WHERE opens AND user_id IS NOT NULL GROUP BY user_id, page"
    shared = (
        "SELECT v.made_by, v.page, max(v.id) FROM saved_view v WHERE v.opens AND v.user_id IS NULL AND v.made_by IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM view_choice c WHERE c.user_id = v.made_by AND c.page = v.page) GROUP BY v.made_by, v.page"
    )
    for query in (own, shared):
        op.execute(f"INSERT INTO view_choice (user_id, page, view_id) {query}")
    op.drop_column("saved_view", "opens")


def downgrade() -> None:
    op.add_column("saved_view", sa.Column("opens", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE saved_view SET opens = true WHERE user_id IS NOT NULL AND id IN (SELECT view_id FROM view_choice)")
    op.drop_index(op.f("ix_view_choice_view_id"), table_name="view_choice")
    op.drop_table("view_choice")
