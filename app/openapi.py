"""What apispec does not know of our fields."""

from __future__ import annotations

from typing import Any

from flask_smorest import Api
from marshmallow import Schema, fields

from app.security import BEARER, TICKET
from core.scopes import SCOPES
from core.settings import get_settings
from pipelines.image_fields import Tagged


def show_alternatives(api: Api) -> None:
    """Let OpenAPI show a `Tagged` field as one of its schemas, each with the key that names it."""
    converter = api.ma_plugin.converter
    named = {}

    def properties(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
        if not isinstance(field, Tagged):
            return {}
        for name, schema in field.schemas.items():
            if name not in named:
                named[name] = _with_key(field.key, name, schema)
        return {"type": "object", "oneOf": [converter.resolve_nested_schema(named[name]) for name in field.schemas]}

    converter.add_attribute_function(properties)


def show_settings(api: Api) -> None:
    """Let OpenAPI show bounds that are settings: a field's `most` names one."""

    def properties(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
        name = field.metadata.get("most")
        return {"maximum": getattr(get_settings(), name)} if name else {}

    api.ma_plugin.converter.add_attribute_function(properties)


def show_security(api: Api) -> None:
    """Let OpenAPI show how to sign in."""
    names = "\n".join(f"- `{name}`: {summary}" for name, summary in SCOPES.items())
    scheme = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "API key (cw_…) or access token",
        "description": f"What an operation needs is one of these scopes:\n\n{names}",
    }
    api.spec.components.security_scheme(BEARER, scheme)
    ticket = {"type": "apiKey", "in": "query", "name": TICKET, "description": "For browsers: see `create_job_ticket`."}
    api.spec.components.security_scheme(TICKET, ticket)


def _with_key(key: str, name: str, schema: type[Schema]) -> type[Schema]:
    kind = fields.Constant(name, required=True, metadata={"enum": [name]})
    made = Schema.from_dict({key: kind, **schema._declared_fields}, name=schema.__name__)
    made.__doc__ = schema.__doc__
    return made
