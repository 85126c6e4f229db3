"""Structured logs: text for people, one JSON object a line for machines.

Every line of work on a job has its `request_id`, `job_id`, `stage`, `epoch` and `account_id`; those of requests have
`request_id` and `account_id`. None has a token, a password, a signed address or an e-mail address.
"""

from __future__ import annotations

import logging
import sys

import structlog

from core.masking import mask

_SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logging(*, json: bool) -> None:
    """Send structlog and the standard library's records through one formatter to standard error."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler(json=json)]
    root.setLevel(logging.INFO)
    # Warnings of libraries are lines like all others.
    logging.captureWarnings(True)


def handler(*, json: bool) -> logging.Handler:
    """Return a handler that writes to standard error, one JSON object or one text a record."""
    # The default draws tracebacks with the values of all variables: passwords among them, a thousand lines, and seconds
    # of work in the very process that has just lost its broker and should find it again.
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer() if json else console
    final: list[structlog.types.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if json:
        final.append(structlog.processors.format_exc_info)
    made = logging.StreamHandler(sys.stderr)
    made.setFormatter(_Masking(foreign_pre_chain=_SHARED, processors=[*final, renderer]))
    return made


class _Masking(structlog.stdlib.ProcessorFormatter):
    """Masks whole lines, tracebacks included: a secret may stand in any of a record's parts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return mask(super().format(record))
