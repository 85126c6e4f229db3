"""A database that goes away, or takes no writes, in the midst of a stage costs neither its work nor an attempt."""

import threading
from contextlib import ExitStack

import pytest

from core import jobs, leases, states
from core.db import reading
from core.errors import InputError, TransientError
from core.leases import Lease
from core.telemetry import metrics
from tasks import base
from tasks.app import celery_app
from tasks.stages import STAGES, Stage
from tests.core.rows import artifact_of, make_job, stage_plan
from tests.services.outage import away, read_only
from tests.services.process import wait_until

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def shaky(database, broker, monkeypatch):
    """A stage that does what its list holds, one after the other, then stores a result."""
    declared = Stage(name="shaky", summary="For a test", pool="light", soft_limit_s=60, hard_limit_s=70, weight=1)
    monkeypatch.setitem(STAGES, "shaky", declared)
    monkeypatch.setattr(base, "backoff", lambda retries: 0.2)
    acts = []

    def shaky(ctx):
        if acts:
            acts.pop(0)(ctx)
        if ctx.expansion is None:
            ctx.store({}, result={})

    yield base.stage("shaky")(shaky), acts
    celery_app.tasks.unregister("shaky")


def run(task):
    job = make_job((stage_plan("shaky"),))
    task.apply(args=(job.id, job.epoch))
    return jobs.get(job.account_id, job.id)


def missed():
    return metrics.DATABASE_UNAVAILABLE._value.get()


def begin(stack, trouble, database):
    """Let the trouble last until somebody has met it several times."""
    before = missed()
    outage = stack.enter_context(ExitStack())
    outage.enter_context(trouble(database))

    def end():
        with outage:
            wait_until(lambda: missed() > before + 3)

    thread = threading.Thread(target=end)
    thread.start()
    stack.callback(thread.join)


def test_a_server_that_takes_no_writes_is_away_and_left_for_another(database, broker):
    job = make_job()
    lease = Lease(job.id, "probe", job.epoch, "me")
    leases.claim(lease, seconds=60, attempts=4)
    with read_only(database):
        for act in (
            lambda: leases.renew(lease, seconds=60, progress=0.1),
            lambda: leases.commit(lease, artifact_of(job.stages[0], job.account_id)),
            lambda: leases.claim(Lease(job.id, "probe", job.epoch, "other"), seconds=60, attempts=4),
            lambda: jobs.cancel(job.account_id, job.id),
        ):
            with pytest.raises(TransientError) as caught:
                act()
            assert caught.value.code == "database_unavailable"
        # What only reads is served, over a connection that is as it is.
        with reading() as session:
            assert jobs.find(session, job.id).status == states.RUNNING
    with pytest.raises(TransientError):
        leases.renew(lease, seconds=60, progress=0.2)
    assert leases.renew(lease, seconds=60, progress=0.2)


@pytest.mark.parametrize("trouble", [away, read_only])
def test_what_was_made_waits_for_the_database(shaky, database, trouble):
    task, acts = shaky
    with ExitStack() as stack:
        acts.append(lambda ctx: begin(stack, trouble, database))
        job = run(task)
    assert (job.status, job.stages[0].attempt, job.stages[0].setbacks) == (states.SUCCEEDED, 1, 0)


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (TransientError("storage_unavailable", "The storage did not answer."), (states.SUCCEEDED, None, 2, 1)),
        (InputError("damaged_file", "It is damaged."), (states.FAILED, "damaged_file", 1, 0)),
        (MemoryError(), (states.FAILED, "out_of_memory", 1, 0)),
    ],
)
def test_why_it_was_not_made_waits_too_and_is_no_lost_worker(shaky, database, error, end):
    task, acts = shaky

    def fail(ctx):
        begin(stack, away, database)
        raise error

    with ExitStack() as stack:
        acts.append(fail)
        job = run(task)
    row = job.stages[0]
    assert (job.status, job.error and job.error["code"], row.attempt, row.setbacks) == end


def test_what_it_asks_for_waits_too(shaky, database):
    task, acts = shaky

    def split(ctx):
        begin(stack, away, database)
        ctx.expand([], {"asked": True})

    with ExitStack() as stack:
        acts.append(split)
        job = run(task)
    assert job.epoch > 1
    assert (job.stages[0].notes, job.stages[0].attempt) == ({"asked": True}, 0)
