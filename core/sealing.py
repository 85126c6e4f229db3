"""Secrets at rest: what rows hold of them is sealed with a key made of `SECRET_KEY`.

By Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec/blob/master/Spec.md), so that a copy of the
database alone tells nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken

from core.errors import EngineError
from core.settings import get_settings


def seal(secret: bytes, *, purpose: str) -> bytes:
    """Return what may be stored; only `unseal` with the same purpose reads it."""
    return _fernet(purpose).encrypt(secret)


def unseal(sealed: bytes, *, purpose: str) -> bytes:
    """Return what was sealed; raises EngineError `sealed_by_another_key` when `SECRET_KEY` was changed since."""
    try:
        return _fernet(purpose).decrypt(sealed)
    except InvalidToken as error:
        raise EngineError("sealed_by_another_key", "What was sealed cannot be read: SECRET_KEY is another.") from error


def _fernet(purpose: str) -> Fernet:
    secret = get_settings().secret_key.get_secret_value().encode()
    return Fernet(base64.urlsafe_b64encode(hmac.digest(secret, f"cutwork.seal.{purpose}".encode(), hashlib.sha256)))
