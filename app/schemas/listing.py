"""Queries of lists: the page, and what it is narrowed to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from pipelines.notes import MOST_EXTERNAL_ID, MOST_KEY

CURSOR = "[0-9a-z]{26}"
_METADATA = "metadata.key"
_PREFIX = "metadata."
_MOST_KEYS = 5
_MOST_TEXT = 500


class _Instant(fields.AwareDateTime):
    """A time in UTC; one without an offset counts as UTC."""

    def __init__(self, description: str) -> None:
        example = "2026-03-01T08:00:00Z"
        super().__init__(default_timezone=UTC, metadata={"description": description, "example": example})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs).astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from None


class _Metadata(fields.String):
    """Every `metadata.…` of the query as one mapping of keys to texts."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        if len(value) > _MOST_KEYS:
            raise ValidationError(f"At most {_MOST_KEYS} keys of the metadata may be asked for at once.")
        if not all(0 < len(key) <= MOST_KEY and len(text) <= _MOST_TEXT for key, text in value.items()):
            raise ValidationError(f"A key has 1 to {MOST_KEY} characters, its value at most {_MOST_TEXT}.")
        return dict(value)


class PageQuery(Schema):
    """The query of a list."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100), metadata={"description": "Items a page."})
    cursor = fields.String(
        metadata={"description": "`next` of the page before; opaque.", "pattern": f"^{CURSOR}$"},
    )


class ListQuery(PageQuery):
    """The query of a list that can be narrowed; what is asked for must hold together."""

    external_id = fields.String(
        validate=validate.Length(min=1, max=MOST_EXTERNAL_ID),
        metadata={"description": "Those that you gave this id.", "example": "lecture-7"},
    )
    created_after = _Instant("Those made at this time or later.")
    created_before = _Instant("Those made before this time.")
    metadata = _Metadata(
        data_key=_METADATA,
        metadata={
            "description": "Those whose metadata have this value under a key, which takes the place of the word `key`: "
            "`metadata.course=7`. Met are the text, and the number, boolean or null that is written so. At most "
            f"{_MOST_KEYS} keys at once.",
            "maxLength": _MOST_TEXT,
        },
    )

    @pre_load
    def gather(self, data: Mapping[str, str], **_: Any) -> dict[str, Any]:
        """Put every `metadata.…` under one name."""
        found = {name.removeprefix(_PREFIX): data[name] for name in data if name.startswith(_PREFIX)}
        rest = {name: data[name] for name in data if not name.startswith(_PREFIX)}
        return rest | ({_METADATA: found} if found else {})
