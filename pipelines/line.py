"""The line before the broker: who comes next is admitted and sent, each time a job of the account has ended."""

from __future__ import annotations

from core import admission, job_document
from pipelines import canvas


def move_up(account_id: str, lane: str) -> int:
    """Admit and send the jobs that come next, as long as there is room; return how many."""
    admitted = admission.admit_next(account_id, lane)
    for job in admitted:
        canvas.dispatch(job)
        job_document.announce(job.id)
    return len(admitted)
