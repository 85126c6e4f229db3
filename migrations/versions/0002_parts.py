"""Stages that other stages ask for while they run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; until now every stage bore the name of its kind."""
    with op.batch_alter_table("job_stages") as table:
        table.add_column(sa.Column("kind", sa.String(length=40), nullable=True))
        table.add_column(sa.Column("part_of", sa.String(length=40), nullable=True))
        table.add_column(sa.Column("notes", sa.JSON(), nullable=True))
    op.execute("UPDATE job_stages SET kind = name")
    with op.batch_alter_table("job_stages") as table:
        table.alter_column("kind", existing_type=sa.String(length=40), nullable=False)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("job_stages") as table:
        table.drop_column("notes")
        table.drop_column("part_of")
        table.drop_column("kind")
