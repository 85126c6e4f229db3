"""What is sent to PostgreSQL together, and what becomes of it when something is wrong."""

import pytest
from psycopg2 import extensions
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.exc import DBAPIError

from core import jobs
from core.db import put_off, reading, single, transaction
from core.models import Job
from core.postgres import Connection
from tests.core.rows import make_job

pytestmark = pytest.mark.usefixtures("database")
on_postgres = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
RENAME = update(Job.__table__).where(Job.id == bindparam("its_id")).values(filename=bindparam("filename"))
NAME = select(Job.filename).where(Job.id == bindparam("its_id"))


def name_of(job):
    return jobs.get(job.account_id, job.id).filename


def rename(connection, job, name):
    put_off(connection, RENAME, {"its_id": job.id, "filename": name})


def test_what_was_put_off_is_done_before_what_follows_and_at_the_latest_by_the_commit():
    job = make_job()
    with transaction() as session:
        rename(session.connection(), job, "100%s one.mov")
        assert session.connection().scalar(NAME, {"its_id": job.id}) == "100%s one.mov"
        rename(session.connection(), job, "two.mov")
        rename(session.connection(), job, "three ' %(its_id)s; \\.mov")
    assert name_of(job) == "three ' %(its_id)s; \\.mov"


def test_a_single_statement_takes_along_what_was_put_off():
    job = make_job()
    with single() as connection:
        rename(connection, job, "one.mov")
        assert connection.scalar(NAME, {"its_id": job.id}) == "one.mov"
    assert name_of(job) == "one.mov"


@pytest.mark.parametrize("after", [lambda session: None, lambda session: session.execute(text("SELECT 1"))])
def test_what_is_wrong_with_it_undoes_all(after):
    job = make_job()

    def spoil():
        with transaction() as session:
            rename(session.connection(), job, "one.mov")
            put_off(session.connection(), RENAME, {"its_id": job.id, "filename": None})
            after(session)

    with pytest.raises(DBAPIError, match=r"(?i)not.null"):
        spoil()
    assert name_of(job) == "lecture.mov"


def test_what_was_put_off_in_a_transaction_that_fails_is_forgotten():
    job = make_job()

    def give_up():
        with transaction() as session:
            rename(session.connection(), job, "one.mov")
            raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            give_up()
        assert name_of(job) == "lecture.mov"


@on_postgres
def test_a_connection_comes_back_without_a_transaction():
    for session_of in (transaction, reading, transaction):
        with session_of() as session:
            driven = session.connection().connection.dbapi_connection
            assert isinstance(driven, Connection)
            assert driven.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE
            session.execute(text("SELECT 1"))
            inside = driven.get_transaction_status() == extensions.TRANSACTION_STATUS_INTRANS
            assert inside == (session_of is transaction)
        assert driven.get_transaction_status() == extensions.TRANSACTION_STATUS_IDLE


@on_postgres
def test_an_error_amid_a_transaction_leaves_none_behind():
    def fail():
        with transaction() as session:
            session.execute(text("SELECT 1"))
            session.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError, match="division by zero"):
        fail()
    with transaction() as session:
        assert session.scalar(text("SELECT 1")) == 1
