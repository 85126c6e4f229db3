"""Sessions: one engine a process, short transactions, one error for a database that cannot be reached."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from sqlalchemy import (
    URL,
    ClauseElement,
    Connection,
    Dialect,
    Engine,
    ExceptionContext,
    Executable,
    Table,
    Update,
    bindparam,
    create_engine,
    event,
    inspect,
    make_url,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Mapper, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler

from core import postgres
from core.errors import TransientError
from core.models import base
from core.settings import get_settings
from core.telemetry import metrics, tracing

_SQLITE_BUSY_MS = 30_000
_PRIVATE = {"hide_parameters": True}
"""Errors of the database do not repeat the values of a statement, addresses and hashes among them, into the log."""
_UNHURRIED: ContextVar[bool] = ContextVar("unhurried", default=False)
_READ_ONLY = "25006"
"""PostgreSQL's `read_only_sql_transaction` (its manual, appendix A)."""
_FRESH_S = 1.0
"""A connection that was used so many seconds ago is taken for whole."""


@contextmanager
def transaction() -> Iterator[Session]:
    """Yield a session that commits at the end, or rolls back when the block raises.

    Raises TransientError `database_unavailable` when the connection is lost, a lock is not had in time, or the server
    takes no writes.
    """
    with _session(write=True, whole=True) as session:
        yield session


@contextmanager
def single() -> Iterator[Connection]:
    """Yield a connection for one statement that writes: it is a transaction by itself. Raises as `transaction`."""
    with _answering(), _bound(engine(), write=True, whole=False).connect() as connection:
        yield connection
        connection.commit()


@contextmanager
def reading() -> Iterator[Session]:
    """Yield a session for reading only: it never waits for a writer and is never committed."""
    with _session(write=False, whole=False) as session:
        yield session


def writes(session: Session) -> bool:
    """Whether the session is one of `transaction`, not of `reading`."""
    return bool(session.get_bind().get_execution_options().get("cutwork_write"))


def write(session: Session) -> None:
    """Write what was changed of rows that were read, and let the session forget them.

    For what is done all the time: the session's own way, which finds out by itself what depends on what, costs three
    times as much. Where rows were added or deleted it is left to that.
    """
    if session.new or session.deleted:
        session.flush()
        return
    connection = session.connection()
    for row in session.dirty:
        state = inspect(row)
        changed = frozenset(state.mapper.column_attrs.keys()) - state.unmodified
        if changed:
            values = {name: getattr(row, name) for name in changed}
            keys = zip(_keys(state.mapper), state.identity, strict=True)
            put_off(connection, _update(state.mapper, changed), values | dict(keys))
    session.expunge_all()


def put_off(connection: Connection, statement: ClauseElement, values: dict[str, Any]) -> None:
    """Let a statement whose answer nobody wants travel with the connection's next one, or with its commit; these also
    raise what is wrong with it.

    `statement` is kept: one that is made once, not for each use. SQLite, to which nothing travels, executes it at once.
    """
    driven = connection.connection.dbapi_connection
    if not isinstance(driven, postgres.Connection):
        connection.execute(cast("Executable", statement), values)
        return
    words, conversions = _words(statement, connection.dialect, frozenset(values))
    driven.put_off(words, values | {name: convert(values[name]) for name, convert in conversions})


@lru_cache(maxsize=256)
def _words(
    statement: ClauseElement, dialect: Dialect, names: frozenset[str]
) -> tuple[str, list[tuple[str, Callable[[Any], Any]]]]:
    """A statement as the driver takes it, and how it takes those values that it does not take as they are."""
    compiled = cast("SQLCompiler", statement.compile(dialect=dialect, column_keys=sorted(names)))
    found = {
        name: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind, name in compiled.bind_names.items()
    }
    return str(compiled), [(name, convert) for name, convert in found.items() if convert is not None]


@lru_cache(maxsize=256)
def _update(mapper: Mapper[Any], changed: frozenset[str]) -> Update:
    table = cast("Table", mapper.local_table)
    found = (column == bindparam(key) for key, column in zip(_keys(mapper), mapper.primary_key, strict=True))
    return update(table).where(*found).values({name: bindparam(name) for name in changed})


def _keys(mapper: Mapper[Any]) -> list[str]:
    return [f"its_{column.name}" for column in mapper.primary_key]


@contextmanager
def _session(*, write: bool, whole: bool) -> Iterator[Session]:
    with _answering(), Session(_bound(engine(), write, whole), expire_on_commit=False) as session:
        yield session
        if write:
            session.commit()


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        metrics.DATABASE_UNAVAILABLE.inc()
        raise TransientError("database_unavailable", "The database did not answer; try again shortly.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            metrics.DATABASE_UNAVAILABLE.inc()
            raise TransientError("database_unavailable", "The database went away; try again shortly.") from error
        raise


@lru_cache(maxsize=8)
def _bound(bare: Engine, write: bool, whole: bool) -> Engine:
    """The same engine, with the options of a kind of session."""
    # A server makes each statement a transaction by itself: then neither a begin nor an end has to travel.
    serves = bare.dialect.name != "sqlite"
    alone = {"isolation_level": "AUTOCOMMIT"} if serves and not whole else {}
    return bare.execution_options(cutwork_write=write, **alone)


def engine() -> Engine:
    """Return this process's engine; a forked child makes its own."""
    url, pid = get_settings().database_url, os.getpid()
    if _UNHURRIED.get() and make_url(url).get_backend_name() != "sqlite":
        return _engine(url, pid, hurried=False)
    return _engine(url, pid)


@contextmanager
def unhurried() -> Iterator[None]:
    """Let statements take as long as they do while the block runs: migrations, sweeps of all that there is."""
    token = _UNHURRIED.set(True)
    try:
        yield
    finally:
        own = engine()
        _UNHURRIED.reset(token)
        if own is not engine():
            own.dispose()


@lru_cache(maxsize=8)
def _engine(url: str, pid: int, *, hurried: bool = True) -> Engine:  # noqa: ARG001 - a forked child makes its own
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        how = _patience(parsed) | {"connection_factory": postgres.Connection}
        made = create_engine(parsed, **_PRIVATE, pool_size=5, max_overflow=20, pool_recycle=1800, connect_args=how)
        event.listen(made, "connect", _prepare_postgres)
        if hurried:
            event.listen(made, "connect", _hurry)
        event.listen(made, "checkin", _note_use)
        event.listen(made, "checkout", _ping_when_idle)
        event.listen(made, "handle_error", _leave_what_is_read_only)
        tracing.watch_engine(made)
        return made
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    made = create_engine(
        parsed, **_PRIVATE, connect_args={"timeout": _SQLITE_BUSY_MS / 1000, "check_same_thread": False}
    )
    event.listen(made, "connect", _prepare_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    tracing.watch_engine(made)
    return made


def _patience(url: URL) -> dict[str, Any]:
    """How long a server may be silent that vanished without a word, as libpq's connection parameters."""
    # Keepalives are for a connection on which nothing is under way: a request that nobody acknowledges is sent anew
    # for a quarter of an hour else (tcp(7), TCP_USER_TIMEOUT).
    silent_ms = round(get_settings().database_silence_s * 1000)
    patience = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    return {
        name: value for name, value in (patience | {"tcp_user_timeout": silent_ms}).items() if name not in url.query
    }


def _prepare_postgres(connection: Any, _record: object) -> None:
    # A process that froze, or a host that vanished, amid a transaction keeps its locks, and with a job's row stops
    # the reconciler and every request for the job. It shall lose them no later than it loses its lease.
    _set(connection, "idle_in_transaction_session_timeout", get_settings().lease_s)


def _hurry(connection: Any, _record: object) -> None:
    _set(connection, "statement_timeout", get_settings().database_statement_s)


def _set(connection: Any, name: str, seconds: float) -> None:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"SET {name} = {round(seconds * 1000)}")
    connection.autocommit = False


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_when_idle(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    # A ping before every use, as the pool would do it, costs more than what most stages do in the database.
    if time.monotonic() - record.info.get("used_at", time.monotonic()) < _FRESH_S:
        return
    dialect = engine().dialect
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        # The pool then makes a new one, and trusts none that is older.
        raise InvalidatePoolError from error


def _leave_what_is_read_only(context: ExceptionContext) -> None:
    # A server that became the standby, or whose disk ran full, goes on to answer and takes nothing. Another connection
    # finds the one that does; until then it is as good as away.
    if getattr(context.original_exception, "pgcode", None) == _READ_ONLY:
        context.is_disconnect = True


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` says which kind is wanted.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={_SQLITE_BUSY_MS}")
    # The database's clock (`core.clock`) as SQLite stores times: UTC, without a zone.
    for name in ("statement_timestamp", "clock_timestamp"):
        connection.create_function(name, -1, _tell_sqlite)


def _tell_sqlite(later_s: float = 0) -> str:
    return f"{base.now() + timedelta(seconds=later_s):%Y-%m-%d %H:%M:%S.%f}"


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a deferred transaction that upgrades later fails without waiting.
    write = connection.get_execution_options().get("cutwork_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def check() -> None:
    """Answer whether the database is there; raises TransientError when it is not."""
    with reading() as session:
        session.execute(text("SELECT 1"))
