"""Ids and metadata of the client's own on uploads, assets and jobs, and the indexes that lists are narrowed by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SEARCHABLE = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INDEXES = [
    ("jobs", ["account_id", "status", "id"]),
    ("jobs", ["account_id", "pipeline", "id"]),
    ("jobs", ["account_id", "external_id", "id"]),
    ("assets", ["account_id", "external_id", "id"]),
    ("uploads", ["account_id", "id"]),
    ("uploads", ["account_id", "status", "id"]),
    ("uploads", ["account_id", "external_id", "id"]),
]
TABLES = ("jobs", "assets", "uploads")


def upgrade() -> None:
    """Apply."""
    for name in TABLES:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("external_id", sa.String(length=200), nullable=True))
            if name != "jobs":
                table.add_column(sa.Column("client_metadata", SEARCHABLE, nullable=False, server_default="{}"))
    op.drop_index(op.f("ix_uploads_account_id"), table_name="uploads")
    for name, columns in INDEXES:
        op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, columns, unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for name in TABLES:
            op.create_index(
                f"ix_{name}_client_metadata",
                name,
                ["client_metadata"],
                postgresql_using="gin",
                postgresql_ops={"client_metadata": "jsonb_path_ops"},
            )


def downgrade() -> None:
    """Take back."""
    if op.get_bind().dialect.name == "postgresql":
        for name in TABLES:
            op.drop_index(f"ix_{name}_client_metadata", table_name=name)
    for name, columns in reversed(INDEXES):
        op.drop_index(op.f(f"ix_{name}_{'_'.join(columns)}"), table_name=name)
    op.create_index(op.f("ix_uploads_account_id"), "uploads", ["account_id"], unique=False)
    for name in reversed(TABLES):
        with op.batch_alter_table(name) as table:
            if name != "jobs":
                table.drop_column("client_metadata")
            table.drop_column("external_id")
