"""Images in any size, by addresses that pages can use: signed, cached, in the format that the browser reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, request
from werkzeug.wsgi import wrap_file

from app.blueprint import Blueprint
from app.contract import OF_THE_JOB
from app.patience import patience
from app.schemas.image import ImageLink, NewImageLink, SignedImageQuery
from app.security import PUBLIC, current_account_id
from app.storage import current_storage
from core import assets, image_links
from core.settings import get_settings
from pipelines import delivery

blp = Blueprint("images", __name__, url_prefix="/v1", description="Images in the size that a page asks for.")

_PATIENCE_S = 10
_BLOCK = 64 * 1024
_SHORTEST_S, _LONGEST_S = 60, 24 * 3600
_BYTES = {"type": "string", "format": "binary"}
_HEADERS = {name: {"schema": {"type": "string"}} for name in ("ETag", "Cache-Control", "Vary")}
_NAMES = {"width": "w", "height": "h"}


@blp.route("/assets/<asset_id>/image-links", needs="assets:read", method="POST")
@blp.arguments(NewImageLink, example={"w": 512, "h": 512, "fit": "cover"})
@blp.response(200, ImageLink)
@blp.problems(422, "moderation_hashes", "no_image")
def sign_image_link(body: dict[str, Any], asset_id: str) -> dict[str, Any]:
    """Sign an address of an image in a size and format

    A page may use the address without a key. What cannot be made is refused here, rather than by a broken picture.
    """
    asset = assets.get(current_account_id(), asset_id)
    expires_s = body.pop("expires_s")
    # Refused now rather than by a broken picture in a page.
    delivery.plan(asset.account_id, asset, body, accepted=())
    params = {_NAMES.get(name, name): value for name, value in body.items()}
    query, ends = image_links.query(asset.id, params, expires_s=expires_s)
    return {
        "url": f"{get_settings().public_url.rstrip('/')}/v1/images/{asset.id}?{query}",
        "expires_at": None if ends is None else datetime.fromtimestamp(ends, UTC),
    }


@blp.route("/images/<asset_id>", needs=PUBLIC)
@blp.arguments(SignedImageQuery, location="query")
@blp.response(200, content_type="image/*", schema=_BYTES, headers=_HEADERS, description="The image.")
@blp.alt_response(304, schema={}, description="The one that the client has is the newest.")
@blp.job_problems
@blp.problems(403, "signature_invalid", "signature_expired")
@blp.problems(404, "object_missing")
@blp.problems(422, "moderation_hashes", "no_image", OF_THE_JOB)
@blp.problems(503, "database_unavailable", "storage_unavailable", "image_pending")
def get_image(query: dict[str, Any], asset_id: str) -> Response:
    """Fetch an image by a signed address

    The first time it is made, ever after it is there. When that takes long, or many wait, the answer is 503
    `image_pending`: ask again. What cannot be made is refused by the code that its job failed with.
    """
    image_links.check(asset_id, request.args.to_dict())
    asset = assets.of_any_account(asset_id)
    ends = query.pop("expires", None)
    del query["s"]
    accepted = {kind for kind, quality in request.accept_mimetypes if quality > 0}
    wanted = delivery.plan(asset.account_id, asset, query, accepted=accepted)
    response = Response(headers={"Cache-Control": f"public, max-age={_max_age(ends)}", "Vary": "Accept"})
    # What it is made of names it, so a client's copy is known to be good before anything is made or read.
    response.set_etag(delivery.version(wanted))
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        response.status_code = 304
        return response
    made = delivery.serve(asset.account_id, wanted, lambda: patience(_PATIENCE_S, account_id=asset.account_id))
    entry = delivery.file(made)
    response.content_type = entry["content_type"]
    response.content_length = entry["size"]
    if request.method != "HEAD":
        response.response = wrap_file(request.environ, current_storage().open(entry["key"]), _BLOCK)
        response.direct_passthrough = True
    return response


def _max_age(ends: int | None) -> int:
    if ends is None:
        return _LONGEST_S
    return min(max(ends - int(datetime.now(UTC).timestamp()), _SHORTEST_S), _LONGEST_S)
