"""Real workers as nodes of pytest-celery, on a system that this process shares with them."""

import sys
from fractions import Fraction

import pytest

from core import accounts
from core.db import transaction
from core.models import Asset
from core.settings import get_settings
from core.storage import storage_from
from media.sample import make_sample
from tests.broker import use_broker
from tests.database import migrate
from tests.services.celery_nodes import (
    WorkerSpec,
    celery_backend_cluster,
    celery_broker_cluster,
    celery_nodes_folder,
    celery_worker_cluster,
)

__all__ = ["celery_backend_cluster", "celery_broker_cluster", "celery_nodes_folder", "celery_worker_cluster"]


@pytest.fixture
def changes():
    """What a test file sets besides; override it."""
    return {}


@pytest.fixture
def settings(tmp_path, changes):
    """One system for the workers and for this process."""
    (tmp_path / "scratch").mkdir()
    return {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cutwork.db'}",
        "STORAGE_DIR": str(tmp_path / "storage"),
        "SCRATCH_DIR": str(tmp_path / "scratch"),
    } | changes


@pytest.fixture
def worker_spec(settings):
    """Give a worker of a pool a name, and a queue to ask for it by."""

    def spec(name, pool, queue):
        return WorkerSpec(name, [sys.executable, "-m", "tasks", "worker", pool], env=settings, queue=queue)

    return spec


@pytest.fixture
def system(celery_setup, settings, monkeypatch):
    """Point this process at the same database, storage and broker."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with use_broker(celery_setup.broker.container.celeryconfig["host_url"], monkeypatch):
        migrate()
        yield celery_setup


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    """A minute: an exact encode of it takes long enough to be met by something."""
    path = tmp_path_factory.mktemp("recording") / "minute.mp4"
    make_sample(path, seconds=Fraction(60), fps=Fraction(25), size=(640, 360))
    return path


@pytest.fixture
def stored():
    """Make a file an asset of the default account, without the API."""

    def store(path):
        storage_from(get_settings()).put_file("assets/upl_x/source", path, content_type="video/mp4")
        with transaction() as session:
            asset = Asset(
                account_id=accounts.default_account().id,
                filename=path.name,
                content_type="video/mp4",
                size=path.stat().st_size,
                sha256="0" * 64,
                storage_key="assets/upl_x/source",
            )
            session.add(asset)
        return asset

    return store
