"""How much video or sound each job makes."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; jobs of before count nothing."""
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("media_ms", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("jobs") as table:
        table.drop_column("media_ms")
