"""Prefixed identifiers that sort by the time they were made (ULID, https://github.com/ulid/spec)."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_LENGTH = 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_id(prefix: str, moment: datetime | None = None) -> str:
    """Return for instance `job_01jd0c…`: 48 bits of milliseconds, then 80 random bits, in Crockford's base 32.

    The milliseconds are those of a moment, or of this host's clock.
    """
    milliseconds = time.time_ns() // 1_000_000 if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)
    return _text(prefix, (milliseconds << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS))


def first_id(prefix: str, moment: datetime, later: timedelta = timedelta(0)) -> str:
    """Return the smallest id that can have been made at an aware time, or so much `later`; ids begin in 1970."""
    milliseconds = (moment - _EPOCH + later) // timedelta(milliseconds=1)
    return _text(prefix, max(0, milliseconds) << _RANDOM_BITS)


def _text(prefix: str, value: int) -> str:
    digits = [_ALPHABET[value >> 5 * place & 31] for place in reversed(range(_LENGTH))]
    return f"{prefix}_{''.join(digits)}"
