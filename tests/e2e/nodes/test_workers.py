"""The real workers as nodes of pytest-celery: what happens to a job when they die."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core import jobs, states
from core.db import transaction
from core.models import Artifact, JobStage, now
from core.settings import get_settings
from pipelines import edit, reconciler, submit
from pipelines.edit_schema import EditSchema
from tests.services.process import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def changes():
    # The stage that a worker is killed in shall be one.
    return {"LEASE_S": "300", "ENCODE_WIDTH": "1"}


@pytest.fixture
def celery_worker_specs(worker_spec):
    return [worker_spec("light", "light", "probe"), worker_spec("encode", "encode", "trim")]


@pytest.fixture
def asset(system, stored, recording):
    return stored(recording)


@pytest.fixture
def scratch(tmp_path):
    """The folder that the fixture `settings` gives the workers."""
    return tmp_path / "scratch"


def start(asset):
    request = EditSchema().load(
        {"input": asset.id, "keep": [{"start": 1, "end": 59}], "mode": "exact", "preview": False}
    )
    return submit.submit(asset.account_id, edit.plan(asset.account_id, request))


def stage_of(job, name):
    return next(stage for stage in jobs.get(job.account_id, job.id).stages if stage.name == name)


def let_the_lease_run_out(job):
    """Now, and not by itself: a lease of a few seconds would be lost too where the machine stands still for so long."""
    with transaction() as session:
        session.get_one(JobStage, (job.id, "trim")).lease_expires_at = now() - timedelta(seconds=1)


def ended(job):
    reconciler.run()
    return jobs.get(job.account_id, job.id).status in states.TERMINAL


def test_a_worker_that_is_killed_costs_its_stage_only(system, asset, scratch):
    job = start(asset)
    encode = system.worker_cluster[1]
    wait_until(lambda: stage_of(job, "trim").progress > 0)
    encode.kill()
    assert stage_of(job, "trim").status == states.RUNNING
    let_the_lease_run_out(job)
    left = list(scratch.iterdir())
    assert left
    encode.restart()
    # Nothing is sent to it yet: it clears up by itself.
    wait_until(lambda: not any(path.exists() for path in left))
    wait_until(lambda: ended(job))
    done = jobs.get(job.account_id, job.id)
    assert done.status == states.SUCCEEDED, done.error
    assert [stage.attempt for stage in done.stages] == [1, 2, 1]
    with transaction() as session:
        assert sorted(session.scalars(select(Artifact.stage))) == ["probe", "publish", "trim"]


def test_a_broker_that_forgets_everything_loses_no_job(system, asset, monkeypatch):
    encode = system.worker_cluster[1]
    encode.kill()
    job = start(asset)
    wait_until(lambda: stage_of(job, "probe").status == states.SUCCEEDED)
    system.broker.container.client.flushall()
    encode.restart()
    monkeypatch.setenv("REDELIVER_AFTER_S", "2")
    get_settings.cache_clear()
    wait_until(lambda: ended(job))
    done = jobs.get(job.account_id, job.id)
    assert done.status == states.SUCCEEDED, done.error
    assert [stage.attempt for stage in done.stages] == [1, 1, 1]
