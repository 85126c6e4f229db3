"""Which request a piece of work came from."""

from __future__ import annotations

import structlog


def request_id() -> str | None:
    """Return the id of the request that this thread works for; None when it works for none."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return None if found is None else str(found)
