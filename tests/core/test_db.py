"""A session of a process that froze must not hold the others for ever."""

import time

import pytest
from sqlalchemy import create_engine, text

from core import db, jobs
from core.db import engine, reading, transaction
from core.errors import TransientError
from core.settings import get_settings
from tests.core.rows import make_job
from tests.services.process import LONG_S


@pytest.fixture
def postgres(migrated_database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", migrated_database())
    monkeypatch.setenv("LEASE_S", "2")
    get_settings.cache_clear()
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
            assert 1 < time.monotonic() - begun < LONG_S

    with pytest.raises(TransientError, match=r"did not answer|went away"):
        freeze()
    assert jobs.get(job.account_id, job.id).status == "canceled"


@pytest.mark.usefixtures("postgres")
def test_connections_that_a_server_dropped_cost_nobody_an_error(monkeypatch):
    """A ping finds the broken one before it is used, and with it all that are as old."""
    monkeypatch.setattr(db, "_FRESH_S", 0.0)
    job = make_job()
    with reading() as one, reading() as two:
        here = {session.scalar(text("SELECT pg_backend_pid()")) for session in (one, two)}
    outside = create_engine(engine().url, isolation_level="AUTOCOMMIT")
    with outside.connect() as connection:
        for pid in here:
            assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    outside.dispose()
    assert jobs.get(job.account_id, job.id).status == "queued"
    assert jobs.cancel(job.account_id, job.id).status == "canceled"
