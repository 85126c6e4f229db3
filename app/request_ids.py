"""Request ids: one for every request, in the answer's header, in problems and in log lines."""

from __future__ import annotations

import re
import uuid

import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def init_app(app: Flask) -> None:
    """Give each request an id: the client's own when it is sane, else a new one."""
    app.before_request(_begin)
    app.after_request(_echo)
    app.teardown_request(_end)


def request_id() -> str:
    """Return the id of the request that is being answered."""
    if "request_id" not in g:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
    return str(g.request_id)


def _begin() -> None:
    structlog.contextvars.bind_contextvars(request_id=request_id())


def _echo(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    return response


def _end(_error: BaseException | None) -> None:
    structlog.contextvars.unbind_contextvars("request_id")
