"""Live events of a job."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request

from app import live, streams
from app.blueprint import Blueprint
from app.schemas.job import EventsQuery
from app.security import current_account_id
from app.storage import current_storage
from core import job_document, jobs
from core.settings import get_settings
from core.storage import Storage

blp = Blueprint("events", __name__, url_prefix="/v1/jobs", description="Jobs as they go on.")

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RESUME = {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "description": "Goes on after it."}


@blp.route("/<job_id>/events", needs="jobs:read")
@blp.arguments(EventsQuery, location="query")
@blp.response(200, content_type="text/event-stream", description="Events named `job`; the data is the job document.")
@blp.doc(parameters=[_RESUME])
@blp.problems(404, 422, 503)
def follow_job(query: dict[str, Any], job_id: str) -> Response:
    """Follow a job as Server-Sent Events: its document now, then every change, until it has ended.

    A stream that lasts is ended by the server; EventSource takes it up again by `Last-Event-ID`. When too many are
    open the answer is 503 `too_many_streams`: poll the job, and try again after `Retry-After`.
    """
    account_id = current_account_id()
    jobs.get(account_id, job_id)
    last = request.headers.get("Last-Event-ID") or query["last_event_id"]
    load = partial(_document, account_id, job_id, current_storage())
    after = last if last and live.is_event_id(last) else None
    frames = live.follow(job_id, load, after=after, seconds=get_settings().sse_max_s)
    return Response(streams.in_a_place(frames), content_type="text/event-stream", headers=_HEADERS)


def _document(account_id: str, job_id: str, storage: Storage) -> dict[str, Any]:
    return job_document.document(jobs.get(account_id, job_id), storage)
