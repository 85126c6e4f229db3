"""The real workers as nodes of pytest-celery: what happens to a job when they die."""

import sys
from fractions import Fraction

import pytest
from sqlalchemy import select

from core import accounts, jobs, states
from core.db import transaction
from core.models import Artifact, Asset
from core.settings import get_settings
from core.storage import storage_from
from media.sample import make_sample
from pipelines import edit, reconciler, submit
from pipelines.edit_schema import EditSchema
from tests.broker import use_broker
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
    """One system for the workers and for this process."""
    return {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cutwork.db'}",
        "STORAGE_DIR": str(tmp_path / "storage"),
        "LEASE_S": "3",
        # The stage that a worker is killed in shall be one.
        "ENCODE_WIDTH": "1",
    }


@pytest.fixture
def celery_worker_specs(settings):
    def spec(pool, queue):
        command = [sys.executable, "-m", "tasks", "worker", pool]
        return WorkerSpec(pool, command, env=settings, queue=queue)

    return [spec("light", "probe"), spec("encode", "trim")]


@pytest.fixture
def system(celery_setup, settings, monkeypatch):
    """Point this process at the same database, storage and broker."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with use_broker(celery_setup.broker.container.celeryconfig["host_url"], monkeypatch):
        migrate()
        yield celery_setup


@pytest.fixture
def asset(system, tmp_path):
    path = tmp_path / "minute.mp4"
    make_sample(path, seconds=Fraction(60), fps=Fraction(25), size=(640, 360))
    storage_from(get_settings()).put_file("assets/upl_x/source", path, content_type="video/mp4")
    with transaction() as session:
        asset = Asset(
            account_id=accounts.default_account().id,
            filename="minute.mp4",
            content_type="video/mp4",
            size=path.stat().st_size,
            sha256="0" * 64,
            storage_key="assets/upl_x/source",
        )
        session.add(asset)
    return asset


def start(asset):
    request = EditSchema().load(
        {"input": asset.id, "keep": [{"start": 1, "end": 59}], "mode": "exact", "preview": False}
    )
    return submit.submit(asset.account_id, edit.plan(asset.account_id, request))


def stage_of(job, name):
    return next(stage for stage in jobs.get(job.account_id, job.id).stages if stage.name == name)


def ended(job):
    reconciler.run()
    return jobs.get(job.account_id, job.id).status in states.TERMINAL


def test_a_worker_that_is_killed_costs_its_stage_only(system, asset):
    job = start(asset)
    encode = system.worker_cluster[1]
    wait_until(lambda: stage_of(job, "trim").progress > 0, 60)
    encode.kill()
    assert stage_of(job, "trim").status == states.RUNNING
    encode.restart()
    wait_until(lambda: ended(job), 120)
    done = jobs.get(job.account_id, job.id)
    assert done.status == states.SUCCEEDED, done.error
    assert [stage.attempt for stage in done.stages] == [1, 2, 1]
    with transaction() as session:
        assert sorted(session.scalars(select(Artifact.stage))) == ["probe", "publish", "trim"]


def test_a_broker_that_forgets_everything_loses_no_job(system, asset, monkeypatch):
    encode = system.worker_cluster[1]
    encode.kill()
    job = start(asset)
    wait_until(lambda: stage_of(job, "probe").status == states.SUCCEEDED, 60)
    system.broker.container.client.flushall()
    encode.restart()
    monkeypatch.setenv("REDELIVER_AFTER_S", "2")
    get_settings.cache_clear()
    wait_until(lambda: ended(job), 120)
    done = jobs.get(job.account_id, job.id)
    assert done.status == states.SUCCEEDED, done.error
    assert [stage.attempt for stage in done.stages] == [1, 1, 1]
