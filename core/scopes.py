"""What a caller may do: scopes, the roles that hold them, and the principal that a token stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import ForbiddenError, InputError

SCOPES = {
    "jobs:read": "Read jobs and follow them.",
    "jobs:write": "Start, cancel and retry jobs.",
    "assets:read": "Read and download files and uploads.",
    "assets:write": "Upload and delete files.",
    "webhooks:read": "Read webhook endpoints and deliveries.",
    "webhooks:write": "Change webhook endpoints, deliver again.",
    "usage:read": "Read what the account has used.",
    "keys:read": "List API keys.",
    "keys:write": "Make and revoke API keys.",
    "members:read": "See who belongs to the account.",
    "members:write": "Invite, change and remove members, up to what the token itself holds.",
    "audit:read": "Read the audit log.",
}
VIEWER, MEMBER, ADMIN = "viewer", "member", "admin"
_READS = frozenset({"jobs:read", "assets:read", "webhooks:read", "usage:read", "keys:read", "members:read"})
ROLES: dict[str, frozenset[str]] = {
    # Whoever may sign in may have keys of his own, which hold no more than he does.
    VIEWER: _READS | {"keys:write"},
    MEMBER: _READS | {"keys:write", "jobs:write", "assets:write", "webhooks:write"},
    ADMIN: frozenset(SCOPES),
}
"""The scopes of each role."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks: a person (`user_id`, `role`, `session_id`), an API key (`key_id`) or a ticket (`job_id` alone).

    A key that a person made has both `key_id` and `user_id`, and never more scopes than that person's role.
    """

    account_id: str
    scopes: frozenset[str]
    user_id: str | None = None
    role: str | None = None
    session_id: str | None = None
    key_id: str | None = None
    job_id: str | None = None

    @property
    def id(self) -> str:
        """What limits count by and the audit log names: the key, else the person, else the account."""
        return self.key_id or self.user_id or self.account_id

    def demand(self, scope: str) -> None:
        """Raise ForbiddenError `insufficient_scope` unless the scope is held."""
        if scope not in self.scopes:
            raise ForbiddenError("insufficient_scope", f"This needs the scope {scope}, which the token does not hold.")

    def demand_role(self, role: str) -> None:
        """Raise ForbiddenError `insufficient_scope` unless all that a role holds is held: so to give or take it."""
        missing = [scope for scope in SCOPES if scope in ROLES[role] - self.scopes]
        if missing:
            message = f"The role {role} holds {', '.join(missing)}, which the token does not."
            raise ForbiddenError("insufficient_scope", message)


def known(names: Iterable[str]) -> list[str]:
    """Return scopes in their usual order, each once; raises InputError `unknown_scope`."""
    wanted = set(names)
    unknown = sorted(wanted - set(SCOPES))
    if unknown:
        message = f"{', '.join(unknown)}: no such scope; there are {', '.join(SCOPES)}."
        raise InputError("unknown_scope", message, fields={"scopes": [message]})
    return [scope for scope in SCOPES if scope in wanted]
