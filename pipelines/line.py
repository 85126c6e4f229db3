"""The line before the broker: who comes next is admitted and sent, each time a job of the account has ended."""

from __future__ import annotations

import structlog

from core import admission, job_document
from core.errors import TransientError
from pipelines import canvas

_log = structlog.get_logger(__name__)


def move_up(account_id: str, lane: str) -> int:
    """Admit and send the jobs that come next, as long as there is room; return how many.

    A database that is away is logged: whoever made room has committed, and the reconciler looks for lines with room.
    """
    try:
        admitted = admission.admit_next(account_id, lane)
    except TransientError as error:
        _log.warning("line not moved", account_id=account_id, lane=lane, reason=error.message)
        return 0
    for job in admitted:
        canvas.dispatch(job)
        job_document.announce(job.id)
    return len(admitted)
