"""People, their places in accounts, API keys, sign-ins, the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.String(length=40)
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply; the account of before is the one that the bootstrap key opens."""
    with op.batch_alter_table("accounts") as table:
        table.add_column(sa.Column("handle", ID, nullable=True))
        table.drop_constraint(op.f("uq_accounts_name"), type_="unique")
        table.create_unique_constraint(op.f("uq_accounts_handle"), ["handle"])
    op.execute("UPDATE accounts SET handle = 'default' WHERE name = 'default'")
    _people()
    _keys()
    _sessions()
    op.create_table(
        "audit_events",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("actor", ID, nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("target", ID, nullable=True),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("audit_events", "id", account_id="accounts"),
    )
    op.create_index(op.f("ix_audit_events_account_id_id"), "audit_events", ["account_id", "id"])


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        sa.Column("verified_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("users", "id"),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "memberships",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("memberships", "account_id", "user_id", account_id="accounts", user_id="users"),
    )
    op.create_index(op.f("ix_memberships_user_id"), "memberships", ["user_id"])
    op.create_table(
        "invitations",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("accepted_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("invitations", "id", account_id="accounts"),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_account_id"), "invitations", ["account_id"])
    op.create_table(
        "identities",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("identities", "id", user_id="users"),
        sa.UniqueConstraint("provider", "subject", name=op.f("uq_identities_provider_subject")),
    )
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"])


def _keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("prefix", sa.String(length=24), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.Column("expires_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("api_keys", "id", account_id="accounts", user_id="users"),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_index(op.f("ix_api_keys_account_id_id"), "api_keys", ["account_id", "id"])
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"])


def _sessions() -> None:
    op.create_table(
        "user_sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("user_sessions", "id", account_id="accounts", user_id="users"),
    )
    op.create_index(op.f("ix_user_sessions_user_id"), "user_sessions", ["user_id"])
    op.create_index(op.f("ix_user_sessions_expires_at"), "user_sessions", ["expires_at"])
    session = op.f("fk_refresh_tokens_session_id_user_sessions")
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        *_keyed("refresh_tokens", "hash"),
        sa.ForeignKeyConstraint(["session_id"], ["user_sessions.id"], name=session, ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"])
    op.create_table(
        "login_failures",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("blocked_until", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        *_keyed("login_failures", "hash"),
    )
    op.create_index(op.f("ix_login_failures_updated_at"), "login_failures", ["updated_at"])


def _keyed(table: str, *primary: str, **foreign: str) -> list[sa.Constraint]:
    """The keys of a table: its own, and those of others by column."""
    keys: list[sa.Constraint] = [sa.PrimaryKeyConstraint(*primary, name=op.f(f"pk_{table}"))]
    for column, other in foreign.items():
        keys.append(sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")))
    return keys


def downgrade() -> None:
    """Take back."""
    for name in (
        "audit_events", "login_failures", "refresh_tokens", "user_sessions", "api_keys", "identities", "invitations",
        "memberships", "users",
    ):  # fmt: skip
        op.drop_table(name)
    with op.batch_alter_table("accounts") as table:
        table.drop_constraint(op.f("uq_accounts_handle"), type_="unique")
        table.create_unique_constraint(op.f("uq_accounts_name"), ["name"])
        table.drop_column("handle")
