"""A worker that is told to stop: it ends its stages or hands them over, and leaves nothing behind."""

import signal
import time

import psutil
import pytest
from sqlalchemy import select

from core import jobs, states
from core.db import reading
from core.models import Artifact
from core.settings import get_settings
from core.storage import storage_from
from pipelines import edit, submit
from pipelines.edit_schema import EditSchema
from tests.services.process import LONG_S, wait_until

pytestmark = pytest.mark.e2e

GRACE_S = 2
# A stage that waited for its lease to run out, or for a process that was given all the time there is, would take longer
# than anybody waits here; and for the reconciler it would wait for ever: no beat runs.
NEVER_S = 5 * LONG_S


@pytest.fixture
def grace_s():
    return GRACE_S


@pytest.fixture
def changes(grace_s):
    return {"SHUTDOWN_GRACE_S": str(grace_s), "ENCODE_WIDTH": "1", "ENCODE_THREADS": "1", "LEASE_S": str(NEVER_S)}


@pytest.fixture
def celery_worker_specs(worker_spec):
    return [
        worker_spec("light", "light", "probe"),
        worker_spec("one", "encode", "trim"),
        worker_spec("two", "encode", "trim"),
    ]


@pytest.fixture
def job(system, stored, recording):
    """An exact edit that keeps an encode worker busy for some time."""
    asset = stored(recording)
    request = {"input": asset.id, "keep": [{"start": 1, "end": 59}], "mode": "exact", "preview": False}
    return submit.submit(asset.account_id, edit.plan(asset.account_id, EditSchema().load(request)))


def trim_of(job):
    return next(stage for stage in jobs.get(job.account_id, job.id).stages if stage.name == "trim")


def runs_on(system, job):
    """The encode worker that holds the trim."""
    owner = trim_of(job).lease_owner
    pid = int(owner.split("/")[1]) if owner else None
    nodes = [node.container for node in list(system.worker_cluster)[1:]]
    return next((node for node in nodes if node.status == "running" and pid in processes(node)), None)


def processes(node):
    return {process.pid: process for process in node.children()}


def stop(node):
    """Tell a worker to stop; return the seconds that it took, how it ended and which of its processes are left."""
    children = list(processes(node).values())
    began = time.monotonic()
    node.process.terminate()
    code = node.process.wait(4 * LONG_S)
    took = time.monotonic() - began
    return took, code, [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def ended(job):
    return jobs.get(job.account_id, job.id).status in states.TERMINAL


def test_what_is_not_done_in_time_starts_at_once_elsewhere(system, job, settings, tmp_path):
    wait_until(lambda: trim_of(job).progress > 0)
    first = runs_on(system, job)
    children = processes(first)
    began = time.monotonic()
    first.process.terminate()
    wait_until(lambda: (node := runs_on(system, job)) and node is not first)
    assert time.monotonic() - began > GRACE_S
    assert first.process.wait(LONG_S) == 0
    wait_until(lambda: not any(map(psutil.pid_exists, children)))

    wait_until(lambda: ended(job))
    done = jobs.get(job.account_id, job.id)
    assert done.status == states.SUCCEEDED, done.error
    assert [stage.attempt for stage in done.stages] == [1, 1, 1]
    with reading() as session:
        made = list(session.scalars(select(Artifact)))
    assert sorted(artifact.stage for artifact in made) == ["probe", "publish", "trim"]
    # Nothing half made is left.
    kept = {entry["key"] for artifact in made for entry in artifact.files.values()}
    assert set(storage_from(get_settings()).keys("")) == kept | {"assets/upl_x/source"}
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("grace_s", [NEVER_S])
def test_a_second_signal_does_not_wait(system, job):
    wait_until(lambda: trim_of(job).progress > 0)
    first = runs_on(system, job)
    first.process.terminate()
    first.process.send_signal(signal.SIGINT)
    wait_until(lambda: (node := runs_on(system, job)) and node is not first)
    assert first.process.wait(LONG_S) == 0


@pytest.mark.parametrize("grace_s", [NEVER_S])
def test_what_is_done_in_time_is_not_done_again(system, job):
    wait_until(lambda: trim_of(job).progress > 0)
    first = runs_on(system, job)
    took, code, left = stop(first)
    assert (code, left) == (0, [])
    trim = trim_of(job)
    assert (trim.status, trim.attempt) == (states.SUCCEEDED, 1)
    # It ends with its stage, not with the time that it was given.
    assert took < NEVER_S
    wait_until(lambda: ended(job))
    assert jobs.get(job.account_id, job.id).status == states.SUCCEEDED
    # The message was acknowledged: nobody gets it again.
    assert system.broker.container.client.hlen("unacked") == 0
    assert "Restoring" not in first.logs()


@pytest.mark.parametrize("grace_s", [NEVER_S])
def test_an_idle_worker_stops_at_once(system):
    for node in system.worker_cluster:
        took, code, left = stop(node.container)
        assert (code, left) == (0, [])
        assert took < LONG_S
