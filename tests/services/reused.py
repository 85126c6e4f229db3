"""One migrated PostgreSQL database for one test after the other: to empty it is quicker than to make another."""

import itertools
import os
from contextlib import closing, contextmanager

import psycopg2
from sqlalchemy import make_url

from core import db
from tests.services import postgres

_TEMPLATE = "migrated"
_MOST_BYTES = 32 << 20
_TABLES = """SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"""
_END_OTHERS = """SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()"""
# A test may have filled it, or given it settings of its own.
_IS_SPOILED = f"""SELECT pg_database_size(current_database()) > {_MOST_BYTES} OR EXISTS (
                    SELECT 1 FROM pg_db_role_setting AS own JOIN pg_database ON pg_database.oid = own.setdatabase
                    WHERE datname = current_database())"""


class ReusedDatabase:
    """Databases of a server, one at a time; `migrate` makes the tables of the one at a URL."""

    def __init__(self, port: int, migrate) -> None:
        self._port, self._numbers = port, itertools.count()
        url = postgres.create_database(port, _TEMPLATE)
        migrate(url)
        with _connected(url) as cursor:
            self._tables = _rows(cursor, _TABLES)
        self._url: str | None = None

    def take(self) -> str:
        """Return the URL of a database without rows; who was given it before has it no longer."""
        if self._url is None or not self._emptied(self._url):
            name = f"{_TEMPLATE}_{next(self._numbers)}"
            self._url = postgres.create_database(self._port, name, template=_TEMPLATE)
        return self._url

    def _emptied(self, url: str) -> bool:
        db._engine(url, os.getpid()).dispose()
        with _connected(url) as cursor:
            cursor.execute(_END_OTHERS)
            if _rows(cursor, _IS_SPOILED) != [False] or _rows(cursor, _TABLES) != self._tables:
                return False
            cursor.execute("SET session_replication_role = replica")
            for table in self._tables:
                if not table.endswith(".alembic_version"):
                    cursor.execute(f"DELETE FROM {table}")
        return True


def _rows(cursor, statement: str) -> list:
    cursor.execute(statement)
    return [row[0] for row in cursor.fetchall()]


@contextmanager
def _connected(url: str):
    """Yield a cursor whose statements are each a transaction."""
    parsed = make_url(url)
    connection = psycopg2.connect(host=parsed.host, port=parsed.port, user=parsed.username, dbname=parsed.database)
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        yield cursor
