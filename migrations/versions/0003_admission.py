"""Jobs that wait in the database until their account has room for them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LINE_COLUMNS = ["account_id", "lane", "status", "admitted_at", "priority", "id"]
LINE = f"ix_jobs_{'_'.join(LINE_COLUMNS)}"


def upgrade() -> None:
    """Apply; every job that is not over has been sent, or is about to be."""
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("lane", sa.String(length=16), nullable=False, server_default="work"))
        table.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE jobs SET lane = 'inspect' WHERE pipeline = 'inspect'")
    op.execute("UPDATE jobs SET admitted_at = created_at WHERE status IN ('queued', 'running')")
    op.drop_index(op.f("ix_jobs_status_id"), table_name="jobs")
    op.create_index(op.f("ix_jobs_status_admitted_at"), "jobs", ["status", "admitted_at"], unique=False)
    op.create_index(op.f(LINE), "jobs", LINE_COLUMNS, unique=False)
    op.create_index(op.f("ix_job_stages_status_queued_at"), "job_stages", ["status", "queued_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_job_stages_status_queued_at"), table_name="job_stages")
    op.drop_index(op.f(LINE), table_name="jobs")
    op.drop_index(op.f("ix_jobs_status_admitted_at"), table_name="jobs")
    op.create_index(op.f("ix_jobs_status_id"), "jobs", ["status", "id"], unique=False)
    with op.batch_alter_table("jobs") as table:
        table.drop_column("admitted_at")
        table.drop_column("priority")
        table.drop_column("lane")
