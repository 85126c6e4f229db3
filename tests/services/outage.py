"""A database that is away, or takes no writes, for a while: for its clients as real as the server's own end."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy import make_url

_DROP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@contextmanager
def away(url: str) -> Iterator[None]:
    """Refuse connections to one database while the block runs, and drop those that there are."""
    with _between(url, "ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true"):
        yield


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """Let connections to one database read alone, as after a failover; those that were made meanwhile stay so."""
    with _between(url, "SET default_transaction_read_only = on", "RESET default_transaction_read_only"):
        yield


@contextmanager
def _between(url: str, before: str, after: str) -> Iterator[None]:
    named = make_url(url)
    connection = psycopg2.connect(host=named.host, port=named.port, user=named.username, dbname="postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{named.database}" {before}')
            cursor.execute(_DROP, (named.database,))
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{named.database}" {after}')
        connection.close()
