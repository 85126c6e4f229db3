"""A line for each request; probes, which come every few seconds, have none unless they fail."""

from __future__ import annotations

import time

import structlog
from flask import Flask, Response, g, request

from app.metrics import route

_PROBES = {"/healthz", "/readyz"}
_log = structlog.get_logger(__name__)


def init_app(app: Flask) -> None:
    """Log what the application answers; to be called when it is known who asks."""
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def _begin() -> None:
    if "principal" in g:
        structlog.contextvars.bind_contextvars(account_id=g.principal.account_id)


def _tell(response: Response) -> Response:
    if request.path not in _PROBES or response.status_code >= 400:
        _log.info(
            "request",
            method=request.method,
            route=route(),
            status=response.status_code,
            ms=round((time.perf_counter() - g.began) * 1000, 1),
        )
    return response


def _end(_error: BaseException | None) -> None:
    structlog.contextvars.unbind_contextvars("account_id")
