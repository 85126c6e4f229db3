"""Examples for the OpenAPI document, made from the schemas: what a field says itself, else what its name stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

_NUMBER = "01k9x3v5m8q2r7t4w6y0b1c3d5"
_MOMENT = "2026-03-01T08:00:00+00:00"
_PREFIXES = {
    "Account": "acc", "AuditEvent": "aud", "BrandKit": "kit", "Delivery": "whd", "DeliveryWithAttempts": "whd",
    "Invitation": "inv", "Key": "key", "MadeKey": "key", "Member": "usr", "Person": "usr",
}  # fmt: skip
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3IifQ.c2lnbmF0dXJl"  # noqa: S105  # nosec B105
_DIGEST = "5f" * 32
# Of fields that may be null as well: these are shown as they mostly are, the rest as null.
_BY_NAME: Mapping[str, Any] = {
    "access_token": _TOKEN,
    "account_id": f"acc_{_NUMBER}",
    "actor": f"usr_{_NUMBER}",
    "asset": f"ast_{_NUMBER}",
    "body": "ok",
    "content_type": "video/mp4",
    "created_at": _MOMENT,
    "duration": "2700.04",
    "email": "ada@example.org",
    "estimated_bytes": 104857600,
    "estimated_cpu_s": "12.5",
    "event": "job.succeeded",
    "events": ["job.succeeded", "job.failed"],
    "expires_in": 900,
    "expires_at": _MOMENT,
    "external_id": "lecture-7",
    "filename": "lecture.mp4",
    "finished_at": _MOMENT,
    "ip": "198.51.100.7",
    "job": f"job_{_NUMBER}",
    "key": f"cw_k3f9x2ab_{'0123456789abcdef' * 3}",
    "latency_ms": 112,
    "message": "What was done otherwise, and why.",
    "metadata": {"course": 7},
    "name": "Ada",
    "number": 1,
    "password": "correct horse battery",  # nosec B105 - for the documentation
    "part_count": 11,
    "part_size": 67108864,
    "pipeline": "edit",
    "queue": "heavy",
    "refresh_expires_in": 604800,
    "refresh_token": "cwr_0123456789abcdef0123456789abcdef",  # nosec B105 - for the documentation
    "request_id": _NUMBER,
    "role": "admin",
    "run_ms": 4210,
    "scopes": ["assets:write", "jobs:write", "jobs:read"],
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",  # nosec B105 - for the documentation
    "sha256": _DIGEST,
    "size": 734003200,
    "started_at": _MOMENT,
    "target": f"key_{_NUMBER}",
    "ticket": _TOKEN,
    "token": _TOKEN,
    "updated_at": _MOMENT,
    "url": "https://media.example.com/signed",
    "user": {"id": f"usr_{_NUMBER}", "email": "ada@example.org", "name": "Ada"},
    "user_id": f"usr_{_NUMBER}",
    "webhook": f"whk_{_NUMBER}",
}
_BY_PLACE: Mapping[tuple[str, str], Any] = {
    ("Account", "name"): "University",
    ("Attempt", "error"): None,
    ("Attempt", "status"): 200,
    ("BrandKit", "name"): "University",
    ("BrandKitFields", "name"): "University",
    ("Bytes", "used"): 734003200,
    ("Delivery", "status"): "succeeded",
    ("DeliveryWithAttempts", "status"): "succeeded",
    ("Invitation", "role"): "member",
    ("Job", "progress"): 1.0,
    ("Job", "priority"): "normal",
    ("Job", "status"): "succeeded",
    ("Job", "warnings"): [],
    ("JobList", "next"): _NUMBER,
    ("Kept", "end"): "2700.000",
    ("Kept", "start"): "900.000",
    ("Keyframes", "positions"): [48],
    ("Keyframes", "times"): ["0"],
    ("Media", "streams"): [{"index": 0, "type": "video", "codec": "h264", "width": 1920, "height": 1080}],
    ("Key", "expires_at"): None,
    ("Key", "name"): "ingest",
    ("MadeKey", "expires_at"): None,
    ("MadeKey", "name"): "ingest",
    ("Media", "start_time"): "0",
    ("Media", "video"): 0,
    ("Minutes", "since"): "2026-03-01T00:00:00+00:00",
    ("Minutes", "until"): "2026-04-01T00:00:00+00:00",
    ("NewInvitation", "role"): "member",
    ("NewKey", "name"): "ingest",
    ("Output", "content_type"): "video/mp4",
    ("PlannedStage", "after"): ["probe"],
    ("PlannedStage", "stage"): "trim",
    ("Part", "size"): 67108864,
    ("Readiness", "checks"): {"database": {"ok": True}, "storage": {"ok": True}, "events": {"ok": True}},
    ("Readiness", "status"): "ok",
    ("Role", "role"): "viewer",
    ("Stage", "progress"): 1.0,
    ("Stage", "status"): "succeeded",
    ("OpenUpload", "asset"): None,
    ("OpenUpload", "status"): "open",
    ("Upload", "asset"): None,
    ("Upload", "status"): "open",
    ("Usage", "jobs"): {"used": 2, "limit": None, "running": 4},
    **{
        (name, field): value
        for name in ("Webhook", "WebhookWithSecret")
        for field, value in (("description", "Of the lecture hall."), ("url", "https://example.com/cutwork"))
    },
}
_BARE = ((fields.Boolean, False), (fields.Integer, 1), (fields.Float, 0.5), (fields.DateTime, _MOMENT))


def answer(schema: type[Schema]) -> dict[str, Any]:
    """Return a document as it might be answered: every field of the schema."""
    made = schema()
    return {name: _value(made, name, field) for name, field in made.dump_fields.items()}


def request(schema: type[Schema]) -> dict[str, Any]:
    """Return a body as it might be sent: what is needed, and what has an example of its own."""
    made = schema()
    return {
        field.data_key or name: _value(made, name, field)
        for name, field in made.load_fields.items()
        if field.required or "example" in field.metadata
    }


def _value(schema: Schema, name: str, field: fields.Field[Any]) -> Any:
    owner = type(schema).__name__.removesuffix("Schema")
    if (owner, name) in _BY_PLACE:
        return _BY_PLACE[owner, name]
    if "example" in field.metadata:
        return field.metadata["example"]
    if name == "id" and owner in _PREFIXES:
        return f"{_PREFIXES[owner]}_{_NUMBER}"
    return _of_kind(schema, name, field)


def _of_kind(schema: Schema, name: str, field: fields.Field[Any]) -> Any:
    if name in _BY_NAME and not isinstance(field, fields.Nested):
        return _BY_NAME[name]
    if field.allow_none:
        return None
    if isinstance(field, fields.Nested | fields.List | fields.Dict):
        return _of_many(schema, name, field)
    if isinstance(field, fields.Constant):
        return field.constant
    choices = [list(rule.choices) for rule in field.validators if isinstance(rule, validate.OneOf)]
    return choices[0][0] if choices else _of_type(name, field)


def _of_many(schema: Schema, name: str, field: fields.Nested | fields.List[Any] | fields.Dict) -> Any:
    if isinstance(field, fields.Nested):
        return answer(type(field.schema))
    if isinstance(field, fields.List):
        return [_value(schema, name.removesuffix("s"), field.inner)]
    return {"trim": _value(schema, "trim", field.value_field)} if field.value_field else {}


def _of_type(name: str, field: fields.Field[Any]) -> Any:
    return next((value for kind, value in _BARE if isinstance(field, kind)), name)
