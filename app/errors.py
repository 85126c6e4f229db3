"""Every error leaves as one shape: `application/problem+json` (RFC 9457) with a stable `code`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

import structlog
from flask import Flask, Response
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from app.request_ids import request_id
from core.errors import (
    AuthenticationError,
    ConflictError,
    CutworkError,
    ForbiddenError,
    InputError,
    LimitError,
    NotFoundError,
    TransientError,
)
from core.storage import ObjectMissing
from core.telemetry import metrics

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_log = structlog.get_logger(__name__)

# The first class that fits counts.
_STATUS_OF_CLASS: tuple[tuple[type[CutworkError], int], ...] = (
    (AuthenticationError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ObjectMissing, 404),
    (ConflictError, 409),
    (InputError, 422),
    (LimitError, 429),
    (TransientError, 503),
)
_STATUS_OF_CODE = {
    "upload_too_large": 413,
    "part_too_large": 413,
    "signature_invalid": 403,
    "signature_expired": 403,
}
_CODE_OF_STATUS = {413: "request_too_large", 416: "range_not_satisfiable"}
_TOO_OFTEN = "Too many requests: wait for as many seconds as Retry-After says."
_NOTHING_HERE = "There is nothing at this address; /docs lists what there is."


def init_app(app: Flask) -> None:
    """Handle Cutwork's errors, HTTP's, and those that nobody expected."""
    app.register_error_handler(CutworkError, _cutwork_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, _unexpected)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    retryable: bool = False,
    stage: str | None = None,
    errors: Mapping[str, list[str]] | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> Response:
    """Return a problem; its shape is `app.schemas.problem.ProblemSchema`."""
    metrics.HTTP_PROBLEMS.labels(metrics.code_label(code)).inc()
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "retryable": retryable,
        **({"stage": stage} if stage else {}),
        **({"errors": dict(errors)} if errors else {}),
        "request_id": request_id(),
    }
    response = Response(json.dumps(document), status, headers=list(headers), content_type=CONTENT_TYPE)
    if status == 401 and "WWW-Authenticate" not in response.headers:
        # RFC 6750: the error is told only to those who sent a token.
        error = "" if code == "authentication_required" else ', error="invalid_token"'
        response.headers["WWW-Authenticate"] = f'Bearer realm="cutwork"{error}'
    if status in (429, 503):
        response.headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return response


def status_of(kind: type[CutworkError], code: str) -> int:
    """Return the status that an error of a class and a code is answered with."""
    return _STATUS_OF_CODE.get(code) or next((status for one, status in _STATUS_OF_CLASS if issubclass(kind, one)), 500)


def _cutwork_error(error: CutworkError) -> Response:
    status = status_of(type(error), error.code)
    if status == 500:
        return _unexpected(error)
    if status == 503:
        _log.warning("answered 503", code=error.code, reason=str(error.__cause__ or error))
    headers = [("Retry-After", str(error.retry_after_s))] if isinstance(error, LimitError) else []
    return problem(status, error.code, error.message, retryable=error.retryable, errors=error.fields, headers=headers)


def http_error(error: HTTPException) -> WerkzeugResponse:
    """Turn an HTTP exception of Flask, Werkzeug or webargs into a problem; a redirect passes."""
    if error.code is None or error.code < 400:
        return error.get_response()
    cause = getattr(error, "exc", None)
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    if isinstance(cause, ValidationError):
        fields = dict(_fields(_without_location(error)))
        first = next((f"{name}: {messages[0]}" for name, messages in fields.items()), "")
        return problem(error.code, "invalid_request", f"The request is not valid. {first}".strip(), errors=fields)
    status = HTTPStatus(error.code)
    code = _CODE_OF_STATUS.get(status) or status.name.lower()
    told = {404: _NOTHING_HERE, 429: _TOO_OFTEN}.get(status)
    detail = told or error.description or status.description
    return problem(status, code, detail, retryable=status == 429 or status >= 502, headers=headers)


def _unexpected(error: Exception) -> Response:
    _log.error("request failed", exc_info=error)
    return problem(500, "internal_error", "Something went wrong on our side; the request id finds it in the logs.")


def _without_location(error: HTTPException) -> object:
    """The messages of webargs, without the `json` or `query` that it puts around them."""
    messages = getattr(error, "data", {}).get("messages", {})
    return next(iter(messages.values()), {}) if isinstance(messages, dict) else messages


def _fields(messages: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Flatten marshmallow's `{"keep": {0: {"end": ["…"]}}}` to `("keep.0.end", ["…"])`."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _fields(inner, path if name == "_schema" else (*path, str(name)))
    elif isinstance(messages, list):
        yield ".".join(path) or "request", [str(message) for message in messages]
    else:
        yield ".".join(path) or "request", [str(messages)]
