"""What a client may note on a job, an upload or an asset, to find it by: an id of its own, and metadata."""

from __future__ import annotations

import json
from typing import Any

from marshmallow import ValidationError, fields, validate

MOST_KEY, MOST_EXTERNAL_ID = 64, 200
# Metadata travels with every document and every live event.
_MOST_METADATA = 16 * 1024


def external_id() -> fields.String:
    """An id that the client knows the thing by; it need not be unique."""
    return fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=MOST_EXTERNAL_ID),
        metadata={
            "description": "Your own id for it, to find it by; it need not be unique.",
            "example": "lecture-7",
        },
    )


def metadata() -> fields.Dict:
    """A bounded JSON object."""
    return fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=MOST_KEY)),
        load_default=dict,
        metadata={"description": "Yours to fill; it comes back with the document. At most 50 keys."},
        validate=[validate.Length(max=50), _fits],
    )


def _fits(metadata: dict[str, Any]) -> None:
    if len(json.dumps(metadata)) > _MOST_METADATA:
        raise ValidationError(f"At most {_MOST_METADATA} bytes as JSON: keep the rest with you, under an id.")
