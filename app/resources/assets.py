"""Assets: complete files, and what is known about them."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from app import asset_document, pagination
from app.blueprint import Blueprint
from app.contract import OF_THE_JOB
from app.errors import problem
from app.schemas.asset import AssetListSchema, AssetSchema, KeyframesSchema, MediaSchema
from app.schemas.job import JobSchema
from app.schemas.listing import ListQuery
from app.security import current_account_id
from app.storage import current_storage
from core import assets, job_document, states
from core.errors import InputError
from core.models import Artifact, Asset, Job
from core.settings import get_settings
from pipelines import inspect, submit

blp = Blueprint("assets", __name__, url_prefix="/v1/assets", description="Files that jobs start from.")

_BLOCK = 64 * 1024
_LATER = {"Location": {"schema": {"type": "string"}}, "Retry-After": {"schema": {"type": "integer"}}}
_FINDING_OUT = "Not known yet: `Location` is the job that finds it out."


@blp.route("", needs="assets:read")
@blp.arguments(ListQuery, location="query")
@blp.response(200, AssetListSchema)
def list_assets(query: dict[str, Any]) -> dict[str, Any]:
    """List assets, newest first."""
    account_id = current_account_id()
    rows, following = pagination.take(pagination.narrowed(assets.page, query), account_id, query, kind="assets")
    return {"data": asset_document.documents(account_id, rows), "next": following}


@blp.route("/<asset_id>", needs="assets:read")
@blp.response(200, AssetSchema)
def get_asset(asset_id: str) -> dict[str, Any]:
    """Get an asset."""
    account_id = current_account_id()
    return asset_document.document(account_id, assets.get(account_id, asset_id))


@blp.route("/<asset_id>", needs="assets:write", method="DELETE")
@blp.response(204)
@blp.problems(409, "asset_in_use")
@blp.problems(503, "storage_unavailable")
def delete_asset(asset_id: str) -> None:
    """Delete an asset and its file

    What jobs made of it stays. While a job that has not ended reads it the answer is 409 `asset_in_use`.
    """
    assets.delete(current_account_id(), asset_id, current_storage())


@blp.route("/<asset_id>/probe", needs="assets:read")
@blp.response(200, MediaSchema)
@blp.alt_response(202, schema=JobSchema, headers=_LATER, description=_FINDING_OUT)
@blp.job_problems
@blp.problems(422, OF_THE_JOB)
def get_asset_probe(asset_id: str) -> dict[str, Any] | Response:
    """Get the facts of the file: container, duration, every stream

    A file is looked at when its upload is complete. Until that is done the answer is 202 with the job that does it;
    when it cannot be read, 422 with the code that says why.
    """
    probe = _probe(assets.get(current_account_id(), asset_id))
    return probe.result if isinstance(probe, Artifact) else _not_known(probe)


@blp.route("/<asset_id>/keyframes", needs="assets:read")
@blp.response(200, KeyframesSchema)
@blp.alt_response(202, schema=JobSchema, headers=_LATER, description=_FINDING_OUT)
@blp.job_problems
@blp.problems(404, "object_missing")
@blp.problems(422, "no_video", OF_THE_JOB)
@blp.problems(503, "storage_unavailable")
def get_asset_keyframes(asset_id: str) -> Response:
    """Get the keyframe map: the times at which the picture can be entered

    A cut at one of these times copies the stream as it is; anywhere else a few frames are encoded anew. Until the map
    is known the answer is 202 with the job that finds it out.
    """
    probe = _probe(assets.get(current_account_id(), asset_id))
    if isinstance(probe, Job):
        return _not_known(probe)
    entry = probe.files.get("keyframes.json")
    if entry is None:
        raise InputError("no_video", "The file has no moving picture, so it has no keyframes.")
    # A long recording's map is megabytes: it is passed on, not held.
    file = current_storage().open(entry["key"])
    response = Response(iter(lambda: file.read(_BLOCK), b""), content_type=entry["content_type"])
    response.content_length = entry["size"]
    response.call_on_close(file.close)
    return response


@blp.route("/<asset_id>/download", needs="assets:read")
@blp.response(302, headers={"Location": {"schema": {"type": "string"}}}, description="A signed, expiring address.")
def download_asset(asset_id: str) -> WerkzeugResponse:
    """Fetch the file itself

    The answer leads to a signed address, which expires; follow it without the `Authorization` header.
    """
    asset = assets.get(current_account_id(), asset_id)
    url = current_storage().sign_get(
        asset.storage_key,
        expires_s=get_settings().url_ttl_s,
        filename=asset.filename,
        content_type=asset.content_type,
    )
    return redirect(url)


def _probe(asset: Asset) -> Artifact | Job:
    """The probe of an asset, or the job that is to find it out."""
    known = inspect.probes(asset.account_id, [asset]).get(asset.id)
    return known or submit.inspect_asset(asset.account_id, asset)


def _not_known(job: Job) -> Response:
    """202 with the job that finds it out, or the problem that it ended with."""
    if job.status == states.FAILED and job.error:
        error = job.error
        return problem(422, error["code"], error["message"], retryable=error["retryable"], stage=error["stage"])
    response = jsonify(JobSchema().dump(job_document.document(job, None)))
    response.status_code = 202
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    response.headers["Retry-After"] = "1"
    return response
