"""Recovery has a pool of its own: it does not wait until a process that runs stages is free."""

import sys
from datetime import timedelta

import pytest

from core import jobs, leases, states
from core.db import transaction
from core.leases import Lease
from core.models import JobStage, now
from tasks.app import celery_app
from tests.broker import use_broker
from tests.core.rows import make_job
from tests.database import migrate
from tests.services.celery_nodes import (
    WorkerSpec,
    celery_backend_cluster,
    celery_broker_cluster,
    celery_nodes_folder,
    celery_worker_cluster,
)
from tests.services.process import wait_until

__all__ = ["celery_backend_cluster", "celery_broker_cluster", "celery_nodes_folder", "celery_worker_cluster"]
pytestmark = pytest.mark.e2e


@pytest.fixture
def settings(tmp_path):
    return {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cutwork.db'}",
        "STORAGE_DIR": str(tmp_path / "storage"),
        "WORKER_PROCESSES": "1",
    }


@pytest.fixture
def celery_worker_specs(settings):
    def spec(pool, queue):
        return WorkerSpec(pool, [sys.executable, "-m", "tasks", "worker", pool], env=settings, queue=queue)

    return [spec("light", "probe"), spec("maintenance", "reconcile")]


@pytest.fixture
def system(celery_setup, settings, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with use_broker(celery_setup.broker.container.celeryconfig["host_url"], monkeypatch):
        migrate()
        yield celery_setup


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
        leases.claim(Lease(job.id, "trim", 1, "gone/1/x"), seconds=15, attempts=4)
        with transaction() as session:
            session.get_one(JobStage, (job.id, "trim")).lease_expires_at = now() - timedelta(seconds=1)
        celery_app.send_task("reconcile", retry=False)
        wait_until(lambda: trim_of(job).status == states.QUEUED, 10)
        wait_until(lambda: system.broker.container.client.llen("trim") == 1, 10)
    finally:
        busy.resume()
    # One process may keep house for long; the other one stays free.
    assert len(maintenance.children()) == 2
