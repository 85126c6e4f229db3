"""Webhooks keep every secret that was rotated while its time lasts, not the last one alone."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("webhook_endpoints") as table:
        table.add_column(sa.Column("older_secrets", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("webhook_endpoints") as table:
        table.drop_column("older_secrets")
