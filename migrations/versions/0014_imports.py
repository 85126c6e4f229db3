"""A job may start before its input is there: it is fetched from an address."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("jobs") as table:
        table.alter_column("input_asset_id", existing_type=sa.String(40), nullable=True)


def downgrade() -> None:
    """Take back; jobs whose input never came go."""
    op.execute("DELETE FROM jobs WHERE input_asset_id IS NULL")
    with op.batch_alter_table("jobs") as table:
        table.alter_column("input_asset_id", existing_type=sa.String(40), nullable=False)
