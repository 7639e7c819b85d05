"""The loop: policy versions, cases, notices, outbox, proposals and holds."""

import sqlalchemy as sa
from alembic import op

from collect.storage.database import Day, Instant


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_day",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("through", Day(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_day")),
    )
    op.create_table(
        "decision",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("step", sa.String(length=24), nullable=True),
        sa.Column("next_on", Day(), nullable=True),
        sa.Column("notice_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "day", "id", name=op.f("pk_decision")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "round",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_round")),
    )
    with op.batch_alter_table("round", schema=None) as batch_op:
        batch_op.create_index("ix_round_kind_day", ["kind", "day"], unique=False)

    op.create_table(
        "policy_version",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("effective", Day(), nullable=False),
        sa.Column("requested_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'in_force', 'refused')", name=op.f("ck_policy_version_state")),
        sa.ForeignKeyConstraint(["decided_by"], ["user_account.id"], name=op.f("fk_policy_version_decided_by_user_account")),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f("fk_policy_version_requested_by_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
        sa.UniqueConstraint("number", name=op.f("uq_policy_version_number")),
    )
    op.create_table(
        "reply",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_reply_user_id_user_account")),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_reply")),
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("person", sa.String(length=100), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("excuse", sa.String(length=40), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("notice_id", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_activity_customer_id_customer")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_activity_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
        sa.UniqueConstraint("token", name=op.f("uq_activity_token")),
    )
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.create_index("ix_activity_customer_id_day", ["customer_id", "day"], unique=False)
        batch_op.create_index(batch_op.f("ix_activity_user_id"), ["user_id"], unique=False)

    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'leased', 'handover', 'sent', 'failed', 'uncertain', 'cancelled')", name=op.f("ck_message_state")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_message_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("message_id", name=op.f("uq_message_message_id")),
        sa.UniqueConstraint("notice_id", name=op.f("uq_message_notice_id")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_message_moving",
            ["state", "next_try_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'leased', 'handover', 'uncertain')"),
            postgresql_where=sa.text("state IN ('queued', 'leased', 'handover', 'uncertain')"),
        )

    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(length=24), nullable=False),
        sa.Column("anchor_id", sa.BigInteger(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("text", sa.String(length=40), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("slot_at", Instant(), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("proposal_id", sa.BigInteger(), nullable=True),
        sa.Column("deadline", Day(), nullable=True),
        sa.Column("decided_on", Day(), nullable=False),
        sa.Column("done_on", Day(), nullable=True),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('planned', 'sent', 'done', 'cancelled', 'missed')", name=op.f("ck_notice_state")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_notice_customer_id_customer")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_notice_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("customer_id", "step", "anchor_id", "occurrence", name=op.f("uq_notice_customer_id_step_anchor_id_occurrence")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index("ix_notice_customer_id_day", ["customer_id", "day"], unique=False)
        batch_op.create_index("ix_notice_planned", ["slot_at", "channel"], unique=False, sqlite_where=sa.text("state = 'planned'"), postgresql_where=sa.text("state = 'planned'"))
        batch_op.create_index("ix_notice_user_id_day", ["user_id", "day"], unique=False)

    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("hold_id", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("oldest_days", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("level_on", Day(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("requested_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("requested_on", Day(), nullable=False),
        sa.Column("deferred_until", Day(), nullable=True),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_on", Day(), nullable=True),
        sa.Column("decision_note", sa.String(length=2000), nullable=True),
        sa.Column("policy", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'deferred', 'approved', 'refused', 'withdrawn', 'expired')", name=op.f("ck_proposal_state")),
        sa.CheckConstraint("requested_by IS NULL OR decided_by IS NULL OR requested_by <> decided_by", name=op.f("ck_proposal_two_persons")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_proposal_customer_id_customer")),
        sa.ForeignKeyConstraint(["decided_by"], ["user_account.id"], name=op.f("fk_proposal_decided_by_user_account")),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f("fk_proposal_requested_by_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    with op.batch_alter_table("proposal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proposal_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index(
            "uq_proposal_pending", ["customer_id"], unique=True, sqlite_where=sa.text("state IN ('open', 'deferred')"), postgresql_where=sa.text("state IN ('open', 'deferred')")
        )

    op.create_table(
        "standing",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("do_not_contact", sa.Boolean(), nullable=False),
        sa.Column("insolvent", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("since", Day(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_standing_customer_id_customer")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_standing")),
    )
    op.create_table(
        "supply_answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("day", Day(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("order_no", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.String(length=5), nullable=False),
        sa.Column("reasons", sa.String(length=400), nullable=False),
        sa.CheckConstraint("answer IN ('yes', 'no', 'refer')", name=op.f("ck_supply_answer_answer")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_supply_answer_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply_answer")),
    )
    with op.batch_alter_table("supply_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_supply_answer_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "dispute",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("raised_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("raised_on", Day(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answered_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("answered_on", Day(), nullable=True),
        sa.Column("answer", sa.String(length=400), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('raised', 'accepted', 'refused', 'settled')", name=op.f("ck_dispute_state")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount")),
        sa.ForeignKeyConstraint(["answered_by"], ["user_account.id"], name=op.f("fk_dispute_answered_by_user_account")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_dispute_customer_id_customer")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_dispute_item_id_item")),
        sa.ForeignKeyConstraint(["raised_by"], ["user_account.id"], name=op.f("fk_dispute_raised_by_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
    )
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispute_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "hold",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("rung", sa.String(length=16), nullable=False),
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("since", Day(), nullable=False),
        sa.Column("basis", sa.String(length=400), nullable=False),
        sa.Column("conditions", sa.String(length=400), nullable=False),
        sa.Column("review_on", Day(), nullable=False),
        sa.Column("released_on", Day(), nullable=True),
        sa.Column("release_proposal_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("rung IN ('stop_credit', 'stop_supply')", name=op.f("ck_hold_rung")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_hold_customer_id_customer")),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposal.id"], name=op.f("fk_hold_proposal_id_proposal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("proposal_id", name=op.f("uq_hold_proposal_id")),
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index(
            "uq_hold_in_force", ["customer_id", "rung"], unique=True, sqlite_where=sa.text("released_on IS NULL"), postgresql_where=sa.text("released_on IS NULL")
        )

    op.create_table(
        "notice_item",
        sa.Column("notice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asked_minor", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(length=24), nullable=True),
        sa.Column("done_on", Day(), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_notice_item_item_id_item")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_item_notice_id_notice")),
        sa.PrimaryKeyConstraint("notice_id", "item_id", name=op.f("pk_notice_item")),
    )
    with op.batch_alter_table("notice_item", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notice_item_done", ["item_id", "done_on", "step"], unique=False, sqlite_where=sa.text("done_on IS NOT NULL"), postgresql_where=sa.text("done_on IS NOT NULL")
        )

    op.create_table(
        "promise",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("made_on", Day(), nullable=False),
        sa.Column("due", Day(), nullable=False),
        sa.Column("until", Day(), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("activity_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=14), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=False),
        sa.Column("judged_on", Day(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'awaiting_bank', 'kept', 'kept_late', 'partly_kept', 'broken', 'renegotiated', 'withdrawn')", name=op.f("ck_promise_state")),
        sa.CheckConstraint("amount_minor > 0 AND received_minor >= 0", name=op.f("ck_promise_amount")),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_promise_activity_id_activity")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_promise_customer_id_customer")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_promise_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise")),
    )
    with op.batch_alter_table("promise", schema=None) as batch_op:
        batch_op.create_index("ix_promise_customer_id_due", ["customer_id", "due"], unique=False)
        batch_op.create_index(
            "ix_promise_live",
            ["due", "customer_id"],
            unique=False,
            sqlite_where=sa.text("state IN ('open', 'awaiting_bank')"),
            postgresql_where=sa.text("state IN ('open', 'awaiting_bank')"),
        )

    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("due", Day(), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=True),
        sa.Column("excuse", sa.String(length=40), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("activity_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("result", sa.String(length=10), nullable=True),
        sa.Column("done_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("done_on", Day(), nullable=True),
        sa.Column("note", sa.String(length=400), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'done', 'cancelled')", name=op.f("ck_task_state")),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_task_activity_id_activity")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_task_customer_id_customer")),
        sa.ForeignKeyConstraint(["done_by"], ["user_account.id"], name=op.f("fk_task_done_by_user_account")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_task_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_customer_id"), ["customer_id"], unique=False)
        batch_op.create_index("ix_task_open", ["user_id", "due"], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))


def downgrade() -> None:
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.drop_index(batch_op.f("ix_task_customer_id"))

    op.drop_table("task")
    with op.batch_alter_table("promise", schema=None) as batch_op:
        batch_op.drop_index("ix_promise_live", sqlite_where=sa.text("state IN ('open', 'awaiting_bank')"), postgresql_where=sa.text("state IN ('open', 'awaiting_bank')"))
        batch_op.drop_index("ix_promise_customer_id_due")

    op.drop_table("promise")
    with op.batch_alter_table("notice_item", schema=None) as batch_op:
        batch_op.drop_index("ix_notice_item_done", sqlite_where=sa.text("done_on IS NOT NULL"), postgresql_where=sa.text("done_on IS NOT NULL"))

    op.drop_table("notice_item")
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.drop_index("uq_hold_in_force", sqlite_where=sa.text("released_on IS NULL"), postgresql_where=sa.text("released_on IS NULL"))

    op.drop_table("hold")
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dispute_customer_id"))

    op.drop_table("dispute")
    with op.batch_alter_table("supply_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_supply_answer_customer_id"))

    op.drop_table("supply_answer")
    op.drop_table("standing")
    with op.batch_alter_table("proposal", schema=None) as batch_op:
        batch_op.drop_index("uq_proposal_pending", sqlite_where=sa.text("state IN ('open', 'deferred')"), postgresql_where=sa.text("state IN ('open', 'deferred')"))
        batch_op.drop_index(batch_op.f("ix_proposal_customer_id"))

    op.drop_table("proposal")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index("ix_notice_user_id_day")
        batch_op.drop_index("ix_notice_planned", sqlite_where=sa.text("state = 'planned'"), postgresql_where=sa.text("state = 'planned'"))
        batch_op.drop_index("ix_notice_customer_id_day")

    op.drop_table("notice")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_message_moving",
            sqlite_where=sa.text("state IN ('queued', 'leased', 'handover', 'uncertain')"),
            postgresql_where=sa.text("state IN ('queued', 'leased', 'handover', 'uncertain')"),
        )
        batch_op.drop_index(batch_op.f("ix_message_customer_id"))

    op.drop_table("message")
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_activity_user_id"))
        batch_op.drop_index("ix_activity_customer_id_day")

    op.drop_table("activity")
    op.drop_table("reply")
    op.drop_table("policy_version")
    with op.batch_alter_table("round", schema=None) as batch_op:
        batch_op.drop_index("ix_round_kind_day")

    op.drop_table("round")
    op.drop_table("lease")
    op.drop_table("decision")
    op.drop_table("bank_day")
