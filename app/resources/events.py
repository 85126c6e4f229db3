"""Live events of a job."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from flask import Response, request

from app.blueprint import Blueprint
from app.live import Following, is_event_id
from app.schemas.account import TicketSchema
from app.schemas.job import EventsQuery
from app.security import Needs, current_account_id
from app.storage import current_storage
from app.streams import Stream, hub
from core import job_document, jobs, signed
from core.models import now
from core.settings import get_settings
from core.storage import Storage

blp = Blueprint("events", __name__, url_prefix="/v1/jobs", description="Jobs as they go on.")

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RESUME = {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "description": "Goes on after it."}


@blp.route("/<job_id>/events", needs=Needs(scope="jobs:read", ticket=True))
@blp.arguments(EventsQuery, location="query")
@blp.response(200, content_type="text/event-stream", description="Events named `job`; the data is the job document.")
@blp.doc(parameters=[_RESUME])
@blp.problems(503, "events_unavailable", "too_many_streams")
def follow_job(query: dict[str, Any], job_id: str) -> Response:
    """Follow a job as Server-Sent Events: its document now, then every change, until it has ended.

    A stream that lasts is ended by the server; EventSource takes it up again by `Last-Event-ID`. When too many are
    open the answer is 503 `too_many_streams`: poll the job, and try again after `Retry-After`.
    """
    last = request.headers.get("Last-Event-ID") or query.get("last_event_id")
    stream = Stream(following(job_id, last), hub(), request.environ, seconds=get_settings().sse_max_s)
    return Response(stream, content_type="text/event-stream", headers=_HEADERS)


def following(job_id: str, last: str | None) -> Following:
    """Return a follower of a job of the account; raises NotFoundError `job_not_found`."""
    load = partial(_document, current_account_id(), job_id, current_storage())
    if last and is_event_id(last):
        jobs.get(current_account_id(), job_id)
        return Following(hub().fanout, job_id, load, after=last)
    return Following(hub().fanout, job_id, load, after=None)


@blp.route("/<job_id>/ticket", needs="jobs:read", method="POST")
@blp.response(201, TicketSchema)
def create_job_ticket(job_id: str) -> dict[str, Any]:
    """Get a ticket with which a browser can follow one job.

    EventSource and WebSocket send no headers, so the ticket goes into the query. It is good for five minutes; a stream
    that was begun with it goes on.
    """
    account_id = current_account_id()
    jobs.get(account_id, job_id)
    expires_at = now() + timedelta(seconds=signed.TICKET_S)
    return {"ticket": signed.ticket(account_id, job_id), "expires_at": expires_at}


def _document(account_id: str, job_id: str, storage: Storage) -> dict[str, Any]:
    return job_document.document(jobs.get(account_id, job_id), storage)
