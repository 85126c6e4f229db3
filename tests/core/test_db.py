"""A session of a process that froze must not hold the others for ever."""

import os
import socket
import sys
import time
from contextlib import closing

import pytest
from sqlalchemy import create_engine, text

from core import db, jobs
from core.db import engine, reading, transaction, unhurried
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


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize("kind", [reading, transaction])
def test_a_statement_that_hangs_is_ended_but_not_one_that_may_take_long(kind, monkeypatch):
    monkeypatch.setenv("DATABASE_STATEMENT_S", "0.5")
    get_settings.cache_clear()
    with unhurried(), kind() as session:
        session.execute(text("SELECT pg_sleep(0.6)"))
    with pytest.raises(TransientError), kind() as session:
        session.execute(text("SELECT pg_sleep(600)"))


@pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")
@pytest.mark.usefixtures("postgres")
def test_a_request_that_nobody_acknowledges_is_given_up():
    with engine().connect() as connection:
        line = socket.socket(fileno=os.dup(connection.connection.fileno()))
        with closing(line):
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
