"""Pages of an account's rows, newest first: a keyset on the id, and filters that an index answers.

Ids begin with the time at which they were made, so that one index of account and id serves the order, the position in
the list and a bound in time alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Text, and_, case, cast, func, literal, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute

from core.db import engine, reading
from core.ids import first_id
from core.models import Asset, Job, Upload

Listed = TypeVar("Listed", Job, Asset, Upload)

# An id and the time of its row are taken one right after the other; a clock may be set in between.
_SLACK = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a list is narrowed to: rows whose columns are `equal`, made in `[created_after, created_before)`.

    `metadata` maps keys of the client's metadata to texts; a number, a boolean or null in it is met by the text that it
    has in JSON.
    """

    equal: Mapping[str, str] = field(default_factory=dict)
    created_after: datetime | None = None
    created_before: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


ALL = Filter()


def page(
    model: type[Listed], account_id: str, narrowed: Filter, *where: ColumnElement[bool], before: str | None, limit: int
) -> Sequence[Listed]:
    """Return up to `limit` rows of the account, newest first, older than the id `before`."""
    query = select(model).where(model.account_id == account_id, *where, *_conditions(model, narrowed))
    query = query.order_by(model.id.desc()).limit(limit)
    with reading() as session:
        return session.scalars(query.where(model.id < before) if before else query).all()


def _conditions(model: type[Job | Asset | Upload], narrowed: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [getattr(model, name) == value for name, value in narrowed.equal.items()]
    prefix = {Job: "job", Asset: "ast", Upload: "upl"}[model]
    if narrowed.created_after:
        found += [
            model.created_at >= narrowed.created_after,
            model.id >= first_id(prefix, narrowed.created_after, -_SLACK),
        ]
    if narrowed.created_before:
        found += [
            model.created_at < narrowed.created_before,
            model.id < first_id(prefix, narrowed.created_before, _SLACK),
        ]
    holds = _holds_here if engine().dialect.name == "sqlite" else _holds
    return [*found, *(holds(model.client_metadata, key, text) for key, text in narrowed.metadata.items())]


def _holds(column: InstrumentedAttribute[Any], key: str, text: str) -> ColumnElement[bool]:
    """What a GIN index on JSONB answers: containment, once for the text and once for the value it may stand for."""
    return or_(*(type_coerce(column, JSONB).contains({key: value}) for value in _readings(text)))


def _holds_here(column: InstrumentedAttribute[Any], key: str, text: str) -> ColumnElement[bool]:
    """The same in SQLite, which has no such index."""
    entry = func.json_each(column).table_valued("key", "value", "type")
    said = case(
        (entry.c.type.in_(("true", "false", "null")), entry.c.type),
        (entry.c.type.in_(("array", "object")), None),
        else_=cast(entry.c.value, Text),
    )
    return select(literal(1)).select_from(entry).where(and_(entry.c.key == key, said == text)).exists()


def _readings(text: str) -> list[Any]:
    try:
        value = json.loads(text, parse_constant=lambda _: text)
    except (ValueError, RecursionError):
        return [text]
    return [text] if isinstance(value, str | list | dict) or value in (float("inf"), -float("inf")) else [text, value]
