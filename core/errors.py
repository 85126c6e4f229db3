"""What Cutwork raises outside the engine.

CutworkError
├── InputError            the user's file or request: a clear message, never retried
│   ├── AuthenticationError  nobody is signed in, or the token is not good
│   ├── ForbiddenError    the token does not allow this
│   ├── NotFoundError     no such thing in this account
│   └── ConflictError     the thing is in a state that does not allow it
├── LimitError            too much of it, for now: retried after `retry_after_s`
├── TransientError        network, storage, database: retried with backoff and jitter
├── EngineError           ours: never retried, alerts
└── IllegalTransition     a state machine was asked for a step that it does not have

Each carries a stable `code` (snake_case, part of the public API), a message that says what to do next, and whether a
retry may help. HTTP statuses are the API's business (`app/errors.py`).
"""

from __future__ import annotations

from collections.abc import Mapping


class CutworkError(Exception):
    """Base of all; `fields` names the request fields at fault, as `{"keep.0.end": ["…"]}`."""

    retryable = False

    def __init__(self, code: str, message: str, *, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = dict(fields or {})


class InputError(CutworkError):
    """The request or the file cannot be served: tell the user what to change."""


class AuthenticationError(InputError):
    """There is no token, or it is not good: sign in, or send a key."""


class ForbiddenError(InputError):
    """The token is good, but does not allow this."""


class NotFoundError(InputError):
    """No such thing in this account; another account's thing is told apart by nothing."""


class ConflictError(InputError):
    """The thing exists, but its state does not allow this."""


class LimitError(CutworkError):
    """Too much in too short a time; nothing is wrong with the request itself. `retry_after_s` says how long to wait."""

    retryable = True

    def __init__(self, code: str, message: str, *, retry_after_s: int) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class TransientError(CutworkError):
    """Network, storage or database trouble that passes: retried with backoff and jitter."""

    retryable = True


class EngineError(CutworkError):
    """Cutwork's own fault: never retried, alerts."""


class IllegalTransition(EngineError):
    """A state machine was asked for a step that it does not have."""
