"""Every pipeline that a client may start: `POST /v1/jobs/{name}` and its documentation come from this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from core.plan import JobPlan
from core.storage import Storage
from pipelines import edit, image
from pipelines.edit_schema import EditSchema
from pipelines.forecast import forecast
from pipelines.image_schema import ImageSchema


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One kind of job: `plan` takes the account's id and what `schema` has loaded, and returns the stages;
    `forecast` tells what they would cost, None where that is not known; `missing` and `refusals` are the codes of the
    NotFoundErrors and of the InputErrors that both raise."""

    name: str
    summary: str
    schema: type[Schema]
    plan: Callable[[str, Mapping[str, Any]], JobPlan]
    forecast: Callable[[str, Mapping[str, Any], Storage], dict[str, Any] | None]
    example: Mapping[str, Any]
    missing: tuple[str, ...]
    refusals: tuple[str, ...]


_OF_ALL = ("url_refused", "url_not_moderated", "webhook_secret_missing", "moderation_hashes")


PIPELINES: dict[str, Pipeline] = {
    pipeline.name: pipeline
    for pipeline in (
        Pipeline(
            name=edit.NAME,
            summary="Keep ranges of a recording, with preview and branding",
            schema=EditSchema,
            plan=edit.plan,
            forecast=forecast,
            example={
                "input": "ast_01k9x3v5m8q2r7t4w6y0b1c3d5",
                "keep": [{"start": "15:00", "end": "45:00"}],
                "preview": {"height": 360, "teaser": True, "waveform": True, "waveform_color": "#f2a93b"},
                "brand": {"intro": {"title": "Linear algebra", "subtitle": "Lecture 7"}},
            },
            missing=("asset_not_found", "brand_kit_not_found", "object_missing"),
            refusals=(
                *_OF_ALL,
                "invalid_range",
                "invalid_transition",
                "no_video",
                "range_past_end",
                "too_long",
                "too_many_pixels",
                "too_many_streams",
            ),
        ),
        Pipeline(
            name=image.NAME,
            summary="Edit an image and write it in several sizes and formats",
            schema=ImageSchema,
            plan=image.plan,
            forecast=image.forecast,
            example={
                "input": "ast_01k9x3v5m8q2r7t4w6y0b1c3d5",
                "operations": [
                    {"op": "crop", "aspect": "16:9", "gravity": "smart"},
                    {"op": "adjust", "brightness": "1.05", "contrast": "1.1"},
                    {"op": "text", "text": "Linear algebra", "position": "bottom-left", "plate": "#00000080"},
                ],
                "outputs": [
                    {"name": "large", "width": 1600, "quality": 82},
                    {"name": "thumbnail", "width": 512, "height": 512, "fit": "cover", "format": "jpeg"},
                ],
            },
            missing=("asset_not_found",),
            refusals=(*_OF_ALL, "no_image"),
        ),
    )
}
