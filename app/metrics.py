"""Counts requests by the template of their route, and answers Prometheus on a port of its own."""

from __future__ import annotations

import fcntl
import os
import re
import threading
import time
from functools import lru_cache
from pathlib import Path

import structlog
from flask import Flask, Response, g, request
from flask.signals import request_started

from core.settings import get_settings
from core.telemetry import exporter, folder, metrics

DEFAULT_PORT = 9100
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_UNMATCHED = "unmatched"
_AGAIN_S = 1.0
_log = structlog.get_logger(__name__)


def init_app(app: Flask) -> None:
    """Count what the application answers."""
    request_started.connect(_begin, app)
    app.after_request(_count)


def route() -> str:
    """Return the template of the route that was asked for: one value for all that lead nowhere."""
    return _plain(request.url_rule.rule) if request.url_rule else _UNMATCHED


@lru_cache
def _plain(rule: str) -> str:
    """The template without the names of converters: `/v1/jobs/<job_id>`."""
    return re.sub(r"<[^:<>]+:", "<", rule)


def _begin(_app: Flask) -> None:
    g.began = time.perf_counter()


def _count(response: Response) -> Response:
    method = request.method if request.method in _METHODS else metrics.OTHER
    metrics.HTTP_REQUESTS.labels(method, route(), str(response.status_code)).inc()
    metrics.HTTP_SECONDS.labels(method, route()).observe(time.perf_counter() - g.began)
    return response


def serve() -> None:
    """Answer Prometheus for all of gunicorn's workers, from one of them: another takes over when it is gone.

    To be called in each worker; they never fork, so that a thread is no danger there.
    """
    chosen = get_settings().metrics_port
    port = DEFAULT_PORT if chosen is None else chosen
    if port and folder.VARIABLE in os.environ:
        where = Path(os.environ[folder.VARIABLE])
        threading.Thread(target=_serve_in_turn, args=(where, port), name="metrics", daemon=True).start()


def _serve_in_turn(where: Path, port: int) -> None:
    collectors = [exporter.FolderCollector(where)]
    told = False
    # The kernel lets go of the lock when its holder is gone.
    with (where / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        while True:
            try:
                server = exporter.serve(get_settings().metrics_host, port, kind="api", collectors=[*collectors])
            except OSError as error:
                if not told:
                    told = True
                    advice = "set METRICS_PORT to another, or to 0 for none; it is tried again"
                    _log.warning("metrics not served", port=port, reason=str(error), advice=advice)
                time.sleep(_AGAIN_S)
            else:
                break
        # For as long as this process lives.
        threading.Event().wait()
        server.shutdown()
