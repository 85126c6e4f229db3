"""Cursor pagination: `{"data": […], "next": "…" | null}`, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from itsdangerous import BadSignature, URLSafeSerializer
from marshmallow import Schema, fields, validate

from core.errors import InputError
from core.settings import get_settings


class Row(Protocol):
    """A row that sorts by its id."""

    @property
    def id(self) -> Any:
        """The id."""


Listed = TypeVar("Listed", bound=Row)


class PageQuery(Schema):
    """The query of a list."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100), metadata={"description": "Items a page."})
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=512),
        metadata={"description": "`next` of the page before; opaque."},
    )


def take(
    fetch: Callable[..., Sequence[Listed]], account_id: str, query: Mapping[str, Any], *, kind: str
) -> tuple[list[Listed], str | None]:
    """Return one page and the cursor of the next, None after the last; raises InputError `invalid_cursor`.

    `fetch(account_id, before=id or None, limit=n)` returns rows, newest first.
    """
    before = _read(query["cursor"], kind) if query["cursor"] else None
    rows = fetch(account_id, before=before, limit=query["limit"] + 1)
    page = list(rows[: query["limit"]])
    return page, _serializer(kind).dumps(page[-1].id) if len(rows) > len(page) else None


def _read(cursor: str, kind: str) -> str:
    try:
        return str(_serializer(kind).loads(cursor))
    except BadSignature as error:
        message = "The cursor is not one of this list: start again without it."
        raise InputError("invalid_cursor", message, fields={"cursor": ["Not a cursor of this list."]}) from error


def _serializer(kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(get_settings().signing_secret, salt=f"cursor.{kind}")
