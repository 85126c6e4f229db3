"""An index of what is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEPT = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_assets_stored",
        "assets",
        ["account_id", "storage_key", "size"],
        postgresql_where=KEPT,
        sqlite_where=KEPT,
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_assets_stored", "assets")
