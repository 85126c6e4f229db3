"""API keys."""

from __future__ import annotations

from typing import Any

from app import pagination
from app.blueprint import Blueprint
from app.pagination import PageQuery
from app.schemas.account import KeyListSchema, KeySchema, MadeKeySchema, NewKey
from app.security import current_principal
from core import keys

blp = Blueprint("keys", __name__, url_prefix="/v1/keys", description="Keys for programs.")


@blp.route("", needs="keys:write", method="POST")
@blp.idempotent
@blp.arguments(NewKey, example={"name": "ingest", "scopes": ["assets:write", "jobs:write", "jobs:read"]})
@blp.response(201, MadeKeySchema)
@blp.problems(422, "already_expired", "unknown_scope")
def create_key(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Make an API key; the key itself is in this answer and nowhere else

    It holds no more than you do. A key that a person makes loses what that person loses, and ends when they leave; one
    that is made with a key of the account itself stays.
    """
    made, key = keys.create(
        current_principal(), name=body["name"], wanted=body["scopes"], expires_at=body["expires_at"]
    )
    return {name: getattr(made, name) for name in KeySchema().fields} | {"key": key}, {"Cache-Control": "no-store"}


@blp.route("", needs="keys:read")
@blp.arguments(PageQuery, location="query")
@blp.response(200, KeyListSchema)
def list_keys(query: dict[str, Any]) -> dict[str, Any]:
    """List API keys, newest first: all of the account to who may change members, else one's own."""

    def fetch(_: str, **page: Any) -> list[Any]:
        return list(keys.page(current_principal(), **page))

    rows, following = pagination.take(fetch, current_principal().account_id, query, kind="keys")
    return {"data": rows, "next": following}


@blp.route("/<key_id>", needs="keys:write", method="DELETE")
@blp.response(204)
def revoke_key(key_id: str) -> None:
    """Revoke an API key

    It ends now, and is listed from then on with `revoked_at`.
    """
    keys.revoke(current_principal(), key_id)
