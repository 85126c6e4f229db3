"""What the engine raises.

MediaError
├── InputError     the user's file or request: a clear message, never retried
└── EngineError    ours: never retried, alerts

Every error carries a stable `code` (snake_case, part of the public API) and a message that a user can act on.
A storage error that a file object raises while the engine reads passes through unchanged.
"""

from __future__ import annotations


class MediaError(Exception):
    """Base of all engine errors; `code` is stable, `message` is one plain sentence without paths."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InputError(MediaError):
    """The file or the request cannot be served: tell the user what to change."""


class EngineError(MediaError):
    """The engine broke its own promise (for instance a frame count that does not match)."""
