"""Who belongs to an account, and who is invited to."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.orm import Session

from core import audit, letters, passwords, scopes, sessions, users
from core.db import reading, transaction
from core.errors import ConflictError, InputError, NotFoundError
from core.models import Account, ApiKey, Invitation, Membership, User, now
from core.scopes import Principal
from core.sessions import Tokens

INVITATION = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A person in an account; the id is the person's, `created_at` when they came."""

    id: str
    email: str
    name: str
    role: str
    created_at: datetime


def page(account_id: str, *, before: str | None, limit: int) -> list[Member]:
    """Return up to `limit` people of an account, newest first."""
    query = (
        select(User, Membership)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.account_id == account_id)
        .order_by(User.id.desc())
        .limit(limit)
    )
    with reading() as session:
        rows = session.execute(query.where(User.id < before) if before else query)
        return [_shown(user, place) for user, place in rows]


def set_role(by: Principal, user_id: str, role: str) -> Member:
    """Give a member another role.

    Raises NotFoundError `user_not_found`, ConflictError `last_admin`, ForbiddenError `insufficient_scope` where the
    role of before or the new one holds more than `by`.
    """
    with transaction() as session:
        place = _locked(session, by.account_id, user_id)
        for one in (place.role, role):
            by.demand_role(one)
        if role != scopes.ADMIN:
            _keep_an_admin(session, place)
        audit.record(session, by.account_id, "member.role_changed", target=user_id, role=role, before=place.role)
        place.role = role
        return _shown(session.get_one(User, user_id), place)


def remove(by: Principal, user_id: str) -> None:
    """Take a member out, with their sign-ins to the account and the API keys that they made in it.

    Raises NotFoundError `user_not_found`, ConflictError `last_admin`, ForbiddenError `insufficient_scope` where the
    member's role holds more than `by`.
    """
    account_id = by.account_id
    with transaction() as session:
        place = _locked(session, account_id, user_id)
        by.demand_role(place.role)
        _keep_an_admin(session, place)
        sessions.end_all(session, user_id, account_id)
        theirs = [ApiKey.account_id == account_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None)]
        session.execute(update(ApiKey).where(*theirs).values(revoked_at=now()))
        session.delete(place)
        audit.record(session, account_id, "member.removed", target=user_id)


def invite(by: Principal, email: str, role: str) -> Invitation:
    """Mail an invitation; an earlier one to the same address is void.

    Raises ConflictError `already_member`, ForbiddenError `insufficient_scope` where the role holds more than `by`.
    """
    by.demand_role(role)
    account_id = by.account_id
    email = users.normalised(email)
    token = f"cwi_{secrets.token_urlsafe(32)}"
    with transaction() as session:
        account = session.get_one(Account, account_id, with_for_update={"key_share": True})
        member = select(User.id).join(Membership).where(User.email == email, Membership.account_id == account_id)
        if session.scalars(member).first():
            raise ConflictError("already_member", "Who has this address belongs to the account already.")
        _withdraw(session, account_id, Invitation.email == email)
        made = Invitation(
            account_id=account_id, email=email, role=role, token_hash=_hash(token), expires_at=now() + INVITATION
        )
        session.add(made)
        session.flush()
        audit.record(session, account_id, "invitation.created", target=made.id, role=role)
    letters.invitation(email, account.name, role, token)
    return made


def invitations(account_id: str, *, before: str | None, limit: int) -> list[Invitation]:
    """Return up to `limit` open invitations, newest first."""
    query = (
        select(Invitation)
        .where(Invitation.account_id == account_id, Invitation.accepted_at.is_(None))
        .order_by(Invitation.id.desc())
        .limit(limit)
    )
    with reading() as session:
        return list(session.scalars(query.where(Invitation.id < before) if before else query))


def withdraw(account_id: str, invitation_id: str) -> None:
    """Make an invitation void; raises NotFoundError `invitation_not_found`."""
    with transaction() as session:
        if not _withdraw(session, account_id, Invitation.id == invitation_id):
            raise NotFoundError("invitation_not_found", "There is no open invitation of that id.")
        audit.record(session, account_id, "invitation.withdrawn", target=invitation_id)


def accept(token: str, password: str, name: str = "") -> Tokens:
    """Take up an invitation and sign in: a new person with a password of their choice, a known one with theirs.

    Raises InputError `invitation_invalid`, and for a known person what `core.users.authenticate` raises.
    """
    email = _open(token).email
    known = users.find(email)
    if known and known.password_hash and known.verified_at:
        users.authenticate(email, password)
    stored = passwords.hashed(password)
    with transaction() as session:
        invitation = session.scalars(_of(token).with_for_update()).one_or_none()
        if invitation is None or invitation.expires_at <= now():
            raise _void()
        user = session.scalars(select(User).where(User.email == email).with_for_update()).one_or_none()
        if user is None:
            user = User(email=email, name=name)
            session.add(user)
        if user.password_hash is None or user.verified_at is None:
            # The token came by mail, so that the address is theirs, and nobody else's password counts.
            user.password_hash, user.verified_at = stored, user.verified_at or now()
        session.flush()
        session.merge(Membership(account_id=invitation.account_id, user_id=user.id, role=invitation.role))
        invitation.accepted_at = now()
        audit.record(session, invitation.account_id, "invitation.accepted", actor=user.id, target=invitation.id)
    return sessions.begin(user.id, invitation.account_id, how="invitation")


def _open(token: str) -> Invitation:
    with reading() as session:
        found = session.scalars(_of(token)).one_or_none()
    if found is None or found.expires_at <= now():
        raise _void()
    return found


def _of(token: str) -> Select[Invitation]:
    return select(Invitation).where(Invitation.token_hash == _hash(token), Invitation.accepted_at.is_(None))


def _withdraw(session: Session, account_id: str, *which: ColumnElement[bool]) -> int:
    mine = [Invitation.account_id == account_id, Invitation.accepted_at.is_(None), *which]
    return len(session.scalars(delete(Invitation).where(*mine).returning(Invitation.id)).all())


def _locked(session: Session, account_id: str, user_id: str) -> Membership:
    """A place in the account, whose row is locked: two admins must not remove each other at once."""
    session.get_one(Account, account_id, with_for_update={"key_share": True})
    place = session.get(Membership, (account_id, user_id))
    if place is None:
        raise NotFoundError("user_not_found", "There is no member of that id.")
    return place


def _keep_an_admin(session: Session, place: Membership) -> None:
    others = select(Membership.user_id).where(
        Membership.account_id == place.account_id,
        Membership.role == scopes.ADMIN,
        Membership.user_id != place.user_id,
    )
    if place.role == scopes.ADMIN and session.scalars(others.limit(1)).first() is None:
        raise ConflictError("last_admin", "This is the account's last admin: make another one first.")


def _shown(user: User, place: Membership) -> Member:
    return Member(id=user.id, email=user.email, name=user.name, role=place.role, created_at=place.created_at)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _void() -> InputError:
    return InputError("invitation_invalid", "This invitation is not valid any more: ask for a new one.")
