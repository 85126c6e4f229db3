"""Signed tokens that live without a row: access tokens, links in mails, tickets for a stream."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import jwt
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from core.errors import AuthenticationError, InputError
from core.settings import get_settings

ACCESS_S = 15 * 60
TICKET_S = 5 * 60
VERIFY_S = 24 * 3600
RESET_S = 3600
_ISSUER = "cutwork"


@dataclass(frozen=True, kw_only=True)
class Access:
    """What an access token says: the person, and the sign-in that it came of."""

    user_id: str
    session_id: str


def access_token(access: Access) -> str:
    """Return a JWT (RFC 7519) of 15 minutes."""
    moment = int(time.time())
    claims = {"iss": _ISSUER, "sub": access.user_id, "sid": access.session_id, "iat": moment, "exp": moment + ACCESS_S}
    return jwt.encode(claims, _key(), algorithm="HS256")


def read_access(token: str) -> Access:
    """Return what an access token says; raises AuthenticationError `invalid_token`, `token_expired`."""
    required = ["iss", "sub", "sid", "iat", "exp"]
    try:
        claims = jwt.decode(token, _key(), algorithms=["HS256"], issuer=_ISSUER, options={"require": required})
        return Access(user_id=str(claims["sub"]), session_id=str(claims["sid"]))
    except jwt.ExpiredSignatureError:
        raise AuthenticationError("token_expired", "The access token has expired: refresh it.") from None
    except jwt.InvalidTokenError:
        raise AuthenticationError("invalid_token", "The token is not one of ours: get a new one.") from None


def ticket(account_id: str, job_id: str) -> str:
    """Return a token that lets who cannot send headers follow one job, for `TICKET_S`."""
    return _serializer("ticket").dumps([account_id, job_id])


def read_ticket(token: str) -> tuple[str, str]:
    """Return account and job; raises AuthenticationError `invalid_token`, `token_expired`."""
    try:
        account_id, job_id = _serializer("ticket").loads(token, max_age=TICKET_S)
    except SignatureExpired:
        raise AuthenticationError("token_expired", "The ticket has expired: ask for a new one.") from None
    except (BadSignature, ValueError):
        raise AuthenticationError("invalid_token", "The ticket is not one of ours.") from None
    return str(account_id), str(job_id)


def mailed(kind: str, content: dict[str, Any]) -> str:
    """Return a token for a mail; `kind` keeps one for verifying from being one for a new password."""
    return _serializer(f"mail.{kind}").dumps(content)


def read_mailed(kind: str, token: str, *, seconds: int) -> dict[str, Any]:
    """Return what a mailed token holds; raises InputError `link_invalid`, `link_expired`."""
    try:
        content = _serializer(f"mail.{kind}").loads(token, max_age=seconds)
    except SignatureExpired:
        raise InputError("link_expired", "This token has expired: ask for a new mail.") from None
    except BadSignature:
        raise link_invalid() from None
    return dict(content)


def link_invalid() -> InputError:
    """The error for a mailed token that was altered, used, or made worthless by a newer one."""
    return InputError("link_invalid", "This token is not valid, or it was used already: ask for a new mail.")


def fingerprint(stored: str | None) -> str:
    """Return a text that changes with the password, so that a link works for the password that it was made for."""
    return hmac.new(_key(), (stored or "").encode(), hashlib.sha256).hexdigest()[:16]


def _key() -> bytes:
    return hmac.new(get_settings().signing_secret.encode(), b"cutwork.tokens", hashlib.sha256).digest()


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(get_settings().signing_secret, salt=f"cutwork.{purpose}")
