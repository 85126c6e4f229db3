"""Signatures of addresses that work without a key: HMAC-SHA256 in base64 without padding (RFC 4648, URL-safe)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from core.errors import ForbiddenError
from core.settings import get_settings

SIGNATURE = "s"
EXPIRES = "expires"


def signed(purpose: str, subject: str, query: Mapping[str, str]) -> str:
    """Return the query with the signature that binds it to what it is for and to its subject."""
    return urlencode([*sorted(query.items()), (SIGNATURE, _signature(purpose, subject, query))])


def check(purpose: str, subject: str, given: Mapping[str, str]) -> None:
    """Raise ForbiddenError `signature_invalid` or `signature_expired` unless the whole query was signed here."""
    plain = {name: value for name, value in given.items() if name != SIGNATURE}
    if not hmac.compare_digest(_signature(purpose, subject, plain).encode(), given.get(SIGNATURE, "").encode()):
        raise ForbiddenError("signature_invalid", "This address was not signed here, or it was altered.")
    if EXPIRES in plain and int(plain[EXPIRES]) < time.time():
        raise ForbiddenError("signature_expired", "This address has expired: ask for a new one.")


def _signature(purpose: str, subject: str, plain: Mapping[str, str]) -> str:
    key = hmac.digest(get_settings().signing_secret.encode(), f"cutwork.{purpose}".encode(), hashlib.sha256)
    text = f"{subject}?{urlencode(sorted(plain.items()))}"
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).rstrip(b"=").decode()
