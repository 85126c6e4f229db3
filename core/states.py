"""The state machines of jobs and stages: the only steps there are.

job:    queued → running → succeeded | failed | canceled      (queued may end at once: cached, canceled, refused)
stage:  queued → running → succeeded | failed | canceled      (running may go back to queued: error, lost worker)

A retry alone leads out of an end:

job:    failed | canceled → queued
stage:  succeeded | failed | canceled → queued                (succeeded when its artifact has been deleted)
"""

from __future__ import annotations

from typing import Protocol

from core.errors import IllegalTransition

QUEUED, RUNNING = "queued", "running"
SUCCEEDED, FAILED, CANCELED = "succeeded", "failed", "canceled"
TERMINAL = frozenset({SUCCEEDED, FAILED, CANCELED})

_STEPS: dict[str, dict[str, frozenset[str]]] = {
    "jobs": {QUEUED: TERMINAL | {RUNNING}, RUNNING: TERMINAL},
    "job_stages": {QUEUED: frozenset({RUNNING, SUCCEEDED, FAILED, CANCELED}), RUNNING: TERMINAL | {QUEUED}},
}

_AGAIN: dict[str, frozenset[str]] = {"jobs": frozenset({FAILED, CANCELED}), "job_stages": TERMINAL}


class Stateful(Protocol):
    """A row with a state."""

    __tablename__: str
    status: str


def move(row: Stateful, to: str) -> None:
    """Set the row's status; raises IllegalTransition `illegal_transition` for a step that is not drawn above."""
    if to not in _STEPS[row.__tablename__].get(row.status, frozenset()):
        raise IllegalTransition("illegal_transition", f"{row.__tablename__}: {row.status} cannot become {to}")
    row.status = to


def begin_again(row: Stateful) -> None:
    """Queue a row that has ended; raises IllegalTransition `illegal_transition` for one that may not be."""
    if row.status not in _AGAIN[row.__tablename__]:
        raise IllegalTransition("illegal_transition", f"{row.__tablename__}: {row.status} cannot begin again")
    row.status = QUEUED
