"""The account: who asks, its people, invitations, and audit log."""

from __future__ import annotations

from typing import Any

from app import pagination
from app.blueprint import Blueprint
from app.pagination import PageQuery
from app.schemas.account import (
    AuditListSchema,
    InvitationListSchema,
    InvitationSchema,
    MemberListSchema,
    MemberSchema,
    MeSchema,
    NewInvitation,
    RoleSchema,
)
from app.security import SIGNED_IN, current_account_id, current_principal
from core import accounts, audit, members, users
from core.members import Member
from core.models import Invitation

blp = Blueprint("accounts", __name__, url_prefix="/v1", description="People and what they did.")


@blp.route("/me", needs=SIGNED_IN)
@blp.response(200, MeSchema)
def get_me() -> dict[str, Any]:
    """Tell who the token stands for, and what it allows

    `user` is null for a key of the account itself, `key_id` for a person who has signed in. `accounts` are all that the
    person belongs to: sign in with another `account_id` to work there.
    """
    me = current_principal()
    account = accounts.get(me.account_id)
    places = users.accounts_of(me.user_id) if me.user_id else [(account, None)]
    return {
        "account": {"id": account.id, "name": account.name, "role": me.role},
        "user": users.get(me.user_id) if me.user_id else None,
        "key_id": me.key_id,
        "scopes": sorted(me.scopes),
        "accounts": [{"id": place.id, "name": place.name, "role": role} for place, role in places],
    }


@blp.route("/members", needs="members:read")
@blp.arguments(PageQuery, location="query")
@blp.response(200, MemberListSchema)
def list_members(query: dict[str, Any]) -> dict[str, Any]:
    """List the people of the account."""
    rows, following = pagination.take(members.page, current_account_id(), query, kind="members")
    return {"data": rows, "next": following}


@blp.route("/members/<user_id>", needs="members:write", method="PATCH")
@blp.arguments(RoleSchema)
@blp.response(200, MemberSchema)
@blp.problems(409, "last_admin")
def change_member(body: dict[str, str], user_id: str) -> Member:
    """Give a member another role

    It counts at once, also for access tokens that have minutes left. The last admin of an account stays one: 409
    `last_admin`. A token gives and takes no role that holds more than itself: 403 `insufficient_scope`.
    """
    return members.set_role(current_principal(), user_id, body["role"])


@blp.route("/members/<user_id>", needs="members:write", method="DELETE")
@blp.response(204)
@blp.problems(409, "last_admin")
def remove_member(user_id: str) -> None:
    """Take a member out

    Their sign-ins in this account end now, and so do the keys that they made. What they uploaded and started stays.
    Whose role holds more than the token is not taken out by it: 403 `insufficient_scope`.
    """
    members.remove(current_principal(), user_id)


@blp.route("/invitations", needs="members:write", method="POST")
@blp.idempotent
@blp.arguments(NewInvitation)
@blp.response(201, InvitationSchema)
@blp.problems(409, "already_member")
def create_invitation(body: dict[str, str]) -> Invitation:
    """Invite somebody by mail

    The mail holds a token for `accept_invitation`. An earlier invitation of the same address is void. The role may hold
    no more than the token: 403 `insufficient_scope`.
    """
    return members.invite(current_principal(), body["email"], body["role"])


@blp.route("/invitations", needs="members:read")
@blp.arguments(PageQuery, location="query")
@blp.response(200, InvitationListSchema)
def list_invitations(query: dict[str, Any]) -> dict[str, Any]:
    """List open invitations."""
    rows, following = pagination.take(members.invitations, current_account_id(), query, kind="invitations")
    return {"data": rows, "next": following}


@blp.route("/invitations/<invitation_id>", needs="members:write", method="DELETE")
@blp.response(204)
def delete_invitation(invitation_id: str) -> None:
    """Make an invitation void

    The token in its mail is refused from now on.
    """
    members.withdraw(current_account_id(), invitation_id)


@blp.route("/audit", needs="audit:read")
@blp.arguments(PageQuery, location="query")
@blp.response(200, AuditListSchema)
def list_audit_events(query: dict[str, Any]) -> dict[str, Any]:
    """List sensitive acts, newest first

    Who did what, from which address: logins and failed ones, keys made and revoked, members, roles, webhooks and their
    secrets.
    """
    rows, following = pagination.take(audit.page, current_account_id(), query, kind="audit")
    return {"data": rows, "next": following}
