"""Live events of a job."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request

from app import live
from app.blueprint import Blueprint
from app.schemas.job import EventsQuery
from app.security import current_account_id
from app.storage import current_storage
from core import job_document, jobs
from core.storage import Storage

blp = Blueprint("events", __name__, url_prefix="/v1/jobs", description="Jobs as they go on.")

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RESUME = {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "description": "Goes on after it."}


@blp.route("/<job_id>/events")
@blp.arguments(EventsQuery, location="query")
@blp.response(200, content_type="text/event-stream", description="Events named `job`; the data is the job document.")
@blp.doc(parameters=[_RESUME])
@blp.problems(404, 422, 503)
def follow_job(query: dict[str, Any], job_id: str) -> Response:
    """Follow a job as Server-Sent Events: its document now, then every change, until it has ended."""
    account_id = current_account_id()
    jobs.get(account_id, job_id)
    last = request.headers.get("Last-Event-ID") or query["last_event_id"]
    load = partial(_document, account_id, job_id, current_storage())
    stream = live.follow(job_id, load, after=last if last and live.is_event_id(last) else None)
    return Response(stream, content_type="text/event-stream", headers=_HEADERS)


def _document(account_id: str, job_id: str, storage: Storage) -> dict[str, Any]:
    return job_document.document(jobs.get(account_id, job_id), storage)
