"""What an account may use in all: bytes stored, minutes made in a month, jobs that have not ended.

Usage is added up from rows, never counted beside them, so it cannot drift. Whoever adds to it holds the account's row
from the sum to the commit, so that two at once cannot both have the last of it. A quota of 0 is none, and is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Subquery, func, select, union_all
from sqlalchemy.orm import Session

from core import admission, states
from core.db import reading
from core.errors import ForbiddenError, LimitError
from core.ids import first_id
from core.models import Asset, Job, JobStage, Upload, now
from core.settings import get_settings

MINUTE_MS = 60_000
MAKER = "trim"
"""The stage whose result is as long as what a job makes."""
# When a place may be free is not known; it is not asked for all the time.
_JOB_S = 10
_LIVE = (states.QUEUED, states.RUNNING)

# Which rows count, of whatever account.
KEPT = Asset.deleted_at.is_(None)
OPEN = Upload.status == "open"
LIVE = (Job.status.in_(_LIVE), Job.lane == admission.WORK)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """`stored_bytes` of assets and of uploads under way; `media_ms` of results made in the month `[since, until)`,
    those of jobs under way included; `jobs` that have not ended."""

    stored_bytes: int
    media_ms: int
    jobs: int
    since: datetime
    until: datetime


def usage(account_id: str, moment: datetime) -> Usage:
    """Add up what an account uses."""
    since, until = month(moment)
    with reading() as session:
        return Usage(
            stored_bytes=_stored(session, account_id),
            media_ms=_made(session, account_id, since),
            jobs=_live(session, account_id),
            since=since,
            until=until,
        )


def month(moment: datetime) -> tuple[datetime, datetime]:
    """Return the calendar month in UTC that a moment is in, half-open."""
    since = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, after = divmod(since.year * 12 + since.month, 12)
    return since, since.replace(year=year, month=after + 1)


def made_since(since: datetime, *which: ColumnElement[bool]) -> Subquery:
    """Return `account_id` and `media_ms` of the jobs since a moment whose minutes count, of those that `which` tells.

    Those of jobs that ended before anything was made do not. What was made counts whatever became of the job, since
    another job may have it from cache at no cost.
    """
    first = first_id("job", since)
    rows = select(Job.account_id, Job.media_ms).where(Job.id >= first, Job.media_ms > 0, *which)
    # Looked for from the few jobs that failed: an OR of both has every stage of every job read.
    made = rows.join(JobStage, JobStage.job_id == Job.id).where(
        Job.status.in_((states.FAILED, states.CANCELED)),
        JobStage.job_id >= first,
        JobStage.name == MAKER,
        JobStage.status == states.SUCCEEDED,
        ~JobStage.cached,
    )
    return union_all(rows.where(Job.status.in_((*_LIVE, states.SUCCEEDED))), made).subquery()


def require_bytes(session: Session, account_id: str, size: int) -> None:
    """Leave room for so many bytes, held until the transaction ends; raises ForbiddenError `storage_quota_exceeded`."""
    most = get_settings().quota_stored_bytes
    if not most:
        return
    admission.lock(session, account_id)
    used = _stored(session, account_id)
    if used + size > most:
        message = f"The account stores {used} of {most} bytes: delete assets, or abort uploads, to make room."
        raise ForbiddenError("storage_quota_exceeded", message)


def require_job(session: Session, account_id: str, media_ms: int) -> None:
    """Leave room for a job that makes so much, held until the transaction ends.

    Raises ForbiddenError `minutes_quota_exceeded`, LimitError `too_many_jobs`.
    """
    settings = get_settings()
    if not settings.quota_minutes and not settings.quota_jobs:
        return
    admission.lock(session, account_id)
    if settings.quota_jobs and _live(session, account_id) >= settings.quota_jobs:
        message = f"{settings.quota_jobs} jobs of the account have not ended: wait for one, or cancel one."
        raise LimitError("too_many_jobs", message, retry_after_s=_JOB_S)
    since, until = month(now())
    if settings.quota_minutes and media_ms:
        used = _made(session, account_id, since)
        if used + media_ms > settings.quota_minutes * MINUTE_MS:
            message = (
                f"{used / MINUTE_MS:.1f} of {settings.quota_minutes} minutes of this month are used, and this job "
                f"would take {media_ms / MINUTE_MS:.1f}: there are new ones from {until.date()} on."
            )
            raise ForbiddenError("minutes_quota_exceeded", message)


def _stored(session: Session, account_id: str) -> int:
    # Assets of the same bytes share one file.
    files = select(Asset.storage_key, Asset.size).where(Asset.account_id == account_id, KEPT)
    assets = select(func.coalesce(func.sum(files.distinct().subquery().c.size), 0))
    uploads = select(func.coalesce(func.sum(Upload.size), 0)).where(Upload.account_id == account_id, OPEN)
    return int(session.scalar(assets) or 0) + int(session.scalar(uploads) or 0)


def _made(session: Session, account_id: str, since: datetime) -> int:
    made = made_since(since, Job.account_id == account_id)
    return int(session.scalar(select(func.coalesce(func.sum(made.c.media_ms), 0))) or 0)


def _live(session: Session, account_id: str) -> int:
    query = select(func.count()).select_from(Job).where(Job.account_id == account_id, *LIVE)
    return int(session.scalar(query) or 0)
