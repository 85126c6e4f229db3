"""Jobs that wait in the database until their account has room for them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; every job that is not over has been sent, or is about to be."""
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("lane", sa.String(length=16), nullable=False, server_default="work"))
        table.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE jobs SET lane = 'inspect' WHERE pipeline = 'inspect'")
    op.execute("UPDATE jobs SET admitted_at = created_at WHERE status IN ('queued', 'running')")
    op.create_index(op.f("ix_jobs_account_id_status_id"), "jobs", ["account_id", "status", "id"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_jobs_account_id_status_id"), table_name="jobs")
    with op.batch_alter_table("jobs") as table:
        table.drop_column("admitted_at")
        table.drop_column("priority")
        table.drop_column("lane")
