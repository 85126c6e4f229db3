"""Bookmarks of the housekeeping."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "bookmarks",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("key", sa.String(1024), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_bookmarks")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("bookmarks")
