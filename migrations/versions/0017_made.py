"""Indexes of what was made, for the quota of minutes."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INDEXES = {
    "jobs": (["account_id", "id", "status", "media_ms"], "media_ms > 0"),
    "job_stages": (["job_id"], "name = 'trim' AND status = 'succeeded' AND NOT cached"),
}


def upgrade() -> None:
    """Apply."""
    for table, (columns, which) in INDEXES.items():
        where = sa.text(which)
        op.create_index(f"ix_{table}_made", table, columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    """Take back."""
    for table in INDEXES:
        op.drop_index(f"ix_{table}_made", table)
