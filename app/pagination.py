"""Cursor pagination: `{"data": […], "next": "…" | null}`, newest first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from app.schemas.listing import CURSOR, PageQuery
from core.errors import InputError
from core.listing import Filter

__all__ = ["PageQuery", "narrowed", "take"]


class Row(Protocol):
    """A row that sorts by its id."""

    @property
    def id(self) -> Any:
        """The id."""


Listed = TypeVar("Listed", bound=Row)
_COLUMNS = ("status", "pipeline", "external_id")
_PREFIXES = {
    "assets": "ast", "audit": "aud", "brand_kits": "kit", "deliveries": "whd", "invitations": "inv", "jobs": "job",
    "keys": "key", "members": "usr", "uploads": "upl", "webhooks": "whk",
}  # fmt: skip


def take(
    fetch: Callable[..., Sequence[Listed]], account_id: str, query: Mapping[str, Any], *, kind: str
) -> tuple[list[Listed], str | None]:
    """Return one page and the cursor of the next, None after the last; raises InputError `invalid_cursor`.

    `fetch(account_id, before=id or None, limit=n)` returns rows, newest first. A cursor is the id of a page's last row
    without its prefix: it tells nothing that the page did not show, so it is not signed.
    """
    cursor = query.get("cursor")
    if cursor is not None and not re.fullmatch(CURSOR, cursor):
        message = "The cursor is not one of this list: start again without it."
        raise InputError("invalid_cursor", message, fields={"cursor": ["Not a cursor of this list."]})
    before = f"{_PREFIXES[kind]}_{cursor}" if cursor else None
    rows = fetch(account_id, before=before, limit=query["limit"] + 1)
    page = list(rows[: query["limit"]])
    return page, page[-1].id.partition("_")[2] if len(rows) > len(page) else None


def narrowed(fetch: Callable[..., Sequence[Listed]], query: Mapping[str, Any]) -> Callable[..., Sequence[Listed]]:
    """Return what fetches those rows alone that a `ListQuery` asks for."""
    wanted = Filter(
        equal={name: query[name] for name in _COLUMNS if query.get(name)},
        created_after=query.get("created_after"),
        created_before=query.get("created_before"),
        metadata=query.get("metadata", {}),
    )
    return partial(fetch, narrowed=wanted)
