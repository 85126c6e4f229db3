"""Stages that hang, crash or eat memory: they fail with their reason, and the pool goes on with the next."""

import time
from datetime import timedelta

import pytest

from core import jobs, states
from core.db import transaction
from core.models import Job, now
from tasks.app import celery_app
from tasks.stages import STAGES
from tests.core.rows import make_job, stage_plan
from tests.services.celery_nodes import WorkerSpec, celery_command
from tests.services.process import LONG_S, wait_until

pytestmark = pytest.mark.e2e

QUEUES = "hang,deaf,slow,crash,hog,fine,reconcile"


@pytest.fixture
def most_mb():
    return 1024


@pytest.fixture
def changes(most_mb):
    return {
        # No lease runs out in these tests: it is the worker that tells what became of its processes.
        "LEASE_S": "600",
        "SHUTDOWN_GRACE_S": "1",
        "MAX_RUNNING_JOBS": "100",
        "ENCODE_MEMORY_MB": "2048",
        "WORKER_MAX_MEMORY_MB": str(most_mb),
    }


@pytest.fixture
def processes():
    return 1


@pytest.fixture
def celery_worker_specs(settings, processes):
    command = celery_command("tests.tasks.troubled", "--queues", QUEUES, f"--concurrency={processes}")
    return [WorkerSpec("troubled", command, env=settings, queue="fine")]


def job_of(*names):
    """A job whose stages follow each other. The worker sends it: these stages are in its registry only."""
    stages = [stage_plan(name, *names[:number]) for number, name in enumerate(names)]
    job = make_job(stages, salt=f"{time.time_ns():x}")
    with transaction() as session:
        row = session.get_one(Job, job.id)
        row.created_at = row.admitted_at = now() - timedelta(hours=1)
    return job


def wait_for(*some):
    """Let the worker look for work until these jobs have ended; return them as they are then."""
    nudged = 0.0

    def over():
        nonlocal nudged
        if time.monotonic() - nudged > 1:
            celery_app.send_task("reconcile", retry=False)
            nudged = time.monotonic()
        return all(job.status in states.TERMINAL for job in again(some))

    wait_until(over)
    return again(some)


def again(some):
    return [jobs.get(job.account_id, job.id) for job in some]


def stage_of(job, name):
    return next(stage for stage in job.stages if stage.name == name)


def test_a_hanging_stage_is_killed_once_and_says_why(system):
    hanging, slow, fine = wait_for(job_of("hang"), job_of("slow"), job_of("fine"))
    assert hanging.error == {
        "code": "time_limit",
        "message": "The hang stage took longer than its 2 s and had to be killed.",
        "stage": "hang",
        "retryable": True,
    }
    assert stage_of(hanging, "hang").attempt == 1
    assert (slow.error["code"], stage_of(slow, "slow").attempt) == ("time_limit", 1)
    assert "1 s" in slow.error["message"]
    assert fine.status == states.SUCCEEDED, fine.error
    # One process did it all, or its successor.
    assert system.worker.container.status == "running"
    assert "Hard time limit (2s) exceeded" in system.worker.container.logs()


@pytest.mark.parametrize("processes", [2])
def test_a_crashing_stage_kills_its_process_only(system):
    crashing, *fine = wait_for(job_of("fine", "crash"), *(job_of("fine") for _ in range(8)))
    assert (crashing.status, crashing.error["code"]) == (states.FAILED, "worker_lost")
    assert stage_of(crashing, "crash").attempt == STAGES["probe"].attempts
    assert stage_of(crashing, "fine").attempt == 1
    assert [(job.status, stage_of(job, "fine").attempt) for job in fine] == [(states.SUCCEEDED, 1)] * 8
    assert system.worker.container.logs().count("signal 11 (SIGSEGV)") >= STAGES["probe"].attempts


def test_a_stage_without_memory_says_so(system):
    hog, fine = wait_for(job_of("hog"), job_of("fine"))
    assert (hog.error["code"], stage_of(hog, "hog").attempt) == ("out_of_memory", 1)
    assert fine.status == states.SUCCEEDED


def test_a_hanging_stage_does_not_keep_its_worker_from_stopping(system):
    job = job_of("deaf")
    celery_app.send_task("reconcile", retry=False)
    wait_until(lambda: stage_of(again([job])[0], "deaf").status == states.RUNNING)
    node = system.worker.container
    [child] = node.children()
    node.process.terminate()
    assert node.process.wait(LONG_S) == 0
    assert not child.is_running()
    deaf = stage_of(again([job])[0], "deaf")
    assert (deaf.status, deaf.attempt) == (states.QUEUED, 0)


@pytest.mark.parametrize("most_mb", [1])
def test_a_process_that_used_much_is_replaced_after_its_stage(system):
    node = system.worker.container
    before = {child.pid for child in node.children()}
    fine = wait_for(*(job_of("fine") for _ in range(3)))
    assert [(job.status, stage_of(job, "fine").attempt) for job in fine] == [(states.SUCCEEDED, 1)] * 3
    wait_until(lambda: before.isdisjoint(child.pid for child in node.children()))
