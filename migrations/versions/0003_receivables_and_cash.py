"""Bank statements, payers, drafts, adjustments, rebates, statements of account, rates, saved views."""

import sqlalchemy as sa
from alembic import op

from collect.storage.database import Day, Instant


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("base", sa.String(length=12), nullable=False),
        sa.Column("quote", sa.String(length=3), nullable=False),
        sa.Column("since", Day(), nullable=False),
        sa.Column("value", sa.String(length=24), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate")),
    )
    with op.batch_alter_table("rate", schema=None) as batch_op:
        batch_op.create_index("ix_rate_base_quote_since", ["base", "quote", "since"], unique=False)

    op.create_table(
        "bank_account",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("through", Day(), nullable=True),
        sa.Column("closed_on", Day(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"], name=op.f("fk_bank_account_seller_id_seller")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_account")),
        sa.UniqueConstraint("seller_id", "number", "currency", name=op.f("uq_bank_account_seller_id_number_currency")),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("page", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("made_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("query", sa.String(length=1000), nullable=False),
        sa.Column("opens", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["user_account.id"], name=op.f("fk_saved_view_made_by_user_account")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_saved_view_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    with op.batch_alter_table("saved_view", schema=None) as batch_op:
        batch_op.create_index("ix_saved_view_page", ["page"], unique=False)
        batch_op.create_index(batch_op.f("ix_saved_view_user_id"), ["user_id"], unique=False)

    op.create_table(
        "adjustment",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("document", sa.String(length=64), nullable=True),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("requested_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("requested_on", Day(), nullable=False),
        sa.Column("first_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_on", Day(), nullable=True),
        sa.Column("answer", sa.String(length=400), nullable=True),
        sa.Column("credit_id", sa.BigInteger(), nullable=True),
        sa.Column("item_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'approved', 'refused', 'withdrawn', 'reversed')", name=op.f("ck_adjustment_state")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_adjustment_amount")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_adjustment_customer_id_customer")),
        sa.ForeignKeyConstraint(["decided_by"], ["user_account.id"], name=op.f("fk_adjustment_decided_by_user_account")),
        sa.ForeignKeyConstraint(["first_by"], ["user_account.id"], name=op.f("fk_adjustment_first_by_user_account")),
        sa.ForeignKeyConstraint(["other_id"], ["customer.id"], name=op.f("fk_adjustment_other_id_customer")),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f("fk_adjustment_requested_by_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustment")),
    )
    with op.batch_alter_table("adjustment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adjustment_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_adjustment_state", ["state", "kind"], unique=False)

    op.create_table(
        "bank_statement",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.String(length=12), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=True),
        sa.Column("since", Day(), nullable=True),
        sa.Column("through", Day(), nullable=True),
        sa.Column("opening_minor", sa.BigInteger(), nullable=True),
        sa.Column("closing_minor", sa.BigInteger(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["bank_account.id"], name=op.f("fk_bank_statement_account_id_bank_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statement")),
    )
    with op.batch_alter_table("bank_statement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bank_statement_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_bank_statement_file_hash"), ["file_hash"], unique=False)

    op.create_table(
        "draft",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("document_no", sa.String(length=64), nullable=False),
        sa.Column("issue_date", Day(), nullable=False),
        sa.Column("due_date", Day(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("prepaid_minor", sa.BigInteger(), nullable=False),
        sa.Column("buyer_name", sa.String(length=200), nullable=True),
        sa.Column("buyer_tax_no", sa.String(length=64), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'posted', 'discarded')", name=op.f("ck_draft_state")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_draft_customer_id_customer")),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"], name=op.f("fk_draft_seller_id_seller")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
    )
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_draft_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_draft_document_no", ["document_no"], unique=False)
        batch_op.create_index(batch_op.f("ix_draft_file_hash"), ["file_hash"], unique=False)

    op.create_table(
        "payer_alias",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("third_party", sa.Boolean(), nullable=False),
        sa.Column("letter", sa.String(length=200), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_payer_alias_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_alias")),
    )
    with op.batch_alter_table("payer_alias", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payer_alias_account"), ["account"], unique=False)
        batch_op.create_index(batch_op.f("ix_payer_alias_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_payer_alias_name", ["name"], unique=False)

    op.create_table(
        "rebate",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("adjustment_id", sa.BigInteger(), nullable=True),
        sa.Column("reverses_id", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_rebate_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebate")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_rebate_reverses_id")),
    )
    with op.batch_alter_table("rebate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rebate_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "running_account",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", Day(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_running_account_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_running_account")),
    )
    op.create_table(
        "statement",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("as_of", Day(), nullable=False),
        sa.Column("since", Day(), nullable=True),
        sa.Column("pay_by", Day(), nullable=True),
        sa.Column("known_at", Instant(), nullable=False),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sent_on", Day(), nullable=True),
        sa.Column("sent_by_way", sa.String(length=16), nullable=True),
        sa.Column("proof", sa.String(length=200), nullable=True),
        sa.Column("returned_on", Day(), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("kind IN ('demand', 'confirm')", name=op.f("ck_statement_kind")),
        sa.CheckConstraint("state IN ('made', 'sent', 'returned', 'confirmed', 'differing')", name=op.f("ck_statement_state")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_statement_customer_id_customer")),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"], name=op.f("fk_statement_seller_id_seller")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
        sa.UniqueConstraint("number", name=op.f("uq_statement_number")),
    )
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_statement_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_statement_state", ["state", "as_of"], unique=False)

    op.create_table(
        "bank_line",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("statement_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("value_day", Day(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payer", sa.String(length=200), nullable=True),
        sa.Column("payer_account", sa.String(length=64), nullable=True),
        sa.Column("reference", sa.String(length=140), nullable=True),
        sa.Column("narrative", sa.String(length=2000), nullable=True),
        sa.Column("reversal", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("credit_id", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("proposal", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'applied', 'ignored', 'out')", name=op.f("ck_bank_line_state")),
        sa.ForeignKeyConstraint(["account_id"], ["bank_account.id"], name=op.f("fk_bank_line_account_id_bank_account")),
        sa.ForeignKeyConstraint(["credit_id"], ["credit.id"], name=op.f("fk_bank_line_credit_id_credit")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_bank_line_customer_id_customer")),
        sa.ForeignKeyConstraint(["statement_id"], ["bank_statement.id"], name=op.f("fk_bank_line_statement_id_bank_statement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_line")),
        sa.UniqueConstraint("account_id", "fingerprint", "ordinal", name=op.f("uq_bank_line_account_id_fingerprint_ordinal")),
    )
    with op.batch_alter_table("bank_line", schema=None) as batch_op:
        batch_op.create_index("ix_bank_line_credit_id", ["credit_id"], unique=False)
        batch_op.create_index("ix_bank_line_state_day", ["state", "day"], unique=False)
        batch_op.create_index(batch_op.f("ix_bank_line_statement_id"), ["statement_id"], unique=False)

    op.create_table(
        "statement_difference",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("statement_id", sa.BigInteger(), nullable=False),
        sa.Column("document_no", sa.String(length=64), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("ours_minor", sa.BigInteger(), nullable=True),
        sa.Column("theirs_minor", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("settled_on", Day(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_statement_difference_statement_id_statement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_difference")),
    )
    with op.batch_alter_table("statement_difference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_statement_difference_statement_id"), ["statement_id"], unique=False)

    with op.batch_alter_table("allocation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("across", sa.Boolean(), server_default=sa.text("(false)"), nullable=False))
        batch_op.create_index("ix_allocation_across", ["id"], unique=False, sqlite_where=sa.text("across = 1"), postgresql_where=sa.text("across"))

    with op.batch_alter_table("credit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("prepaid_minor", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("released_on", Day(), nullable=True))
        batch_op.add_column(sa.Column("released_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("payer", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("order_no", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("line_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("adjustment_id", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_credit_adjustment_id", ["adjustment_id"], unique=False)
        batch_op.create_index(
            "ix_credit_prepaid", ["customer_id", "currency"], unique=False, sqlite_where=sa.text("order_no IS NOT NULL"), postgresql_where=sa.text("order_no IS NOT NULL")
        )

    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("undone_at", Instant(), nullable=True))
        batch_op.add_column(sa.Column("undone_by", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("undo_reason", sa.String(length=400), nullable=True))

    with op.batch_alter_table("item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("about_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("item", schema=None) as batch_op:
        batch_op.drop_column("about_id")

    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.drop_column("undo_reason")
        batch_op.drop_column("undone_by")
        batch_op.drop_column("undone_at")

    with op.batch_alter_table("credit", schema=None) as batch_op:
        batch_op.drop_index("ix_credit_prepaid", sqlite_where=sa.text("order_no IS NOT NULL"), postgresql_where=sa.text("order_no IS NOT NULL"))
        batch_op.drop_index("ix_credit_adjustment_id")
        batch_op.drop_column("adjustment_id")
        batch_op.drop_column("line_id")
        batch_op.drop_column("order_no")
        batch_op.drop_column("payer")
        batch_op.drop_column("released_at")
        batch_op.drop_column("released_on")
        batch_op.drop_column("prepaid_minor")

    with op.batch_alter_table("allocation", schema=None) as batch_op:
        batch_op.drop_index("ix_allocation_across", sqlite_where=sa.text("across = 1"), postgresql_where=sa.text("across"))
        batch_op.drop_column("across")

    with op.batch_alter_table("statement_difference", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_statement_difference_statement_id"))

    op.drop_table("statement_difference")
    with op.batch_alter_table("bank_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bank_line_statement_id"))
        batch_op.drop_index("ix_bank_line_state_day")
        batch_op.drop_index("ix_bank_line_credit_id")

    op.drop_table("bank_line")
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_index("ix_statement_state")
        batch_op.drop_index(batch_op.f("ix_statement_customer_id"))

    op.drop_table("statement")
    op.drop_table("running_account")
    with op.batch_alter_table("rebate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rebate_customer_id"))

    op.drop_table("rebate")
    with op.batch_alter_table("payer_alias", schema=None) as batch_op:
        batch_op.drop_index("ix_payer_alias_name")
        batch_op.drop_index(batch_op.f("ix_payer_alias_customer_id"))
        batch_op.drop_index(batch_op.f("ix_payer_alias_account"))

    op.drop_table("payer_alias")
    with op.batch_alter_table("draft", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_draft_file_hash"))
        batch_op.drop_index("ix_draft_document_no")
        batch_op.drop_index(batch_op.f("ix_draft_customer_id"))

    op.drop_table("draft")
    with op.batch_alter_table("bank_statement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bank_statement_file_hash"))
        batch_op.drop_index(batch_op.f("ix_bank_statement_account_id"))

    op.drop_table("bank_statement")
    with op.batch_alter_table("adjustment", schema=None) as batch_op:
        batch_op.drop_index("ix_adjustment_state")
        batch_op.drop_index(batch_op.f("ix_adjustment_customer_id"))

    op.drop_table("adjustment")
    with op.batch_alter_table("saved_view", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_saved_view_user_id"))
        batch_op.drop_index("ix_saved_view_page")

    op.drop_table("saved_view")
    op.drop_table("bank_account")
    with op.batch_alter_table("rate", schema=None) as batch_op:
        batch_op.drop_index("ix_rate_base_quote_since")

    op.drop_table("rate")
