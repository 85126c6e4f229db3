"""What every stage shares: claim, heartbeat, errors, retry, commit. A task file holds only what is its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import NoReturn, TypeVar

import structlog
from celery import Task
from celery.exceptions import Ignore, SoftTimeLimitExceeded

from core import job_document, jobs, leases, parts, states
from core.errors import CutworkError, EngineError, TransientError
from core.leases import Claim, Lease
from core.models import Job
from core.refusals import Later, Refused
from core.settings import get_settings
from core.storage import storage_from
from media.errors import InputError as MediaInputError
from media.errors import MediaError
from tasks import exhaustion, holder, measure, traces
from tasks.app import celery_app
from tasks.context import StageContext
from tasks.heartbeat import Heartbeat, LeaseLost
from tasks.memory import bounded
from tasks.signals import job_changed
from tasks.stages import STAGES, Stage

StageFunction = Callable[[StageContext], None]
T = TypeVar("T")

_log = structlog.get_logger(__name__)
_LONGEST_BACKOFF_S = 300.0


class StageTask(Task[..., None]):
    """A stage's task: the worker's main process looks after it too."""

    Request = "tasks.request:StageRequest"


class StageFailed(Exception):
    """Ends the chain in Celery's eyes; the row already says why."""


def stage(name: str) -> Callable[[StageFunction], Task[..., None]]:
    """Make a function the task of the registry's stage `name`; its message is `(job id, epoch, stage of the job)`."""
    declared = STAGES[name]

    def decorate(function: StageFunction) -> Task[..., None]:
        def run(self: Task[..., None], job_id: str, epoch: int, row: str = name) -> None:
            structlog.contextvars.bind_contextvars(job_id=job_id, stage=row, epoch=epoch)
            owner = holder.owner(str(self.request.hostname))
            try:
                with traces.stage(self, job_id=job_id, row=row, epoch=epoch):
                    _run(self, declared, function, Lease(job_id, row, epoch, owner))
            finally:
                structlog.contextvars.clear_contextvars()

        run.__doc__ = function.__doc__
        task: Task[..., None] = celery_app.task(
            bind=True, base=StageTask, name=name, throws=(StageFailed,), max_retries=None
        )(run)
        return task

    return decorate


def _run(task: Task[..., None], stage: Stage, function: StageFunction, lease: Lease) -> None:
    try:
        exhaustion.check_room()
        claimed = leases.claim(lease, seconds=get_settings().lease_s, attempts=stage.attempts)
    except TransientError as error:
        measure.unavailable(stage.name)
        _retry(task, error, backoff(task.request.retries))
    measure.claim(stage.name, claimed)
    if isinstance(claimed, Later):
        # Its own message is still on its way; this one is of a canvas that was sent meanwhile, and is the one to count.
        raise task.retry(countdown=claimed.seconds)
    if isinstance(claimed, Refused):
        _drop(lease, claimed)
        return
    structlog.contextvars.bind_contextvars(request_id=claimed.request_id, account_id=claimed.account_id)
    with ExitStack() as otherwise:
        otherwise.callback(_announce, lease)
        with measure.Run(claimed) as run:
            done = run.end(_attempt(task, stage, function, claimed, lease))
        if done is None:
            # The stage waits for its parts: the canvas is built anew.
            raise Ignore
        otherwise.pop_all()
    job_document.publish(done)
    _follow(lease, done)


def _drop(lease: Lease, refused: Refused) -> None:
    _announce(lease)
    if refused is Refused.DONE:
        _log.info("stage already done")
        return
    # The chain of this message ends here: whoever holds the stage, or the reconciler, carries the job on.
    _log.info("message dropped", reason=refused.value)
    raise Ignore


def _attempt(task: Task[..., None], stage: Stage, function: StageFunction, claimed: Claim, lease: Lease) -> Job | None:
    """Run a claimed stage as `_work` does, and turn whatever it raises into a row that says why."""
    settings = get_settings()
    with Heartbeat(lease, lease_s=settings.lease_s, every_s=settings.heartbeat_s) as beat:
        try:
            with exhaustion.told():
                return _work(stage, function, claimed, beat)
        except LeaseLost:
            _log.info("stage given up", reason="canceled, or taken over by another worker")
            raise Ignore from None
        except TransientError as error:
            _try_again(task, stage, claimed, beat, error)
        except SoftTimeLimitExceeded:
            _fail(beat, "time_limit", f"The {stage.name} stage took longer than its {stage.soft_limit_s} s.", True)
        except MemoryError:
            _fail(beat, "out_of_memory", f"The {stage.name} stage needs more memory than a worker may use.", False)
        except (CutworkError, MediaError) as error:
            if not isinstance(error, MediaInputError) and isinstance(error, (EngineError, MediaError)):
                _log.exception("stage broke", code=error.code)
            _fail(beat, error.code, error.message, False)
        except Exception as error:  # noqa: BLE001 - the one place where a fault of ours becomes a failed job
            _log.exception("stage broke", code="internal_error")
            message = f"The {stage.name} stage failed by a fault of ours ({type(error).__name__})."
            _fail(beat, "internal_error", message, True)


def _announce(lease: Lease) -> None:
    job = job_document.announce(lease.job_id)
    if job:
        _follow(lease, job)


def _follow(lease: Lease, job: Job) -> None:
    # What waited for this stage while its canvas was sent anew is to be sent; and when the job has ended, another one
    # may come next. A job of our own epoch without a time of dispatch is being sent by somebody in this very moment.
    being_sent = job.epoch == lease.epoch and job.dispatched_at is None
    if job.status in states.TERMINAL or (jobs.unsent(job) and not being_sent):
        job_changed.send(sender=None, job_id=job.id)


def _work(stage: Stage, function: StageFunction, claimed: Claim, beat: Heartbeat) -> Job | None:
    """Run a claimed stage, commit it, and return its job; None when it asked for parts, which now stand before it."""
    settings = get_settings()
    storage = storage_from(settings)
    context = StageContext(claimed, stage, storage=storage, settings=settings, beat=beat)
    with ExitStack() as otherwise:
        otherwise.callback(_discard, context)
        with bounded(stage):
            function(context)
        if context.artifact is None and context.expansion is None:
            raise EngineError("nothing_stored", f"The {stage.name} stage ended without a result.")
        otherwise.pop_all()
    if context.artifact is None:
        _expand(beat, context)
        return None
    artifact, then = context.artifact, context.then
    committed = _patiently(beat, lambda: leases.commit(beat.lease, artifact, then))
    if committed is None or committed.artifact.files != artifact.files:
        # The stage was lost, or another job of the account committed the same work first.
        _discard(context)
    if committed is None:
        raise LeaseLost
    _log.info("stage done")
    return committed.job


def _expand(beat: Heartbeat, context: StageContext) -> None:
    assert context.expansion is not None
    asked, notes = context.expansion
    if not _patiently(beat, lambda: parts.expand(beat.lease, asked, notes)):
        raise LeaseLost
    _log.info("stage split", parts=len(asked))


def _patiently(beat: Heartbeat, write: Callable[[], T]) -> T:
    """Write what became of a stage, and wait a while for a database that is away; then the heartbeat ends.

    What was done must not be lost, and trouble that passes must not be taken for a lost worker.
    """
    deadline = time.monotonic() + get_settings().commit_patience_s
    tries = 0
    while True:
        try:
            done = write()
        except TransientError:
            if beat.lost or time.monotonic() > deadline:
                raise
            tries += 1
            time.sleep(backoff(min(tries, 3)))
        else:
            beat.end()
            return done


def _discard(context: StageContext) -> None:
    try:
        context.discard()
    except TransientError as error:
        # The sweep of objects that no row names finds it later.
        _log.warning("files of a lost attempt stay", reason=error.message)


def _try_again(task: Task[..., None], stage: Stage, row: Claim, beat: Heartbeat, error: TransientError) -> NoReturn:
    if row.setbacks >= stage.retries:
        _fail(beat, error.code, f"{error.message} It was tried {row.attempt} times.", True)
    delay = backoff(row.setbacks)
    if not _patiently(beat, lambda: leases.release(beat.lease, delay_s=delay)):
        raise Ignore
    _log.warning("stage will be tried again", code=error.code, in_s=round(delay, 1), attempt=row.attempt)
    _retry(task, error, delay)


def _retry(task: Task[..., None], error: Exception, delay: float) -> NoReturn:
    raise task.retry(exc=error, countdown=delay)


def _fail(beat: Heartbeat, code: str, message: str, retryable: bool) -> NoReturn:
    if not _patiently(beat, lambda: leases.fail(beat.lease, code=code, message=message, retryable=retryable)):
        raise Ignore
    _log.info("stage failed", code=code)
    raise StageFailed(f"{code}: {message}")


def backoff(retries: int) -> float:
    """Seconds before the next try: doubling from 1 to 300, with full jitter over the upper half."""
    longest = min(_LONGEST_BACKOFF_S, 2.0**retries)
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret  # nosec B311
