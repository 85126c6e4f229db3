"""`requeue`: send jobs again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import click
from sqlalchemy import select

from core import clock, states
from core.db import reading
from core.errors import ConflictError, InputError, NotFoundError
from core.models import Job, JobStage
from pipelines import reconciler, submit

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LIVE = (states.QUEUED, states.RUNNING)
_PAGE = 500


def _span(_context: click.Context, _option: click.Parameter, text: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise click.BadParameter("write a number and s, m, h or d, such as 2h")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


@click.command()
@click.argument("jobs", nargs=-1)
@click.option("--waiting", is_flag=True, help="All live jobs with a stage that waits.")
@click.option("--failed", "code", metavar="CODE", help="All jobs that failed with this code.")
@click.option("--since", callback=_span, default="24h", show_default=True, help="With --failed: ended since then.")
def requeue(jobs: tuple[str, ...], *, waiting: bool, code: str | None, since: timedelta) -> None:
    """Send jobs again: what waits is sent once more, what failed or was canceled is retried.

    Stages that are done are not run again, and a message that still turns up does nothing.
    """
    if not (jobs or waiting or code):
        raise click.UsageError("name jobs, or say --waiting or --failed CODE")
    chosen = [*jobs, *(_waiting() if waiting else ()), *(_failed(code, since) if code else ())]
    sent = sum(_again(job_id) for job_id in dict.fromkeys(chosen))
    click.echo(f"{sent} of {len(dict.fromkeys(chosen))} jobs sent again")


def _again(job_id: str) -> bool:
    with reading() as session:
        job = session.get(Job, job_id)
    if job is None:
        raise NotFoundError("job_not_found", f"There is no job {job_id}.")
    try:
        if job.status in states.TERMINAL:
            submit.retry(job.account_id, job_id, None)
        elif not reconciler.send_again(job_id):
            click.echo(f"{job_id}: nothing of it waits to be sent", err=True)
            return False
    except (ConflictError, InputError) as error:
        click.echo(f"{job_id}: {error.message}", err=True)
        return False
    return True


def _waiting() -> Iterator[str]:
    query = (
        select(Job.id)
        .join(JobStage)
        .where(Job.status.in_(_LIVE), Job.admitted_at.is_not(None))
        .where(JobStage.status == states.QUEUED, JobStage.queued_at.is_not(None))
        .distinct()
        .order_by(Job.id)
    )
    after = ""
    while True:
        with reading() as session:
            page = list(session.scalars(query.where(Job.id > after).limit(_PAGE)))
        if not page:
            return
        yield from page
        after = page[-1]


def _failed(code: str, since: timedelta) -> Iterator[str]:
    query = select(Job.id, Job.error).where(Job.status == states.FAILED).order_by(Job.id)
    after = ""
    while True:
        with reading() as session:
            begin = clock.moment(session) - since
            page = session.execute(query.where(Job.id > after, Job.finished_at >= begin).limit(_PAGE)).all()
        if not page:
            return
        yield from (job_id for job_id, error in page if error and error["code"] == code)
        after = page[-1][0]


COMMANDS = (requeue,)
