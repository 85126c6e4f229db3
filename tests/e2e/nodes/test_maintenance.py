"""Recovery has a pool of its own: it does not wait until a process that runs stages is free."""

from datetime import timedelta

import pytest

from core import jobs, leases, states
from core.db import transaction
from core.leases import Claim, Lease
from core.models import JobStage, now
from tasks.app import celery_app
from tests.core.rows import make_job
from tests.services.process import wait_until

pytestmark = pytest.mark.e2e


@pytest.fixture
def changes():
    return {"WORKER_PROCESSES": "1"}


@pytest.fixture
def celery_worker_specs(worker_spec):
    return [worker_spec("light", "light", "probe"), worker_spec("maintenance", "maintenance", "reconcile")]


def trim_of(job):
    return next(stage for stage in jobs.get(job.account_id, job.id).stages if stage.name == "trim")


def test_lost_work_is_recovered_while_all_light_processes_are_busy(system):
    light, maintenance = (node.container for node in system.worker_cluster)
    [busy] = light.children()
    busy.suspend()  # as good as a publish of an hour
    try:
        job = make_job()
        with transaction() as session:
            session.get_one(JobStage, (job.id, "probe")).status = states.SUCCEEDED
            session.get_one(JobStage, (job.id, "trim")).queued_at = now()
        claimed = leases.claim(Lease(job.id, "trim", 1, "gone/1/x"), seconds=15, attempts=4)
        assert isinstance(claimed, Claim)
        with transaction() as session:
            session.get_one(JobStage, (job.id, "trim")).lease_expires_at = now() - timedelta(seconds=1)
        celery_app.send_task("reconcile", retry=False)
        wait_until(lambda: trim_of(job).status == states.QUEUED)
        wait_until(lambda: system.broker.container.client.llen("trim") == 1)
    finally:
        busy.resume()
    # One process may keep house for long; the other one stays free.
    assert len(maintenance.children()) == 2
