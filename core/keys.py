"""API keys: `cw_` and eight characters that are shown, then a secret of which only the hash is stored."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import accounts, audit, idempotency, scopes
from core.db import reading, transaction
from core.errors import AuthenticationError, InputError, NotFoundError
from core.models import ApiKey, Membership, now
from core.scopes import Principal
from core.settings import KEY_PATTERN, get_settings

_PREFIX_CHARS = "0123456789abcdefghjkmnpqrstvwxyz"
NOTE_USE_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: a write for every request would cost more than the request."""


def generate() -> str:
    """Return a new key: `cw_xxxxxxxx_` and 192 random bits in hex."""
    return f"cw_{''.join(secrets.choice(_PREFIX_CHARS) for _ in range(8))}_{secrets.token_hex(24)}"


def looks_like_one(token: str) -> bool:
    """Whether a token claims to be an API key."""
    return token.startswith("cw_")


def principal(token: str) -> Principal:
    """Return whom a key stands for; raises AuthenticationError `invalid_token`, `token_expired`."""
    shape = re.fullmatch(KEY_PATTERN, token)
    if shape is None:
        raise _refusal()
    with reading() as session:
        found = _find(session, shape[1])
    if found is None:
        return _bootstrap(token)
    key, role = found
    if not hmac.compare_digest(key.hash, _hash(token)) or key.revoked_at or (key.user_id and role is None):
        raise _refusal()
    moment = now()
    if key.expires_at and key.expires_at <= moment:
        raise AuthenticationError("token_expired", "The API key has expired: make a new one.")
    if key.last_used_at is None or key.last_used_at < moment - NOTE_USE_EVERY:
        _note_use(key.id, moment)
    held = frozenset(key.scopes) & (scopes.ROLES[role] if role else scopes.ROLES[scopes.ADMIN])
    return Principal(account_id=key.account_id, scopes=held, user_id=key.user_id, role=role, key_id=key.id)


def create(by: Principal, *, name: str, wanted: list[str], expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """Return a new key's row and, for the only time, the key itself.

    Raises InputError `unknown_scope`, `already_expired`, ForbiddenError `insufficient_scope`: nobody grants more than
    he has.
    """
    if expires_at and expires_at <= now():
        message = "A key must expire later than now."
        raise InputError("already_expired", message, fields={"expires_at": [message]})
    ordered = scopes.known(wanted)
    for scope in ordered:
        by.demand(scope)
    token = generate()
    made = row(by.account_id, token, name=name, wanted=ordered, user_id=by.user_id, expires_at=expires_at)
    with transaction() as session:
        lost = idempotency.earlier(session, ApiKey)
        if lost is not None and lost.last_used_at is None:
            # The answer that showed it has reached nobody, and it cannot be shown again.
            lost.revoked_at = lost.revoked_at or now()
        session.add(made)
        session.flush()
        idempotency.record(session, made)
        audit.record(session, by.account_id, "key.created", target=made.id, scopes=ordered)
    return made, token


def page(by: Principal, *, before: str | None, limit: int) -> list[ApiKey]:
    """Return up to `limit` keys, newest first: all of the account to who may change members, else one's own."""
    query = select(ApiKey).where(*_seen(by)).order_by(ApiKey.id.desc()).limit(limit)
    with reading() as session:
        return list(session.scalars(query.where(ApiKey.id < before) if before else query))


def revoke(by: Principal, key_id: str) -> None:
    """End a key at once; a second time does nothing. Raises NotFoundError `key_not_found`."""
    with transaction() as session:
        found = session.scalars(select(ApiKey).where(ApiKey.id == key_id, *_seen(by)).with_for_update()).one_or_none()
        if found is None:
            raise NotFoundError("key_not_found", "There is no key of that id that you may see.")
        if found.revoked_at is None:
            found.revoked_at = now()
            audit.record(session, by.account_id, "key.revoked", target=key_id)


def row(account_id: str, token: str, *, name: str, wanted: list[str], **more: str | datetime | None) -> ApiKey:
    """Return the row that stores a key, not yet added to a session."""
    shape = re.fullmatch(KEY_PATTERN, token)
    assert shape is not None
    return ApiKey(account_id=account_id, name=name, prefix=shape[1], hash=_hash(token), scopes=wanted, **more)


def _seen(by: Principal) -> list[ColumnElement[bool]]:
    mine = [ApiKey.account_id == by.account_id]
    if "members:write" in by.scopes:
        return mine
    return [*mine, ApiKey.user_id == by.user_id if by.user_id else ApiKey.id == by.key_id]


def _find(session: Session, prefix: str) -> tuple[ApiKey, str | None] | None:
    """The key of a prefix, and the role of the person who made it."""
    mine = (Membership.account_id == ApiKey.account_id) & (Membership.user_id == ApiKey.user_id)
    query = select(ApiKey, Membership.role).outerjoin(Membership, mine).where(ApiKey.prefix == prefix)
    found = session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def _bootstrap(token: str) -> Principal:
    """Store the key that the settings name when it is first used."""
    known = get_settings().bootstrap_api_key
    if known is None or not hmac.compare_digest(known.get_secret_value().encode(), token.encode()):
        raise _refusal()
    first = row(accounts.default_account().id, token, name="bootstrap", wanted=list(scopes.SCOPES))
    try:
        with transaction() as session:
            session.add(first)
    except IntegrityError:
        # Another request was first.
        return principal(token)
    return Principal(account_id=first.account_id, scopes=frozenset(first.scopes), key_id=first.id)


def _note_use(key_id: str, moment: datetime) -> None:
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < moment - NOTE_USE_EVERY)
    with transaction() as session:
        session.execute(update(ApiKey).where(ApiKey.id == key_id, stale).values(last_used_at=moment))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _refusal() -> AuthenticationError:
    return AuthenticationError("invalid_token", "The token is not one of ours, or it was revoked: get a new one.")
