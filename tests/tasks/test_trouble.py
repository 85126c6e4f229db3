"""Trouble that passes: tried again by class, as often as the registry says, and told from a lost worker."""

import threading
import time

import pytest
from celery.exceptions import Retry

from core import jobs, leases, states
from core.errors import InputError, TransientError
from core.leases import Lease
from tasks import base
from tasks.app import celery_app
from tasks.heartbeat import Heartbeat, LeaseLost
from tasks.stages import STAGES, Stage
from tests.core.rows import make_job, stage_plan
from tests.services.process import wait_until

pytestmark = pytest.mark.usefixtures("database", "broker")
RETRIES = 3


@pytest.fixture
def task(monkeypatch):
    """A stage that raises what its list holds, then stores a result."""
    declared = Stage(
        name="shaky", summary="For a test", pool="light", soft_limit_s=60, hard_limit_s=70, weight=1, retries=RETRIES
    )
    monkeypatch.setitem(STAGES, "shaky", declared)
    monkeypatch.setattr(base, "backoff", lambda retries: 0.0)
    trouble = []

    def shaky(ctx):
        if trouble:
            raise trouble.pop(0)
        ctx.store({}, result={})

    made = base.stage("shaky")(shaky)
    yield made, trouble
    celery_app.tasks.unregister("shaky")


def run(task):
    job = make_job((stage_plan("shaky"),))
    task.apply(args=(job.id, job.epoch))
    return jobs.get(job.account_id, job.id)


def away():
    return TransientError("storage_unavailable", "The storage did not answer.")


def test_trouble_that_passes_costs_no_job(task):
    shaky, trouble = task
    trouble += [away() for _ in range(RETRIES)]
    job = run(shaky)
    assert job.status == states.SUCCEEDED
    assert (job.stages[0].attempt, job.stages[0].setbacks) == (RETRIES + 1, RETRIES)


def test_trouble_that_stays_is_told_by_its_name(task):
    shaky, trouble = task
    trouble += [away() for _ in range(RETRIES + 1)]
    job = run(shaky)
    assert (job.status, job.error["code"], job.error["retryable"]) == (states.FAILED, "storage_unavailable", True)
    assert trouble == []


def test_a_message_that_comes_too_soon_comes_again_in_time(task, monkeypatch):
    shaky, _ = task
    job = make_job((stage_plan("shaky"),))
    lease = Lease(job.id, "shaky", job.epoch, "owner")
    leases.claim(lease, seconds=15, attempts=2)
    leases.release(lease, delay_s=60)
    asked = []
    monkeypatch.setattr(shaky, "retry", lambda *, countdown: asked.append(countdown) or Retry())
    shaky.apply(args=(job.id, job.epoch))
    assert [30 < countdown <= 60 for countdown in asked] == [True]
    assert jobs.get(job.account_id, job.id).stages[0].attempt == 1


def test_an_error_of_the_user_is_never_tried_again(task):
    shaky, trouble = task
    trouble += [InputError("damaged_file", "It is damaged.")] * 2
    job = run(shaky)
    assert (job.error["code"], job.error["retryable"]) == ("damaged_file", False)
    assert len(trouble) == 1


def test_setbacks_are_no_lost_workers():
    job = make_job()
    for number in range(6):
        lease = Lease(job.id, "probe", job.epoch, f"owner{number}")
        assert leases.claim(lease, seconds=15, attempts=2).attempt == number + 1
        assert leases.release(lease)
    assert jobs.get(job.account_id, job.id).status == states.RUNNING


def test_each_wait_is_longer_and_none_is_endless():
    for retries in range(12):
        longest = min(300.0, 2.0**retries)
        assert all(longest / 2 <= base.backoff(retries) <= longest for _ in range(20))


def test_a_database_that_is_away_longer_than_a_lease_costs_no_work(monkeypatch):
    """Nobody else can take the stage meanwhile either."""
    asked = []

    def renew(lease, *, seconds, progress):
        asked.append(progress)
        if len(asked) < 30:
            raise TransientError("database_unavailable", "The database did not answer.")
        return True

    monkeypatch.setattr(leases, "renew", renew)
    with Heartbeat(Lease("job_x", "trim", 1, "me"), lease_s=0, every_s=0.01) as beat:
        while len(asked) < 31:
            beat.check()
    assert not beat.lost


def test_one_thread_beats_for_one_stage_after_the_other(monkeypatch):
    beaten = []
    monkeypatch.setattr(
        leases, "renew", lambda lease, **_: beaten.append((lease.stage, threading.current_thread())) or True
    )
    for stage in ("trim", "brand"):
        before = len(beaten)
        with Heartbeat(Lease("job_x", stage, 1, "me"), lease_s=15, every_s=0.01) as beat:
            wait_until(lambda seen=before: len(beaten) > seen + 1)
        ended = len(beaten)
        time.sleep(0.05)
        assert (len(beaten), beat.lost) == (ended, False)
    assert [stage for stage, _ in beaten] == sorted((stage for stage, _ in beaten), reverse=True)
    assert len({thread for _, thread in beaten}) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_heartbeat_that_breaks_loses_its_stage_and_no_other(monkeypatch):
    beaten = []

    def renew(lease, **_):
        beaten.append(lease.stage)
        return beaten.count("brand") or {}["a fault of ours"]

    monkeypatch.setattr(leases, "renew", renew)
    with Heartbeat(Lease("job_x", "trim", 1, "me"), lease_s=15, every_s=0.01) as beat:
        wait_until(lambda: beat.lost)
        with pytest.raises(LeaseLost):
            beat.check()
    with Heartbeat(Lease("job_y", "brand", 1, "me"), lease_s=15, every_s=0.01) as beat:
        wait_until(lambda: beaten.count("brand") > 1)
        beat.check()
    assert beaten.count("trim") == 1


def test_a_stage_that_leaves_its_heartbeat_no_memory_is_out_of_it_and_keeps_its_lease(monkeypatch):
    beaten = []

    def renew(lease, **_):
        beaten.append(lease.stage)
        if len(beaten) == 1:
            raise MemoryError
        return True

    monkeypatch.setattr(leases, "renew", renew)
    with Heartbeat(Lease("job_x", "trim", 1, "me"), lease_s=15, every_s=0.01) as beat:
        wait_until(lambda: len(beaten) > 2)
        with pytest.raises(MemoryError):
            beat.check()
        assert not beat.lost
