"""Passwords: argon2id with the second profile of RFC 9106 (64 MiB, 3 passes, 4 lanes)."""

from __future__ import annotations

import threading
from functools import lru_cache

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_hasher = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
# Each takes 64 MiB: a flood of logins must not take all there is.
_at_once = threading.BoundedSemaphore(4)


def hashed(password: str) -> str:
    """Return the hash to store, with its salt and parameters in it."""
    with _at_once:
        return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the one of a stored hash; without a hash the work is the same, and the answer no."""
    with _at_once:
        try:
            return _hasher.verify(stored or _of_nobody(), password) and stored is not None
        except (VerifyMismatchError, InvalidHashError):
            return False


@lru_cache(maxsize=1)
def _of_nobody() -> str:
    return _hasher.hash("nobody's")
