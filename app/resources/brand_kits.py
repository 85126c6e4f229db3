"""Brand kits: how an account's films look, under a name."""

from __future__ import annotations

from typing import Any

from app import pagination
from app.blueprint import Blueprint
from app.pagination import PageQuery
from app.schemas.brand_kit import BrandKitFieldsSchema, BrandKitListSchema, BrandKitSchema
from app.security import current_account_id
from core import brand_kits
from core.models import BrandKit

blp = Blueprint("brand_kits", __name__, url_prefix="/v1/brand-kits", description="How films look; edits name them.")

_EXAMPLE = {"name": "University", "intro": {"title": "Linear algebra", "subtitle": "Lecture 7"}}


@blp.route("", needs="assets:write", method="POST")
@blp.idempotent
@blp.arguments(BrandKitFieldsSchema, example=_EXAMPLE)
@blp.response(201, BrandKitSchema, headers={"Location": {"schema": {"type": "string"}}})
@blp.problems(404, "asset_not_found")
@blp.problems(409, "too_many_brand_kits")
def create_brand_kit(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Create a brand kit

    Logo, cards, colours, transition and watermark under a name: an edit takes them by `brand.kit`, and may say
    otherwise in each. Assets that it names must be there.
    """
    kit = brand_kits.create(current_account_id(), body.pop("name"), body)
    return _document(kit), {"Location": f"/v1/brand-kits/{kit.id}"}


@blp.route("", needs="assets:read")
@blp.arguments(PageQuery, location="query")
@blp.response(200, BrandKitListSchema)
def list_brand_kits(query: dict[str, Any]) -> dict[str, Any]:
    """List brand kits, newest first."""
    rows, following = pagination.take(brand_kits.page, current_account_id(), query, kind="brand_kits")
    return {"data": [_document(kit) for kit in rows], "next": following}


@blp.route("/<brand_kit_id>", needs="assets:read")
@blp.response(200, BrandKitSchema)
def get_brand_kit(brand_kit_id: str) -> dict[str, Any]:
    """Get a brand kit."""
    return _document(brand_kits.get(current_account_id(), brand_kit_id))


@blp.route("/<brand_kit_id>", needs="assets:write", method="PUT")
@blp.arguments(BrandKitFieldsSchema, example=_EXAMPLE)
@blp.response(200, BrandKitSchema)
@blp.problems(404, "asset_not_found")
def replace_brand_kit(body: dict[str, Any], brand_kit_id: str) -> dict[str, Any]:
    """Put another brand kit in its place

    What the body leaves out is gone. Edits that were started keep what they had.
    """
    return _document(brand_kits.replace(current_account_id(), brand_kit_id, body.pop("name"), body))


@blp.route("/<brand_kit_id>", needs="assets:write", method="DELETE")
@blp.response(204)
def delete_brand_kit(brand_kit_id: str) -> None:
    """Delete a brand kit

    Its assets stay, and edits that were started keep what they had.
    """
    brand_kits.delete(current_account_id(), brand_kit_id)


def _document(kit: BrandKit) -> dict[str, Any]:
    return {
        "id": kit.id,
        "name": kit.name,
        "created_at": kit.created_at,
        "updated_at": kit.updated_at,
        **kit.document,
    }
