"""Which canvas a stage was last sent in, and how often it met trouble that passes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; what was under way is sent once more by the reconciler."""
    with op.batch_alter_table("job_stages") as table:
        table.add_column(sa.Column("sent_epoch", sa.Integer(), nullable=True))
        table.add_column(sa.Column("setbacks", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("job_stages") as table:
        table.drop_column("setbacks")
        table.drop_column("sent_epoch")
