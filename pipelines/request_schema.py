"""What every pipeline's request may say about its job, beside the work itself."""

from __future__ import annotations

import json
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from core.admission import PRIORITIES

# Metadata travels with every document and every live event.
_MOST_METADATA = 16 * 1024


def _fits(metadata: dict[str, Any]) -> None:
    if len(json.dumps(metadata)) > _MOST_METADATA:
        raise ValidationError(f"At most {_MOST_METADATA} bytes as JSON: keep the rest with you, under an id.")


class RequestSchema(Schema):
    """A job's name for downloads, its place in the account's own line, and the client's notes."""

    filename = fields.String(validate=validate.Length(min=1, max=200))
    priority = fields.String(
        load_default="normal",
        validate=validate.OneOf(list(PRIORITIES)),
        metadata={"description": "Which of your own waiting jobs goes first; it overtakes nobody else's."},
    )
    metadata = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=64)),
        load_default=dict,
        metadata={"description": "Yours to fill; it comes back with the job. At most 50 keys."},
        validate=validate.And(validate.Length(max=50), _fits),
    )
