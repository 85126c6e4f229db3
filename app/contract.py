"""Which error codes an operation can answer: told by its decorators, and shown by the OpenAPI document."""

from __future__ import annotations

import http
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from app.errors import CONTENT_TYPE
from app.schemas.problem import ProblemSchema
from app.security import Needs

View = TypeVar("View", bound=Callable[..., Any])
# Stands for whatever code a job may fail with.
OF_THE_JOB = "…"
_TOLD = "cutwork_codes"
_FROM_JOB = "the code that its job failed with"
_OF_A_JOB = "damaged_file"
_DATABASE = {503: ("database_unavailable",)}
_SIGNED_IN = {401: ("authentication_required", "invalid_token", "token_expired")}
BODY = {
    400: ("bad_request",),
    413: ("request_too_large",),
    415: ("unsupported_media_type",),
    422: ("invalid_request",),
}
QUERY = {400: ("bad_request",), 422: ("invalid_request",)}
PAGE = {422: ("invalid_cursor",)}
ONCE = {
    409: ("idempotency_in_progress",),
    413: ("request_too_large",),
    422: ("invalid_idempotency_key", "idempotency_mismatch"),
}
# What submitting a job may answer.
JOB = {403: ("minutes_quota_exceeded",), 429: ("too_many_jobs",)}

Codes = Mapping[int, Iterable[str]]


def tell(view: View, codes: Codes) -> View:
    """Note codes, by status, that a view answers besides those that it is known to answer already."""
    known = codes_of(view)
    told = {status: {*known.get(status, ()), *codes.get(status, ())} for status in {*known, *codes}}
    setattr(view, _TOLD, told)
    return view


def codes_of(view: Callable[..., Any]) -> dict[int, set[str]]:
    """Return the codes that a view answers, by status."""
    return dict(getattr(view, _TOLD, {}))


def codes_of_all(needs: Needs, ids: Iterable[str], *, counted: bool) -> Iterable[Codes]:
    """Yield what every operation may answer of such needs, with such ids in its path, and whether it has limits."""
    yield {500: ("internal_error",)}
    if counted:
        yield {429: ("too_many_requests",)}
    if not needs.public:
        yield from (_SIGNED_IN, _DATABASE)
    refusals = [(needs.scope, "insufficient_scope"), (needs.person, "person_required")]
    refusals += [(needs.ticket, "ticket_of_another_job")]
    if any(holds for holds, _ in refusals):
        yield {403: [code for holds, code in refusals if holds]}
    for name in ids:
        yield {404: (f"{name.removesuffix('_id')}_not_found",)}


def responses(codes: Codes) -> dict[int, dict[str, Any]]:
    """Return the OpenAPI responses of such codes."""
    return {status: _response(status, sorted(codes[status])) for status in sorted(codes)}


def example(status: int, code: str) -> dict[str, Any]:
    """Return a problem as it might be answered."""
    return {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": "What is wrong, and what to do next.",
        "retryable": status in (429, 503),
        "request_id": "01k9x3v5m8q2r7t4w6y0b1c3d5",
    }


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    named = [code for code in codes if code != OF_THE_JOB]
    told = [f"`{code}`" for code in named] + [_FROM_JOB] * (OF_THE_JOB in codes)
    return {
        "description": f"{http.HTTPStatus(status).phrase}: {', '.join(told)}",
        "content": {CONTENT_TYPE: {"schema": ProblemSchema, "example": example(status, (named or [_OF_A_JOB])[0])}},
        "x-codes": named,
    }
