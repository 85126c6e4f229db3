"""A session of a process that froze must not hold the others for ever."""

import time

import pytest

from core import jobs
from core.db import engine, transaction
from core.errors import TransientError
from core.settings import get_settings
from tests.core.rows import make_job
from tests.database import migrate


@pytest.fixture
def postgres(fresh_database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", fresh_database())
    monkeypatch.setenv("LEASE_S", "2")
    get_settings.cache_clear()
    migrate()
    yield
    engine().dispose()


@pytest.mark.usefixtures("postgres")
def test_who_falls_silent_in_a_transaction_loses_its_lock_as_it_loses_its_lease():
    job = make_job()
    begun = time.monotonic()

    def freeze():
        with transaction() as session:
            jobs.lock(session, job.id)
            assert jobs.cancel(job.account_id, job.id).status == "canceled"
            assert 1 < time.monotonic() - begun < 10

    with pytest.raises(TransientError, match=r"did not answer|went away"):
        freeze()
    assert jobs.get(job.account_id, job.id).status == "canceled"
