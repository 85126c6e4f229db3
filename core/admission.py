"""Fair queues: how many of an account's jobs may be at work at once. The rest wait here, not in the broker.

A job is admitted when its account has fewer than `MAX_RUNNING_JOBS` admitted jobs that have not ended; then its canvas
may be sent. Until then it waits: the highest priority first, then the oldest. Each lane of an account is counted apart,
so that a look at an upload need not wait for an account's edits. Whoever counts holds the account's row.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BindParameter, Select, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from core import clock, states
from core.db import put_off, reading, single, transaction
from core.models import Account, Job
from core.settings import get_settings

PRIORITIES = {"low": -1, "normal": 0, "high": 1}
"""The words that requests and documents use: they order the jobs of one account, and overtake nobody else's."""

Line = tuple[str, str]
"""Account id and lane: the jobs that are counted together."""

WORK = "work"
"""The lane of what clients ask for."""

_LIVE = (states.QUEUED, states.RUNNING)
_BATCH = 100


def ask(session: Session, job: Job, moment: datetime) -> None:
    """Admit a job that has just been queued, unless its account has no room or others wait.

    Who waits while there is room is being admitted by another process in this moment, and goes first.
    """
    if job.status in states.TERMINAL:
        return
    lock(session, job.account_id)
    session.flush()
    line = (job.account_id, job.lane)
    others = waiting(*line).where(Job.id != job.id).limit(1)
    if _room(session, line) > 0 and session.scalar(others) is None:
        _admit(job, moment)


def admit_next(account_id: str, lane: str) -> list[Job]:
    """Admit the jobs that come next, as long as there is room, and return them: they are to be sent."""
    admitted: list[Job] = []
    with single() as connection:
        # Who is counting in this moment is waited for, and what he lets wait is seen.
        put_off(connection, _LOCK, {"account_id": account_id})
        if connection.scalar(_WAITS, {"account_id": account_id, "lane": lane}) is None:
            return []
    with transaction() as session:
        lock(session, account_id)
        room = _room(session, (account_id, lane))
        # One that is canceled in this moment is left out once its row is had: then the next one is looked for.
        while room > len(admitted):
            query = waiting(account_id, lane).with_only_columns(Job).limit(room - len(admitted)).with_for_update()
            found = session.scalars(query).all()
            if not found:
                break
            moment = clock.moment(session)
            for job in found:
                _admit(job, moment)
            session.flush()
            admitted += found
    return admitted


def lines_with_room() -> list[Line]:
    """Return where a job waits though there is room: whoever should have admitted it was killed."""
    other = aliased(Job)
    running = (
        select(func.count())
        .where(other.account_id == Job.account_id, other.lane == Job.lane)
        .where(other.status.in_(_LIVE), other.admitted_at.is_not(None))
        .scalar_subquery()
    )
    query = (
        select(Job.account_id, Job.lane)
        .where(Job.status == states.QUEUED, Job.admitted_at.is_(None))
        .group_by(Job.account_id, Job.lane)
        .having(running < get_settings().max_running_jobs)
        .limit(_BATCH)
    )
    with reading() as session:
        return [(account_id, lane) for account_id, lane in session.execute(query)]


def waiting(account_id: str | BindParameter[str], lane: str | BindParameter[str]) -> Select[str]:
    """The ids of a line's waiting jobs in the order in which they will be admitted."""
    return (
        select(Job.id)
        .where(Job.account_id == account_id, Job.lane == lane)
        .where(Job.status == states.QUEUED, Job.admitted_at.is_(None))
        .order_by(Job.priority.desc(), Job.id)
    )


def lock(session: Session, account_id: str) -> None:
    """Hold the account against all who count its jobs; taken before any job's row, never after."""
    # Not against those whose rows refer to it: hence NO KEY.
    put_off(session.connection(), _LOCK, {"account_id": account_id})


# Made once: an account's line is looked at whenever one of its jobs has ended.
_WAITS = waiting(bindparam("account_id"), bindparam("lane")).limit(1)
_LOCK = select(Account.id).where(Account.id == bindparam("account_id")).with_for_update(key_share=True)


def start_clocks(job: Job, moment: datetime) -> None:
    """Let the stages of an admitted job that are ready wait in their queues from now."""
    if job.admitted_at is None:
        return
    done = {stage.name for stage in job.stages if stage.status == states.SUCCEEDED}
    for stage in job.stages:
        if stage.status == states.QUEUED and stage.queued_at is None and done.issuperset(stage.needs):
            stage.queued_at = moment


def _admit(job: Job, moment: datetime) -> None:
    job.admitted_at = moment
    start_clocks(job, moment)


def _room(session: Session, line: Line) -> int:
    account_id, lane = line
    running = (
        select(func.count())
        .select_from(Job)
        .where(Job.account_id == account_id, Job.lane == lane)
        .where(Job.status.in_(_LIVE), Job.admitted_at.is_not(None))
    )
    return get_settings().max_running_jobs - (session.scalar(running) or 0)
