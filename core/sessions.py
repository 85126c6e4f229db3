"""Sign-ins: an access token of minutes, and refresh tokens that are good once.

A refresh token that comes a second time was stolen, or its thief was first: its whole family ends (RFC 9700, 4.14.2).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import audit, scopes, signed
from core.db import reading, transaction
from core.errors import AuthenticationError, NotFoundError
from core.models import Membership, RefreshToken, UserSession, now
from core.scopes import Principal

REFRESH = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a sign-in and a refresh answer with."""

    access_token: str
    refresh_token: str
    account_id: str
    user_id: str
    role: str
    expires_in: int = signed.ACCESS_S
    refresh_expires_in: int = int(REFRESH.total_seconds())
    token_type: str = "Bearer"  # noqa: S105 - the name of the scheme


def begin(user_id: str, account_id: str | None = None, *, how: str) -> Tokens:
    """Sign a person in to an account, by default the oldest of theirs; raises NotFoundError `account_not_found`."""
    moment = now()
    mine = (
        select(Membership).where(Membership.user_id == user_id).order_by(Membership.created_at, Membership.account_id)
    )
    with transaction() as session:
        place = session.scalars(mine.where(Membership.account_id == account_id) if account_id else mine).first()
        if place is None:
            raise NotFoundError("account_not_found", "There is no account of that id that you belong to.")
        family = UserSession(user_id=user_id, account_id=place.account_id, expires_at=moment + REFRESH)
        session.add(family)
        session.flush()
        audit.record(session, place.account_id, "login", actor=user_id, target=family.id, how=how)
        return _issue(session, family, place.role, moment)


def refresh(token: str) -> Tokens:
    """Trade a refresh token for new tokens.

    Raises AuthenticationError `invalid_token`, `token_expired`, `token_reused`. Its family's row is locked, so that of
    many at once one is first and all others are too late.
    """
    moment = now()
    with transaction() as session:
        # The family before its tokens, as housekeeping, which deletes them together.
        spent = session.get(RefreshToken, _hash(token))
        family = session.get(UserSession, spent.session_id, with_for_update=True) if spent else None
        spent = session.get(RefreshToken, _hash(token), with_for_update=True, populate_existing=True)
        if spent is None or family is None:
            raise _refusal()
        reused = spent.used_at is not None
        if reused and family.revoked_at is None:
            _revoke(session, family, moment, "session.reuse_detected")
        if not reused:
            tokens = _rotate(session, family, spent, moment)
    # Only now, for the end of the family has to be committed.
    if reused:
        raise AuthenticationError("token_reused", "This refresh token was used before: sign in again.")
    return tokens


def end(session_id: str) -> None:
    """Sign out: neither the access token nor any refresh token of the sign-in works any more."""
    with transaction() as session:
        family = session.get(UserSession, session_id, with_for_update=True)
        if family and family.revoked_at is None:
            _revoke(session, family, now(), "logout")


def end_all(session: Session, user_id: str, account_id: str | None = None) -> None:
    """End every sign-in of a person, or those to one account."""
    mine = [UserSession.user_id == user_id, UserSession.revoked_at.is_(None)]
    if account_id:
        mine.append(UserSession.account_id == account_id)
    session.execute(update(UserSession).where(*mine).values(revoked_at=now()))


def principal(token: str) -> Principal:
    """Return whom an access token stands for; raises AuthenticationError `invalid_token`, `token_expired`.

    The rows have the last word: a sign-out, another role or the loss of one's place count at once.
    """
    access = signed.read_access(token)
    mine = (Membership.account_id == UserSession.account_id) & (Membership.user_id == UserSession.user_id)
    query = select(UserSession, Membership.role).join(Membership, mine).where(UserSession.id == access.session_id)
    with reading() as session:
        found = session.execute(query).one_or_none()
    if found is None or found[0].revoked_at or found[0].user_id != access.user_id:
        raise _refusal()
    family, role = found
    return Principal(
        account_id=family.account_id,
        scopes=scopes.ROLES[role],
        user_id=family.user_id,
        role=role,
        session_id=family.id,
    )


def _rotate(session: Session, family: UserSession, spent: RefreshToken, moment: datetime) -> Tokens:
    if family.revoked_at:
        raise _refusal()
    if family.expires_at <= moment:
        raise AuthenticationError("token_expired", "The refresh token has expired: sign in again.")
    place = session.get(Membership, (family.account_id, family.user_id))
    if place is None:
        raise _refusal()
    spent.used_at = moment
    family.expires_at = moment + REFRESH
    return _issue(session, family, place.role, moment)


def _issue(session: Session, family: UserSession, role: str, moment: datetime) -> Tokens:
    token = f"cwr_{secrets.token_urlsafe(32)}"
    session.add(RefreshToken(hash=_hash(token), session_id=family.id, created_at=moment))
    return Tokens(
        access_token=signed.access_token(signed.Access(user_id=family.user_id, session_id=family.id)),
        refresh_token=token,
        account_id=family.account_id,
        user_id=family.user_id,
        role=role,
    )


def _revoke(session: Session, family: UserSession, moment: datetime, action: str) -> None:
    family.revoked_at = moment
    audit.record(session, family.account_id, action, actor=family.user_id, target=family.id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _refusal() -> AuthenticationError:
    return AuthenticationError(
        "invalid_token", "The token is not one of ours, or its sign-in has ended: sign in again."
    )
