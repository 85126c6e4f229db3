"""Where a job's input comes from: an asset that is there, or an address that it is to be fetched from."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, fields

from core import assets
from core.errors import InputError
from core.imports.source import name_of
from core.models import Asset
from core.moderation import stamp
from core.outgoing import guard_from
from core.outgoing.guard import LONGEST_URL
from core.settings import get_settings
from pipelines.planner import Output, Planner
from pipelines.times import ASSET_ID, asset_id

_ASSET = asset_id()
IMPORT = "import"


class SourceField(fields.Raw):
    """The id of an asset, or `{"url": "https://…"}`."""

    def __init__(self, **options: Any) -> None:
        url = {"type": "string", "minLength": 1, "maxLength": LONGEST_URL, "example": "https://example.com/talk.mp4"}
        alternatives = [
            {"type": "string", "pattern": ASSET_ID, "description": "The id of an asset."},
            {
                "type": "object",
                "properties": {"url": url},
                "required": ["url"],
                "additionalProperties": False,
                "description": "An address that it is fetched from; it becomes an asset.",
            },
        ]
        super().__init__(metadata={"oneOf": alternatives}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        if isinstance(value, Mapping):
            if set(value) != {"url"} or not isinstance(value["url"], str) or not value["url"]:
                raise ValidationError('Write it as {"url": "https://…"}.')
            return {"url": value["url"]}
        return _ASSET.deserialize(value)


@dataclass(frozen=True)
class Input:
    """What a pipeline starts from: `asset` is None while it has to be fetched, `source` is what stages read."""

    source: Asset | Output
    asset: Asset | None
    filename: str


def plan_input(planner: Planner, account_id: str, given: str | Mapping[str, str]) -> Input:
    """Return the input of a request, with the stage planned that fetches it, if it is not there.

    Raises NotFoundError `asset_not_found`, InputError `url_refused`, `url_not_moderated`.
    """
    if isinstance(given, str):
        asset = assets.get(account_id, given)
        return Input(asset, asset, asset.filename)
    if stamp(get_settings()) is not None:
        # A moderator judges files by digests that are planned, and this one has none yet.
        message = "Here every file is judged before it is worked on, which needs it to be uploaded first."
        raise InputError("url_not_moderated", message, fields={"input.url": [message]})
    try:
        url = guard_from(get_settings()).url(given["url"])
    except InputError as error:
        raise InputError(error.code, error.message, fields={"input.url": [error.message]}) from error
    # What is behind an address may be another file tomorrow: nobody else's import is this one.
    planner.add(IMPORT, params={"url": given["url"], "nonce": secrets.token_hex(16)}, inputs={})
    return Input(Output(IMPORT, "source"), None, name_of(url))
