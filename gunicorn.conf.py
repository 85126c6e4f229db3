"""What gunicorn does for the API beside what its command line says: logs like all others, and counts for Prometheus."""

from typing import Any

from core.log import configure_logging
from core.settings import get_settings
from core.telemetry import folder

# Its own lines take the way of all others; those of requests are written by the application.
logconfig_dict = {
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
    },
    "handlers": {"console": {"()": "core.log.handler", "json": get_settings().log_json}},
    "formatters": {},
}
configure_logging(json=get_settings().log_json)
if get_settings().metrics_port != 0:
    # Before the workers are forked: they count in one folder.
    folder.prepare()


def post_worker_init(worker: Any) -> None:  # noqa: ARG001 - gunicorn's interface
    """Let one of the workers answer for all."""
    from app.metrics import serve

    serve()


def on_exit(server: Any) -> None:  # noqa: ARG001
    """Leave nothing behind."""
    folder.remove()


# Longer than the longest query that is refused with a reason: what is longer gets a page of gunicorn's.
limit_request_line = 8190
