"""Bytes that an account has already are found by their digest, and a shared file by its key."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(op.f("ix_assets_account_id_sha256"), "assets", ["account_id", "sha256"])
    op.create_index(op.f("ix_assets_storage_key"), "assets", ["storage_key"])


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_assets_storage_key"), "assets")
    op.drop_index(op.f("ix_assets_account_id_sha256"), "assets")
