"""Checks of database, broker and live events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from admin.findings import Finding, fault, ok, warning
from core import clock, events
from core.db import engine, reading
from core.errors import TransientError
from core.settings import get_settings
from migrations.__main__ import INI
from tasks.queues import depths
from tasks.stages import POOLS
from tasks.stages import queues as queues_of

SKEW_S = 5.0


def database() -> Iterator[Finding]:
    """Whether it answers, has this version's tables, keeps commits, and its clock is that of this host."""
    try:
        with reading() as session:
            began = time.time()
            there = clock.moment(session).timestamp()
            skew = there - (began + time.time()) / 2
    except TransientError as error:
        yield fault("database", str(error.__cause__ or error).splitlines()[0], "Start it, or correct DATABASE_URL.")
        return
    kind = engine().dialect.name
    yield (
        ok("database", f"{kind} answers")
        if kind != "sqlite"
        else warning(
            "database", "SQLite", "Fine to try it out; set DATABASE_URL to PostgreSQL for more than one machine."
        )
    )
    yield _migrations()
    yield _skew("clock of the database", skew)
    if kind == "postgresql":
        yield from _postgresql()


def _migrations() -> Finding:
    with engine().connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(Config(str(INI))).get_current_head()
    if current == head:
        return ok("migrations", f"at {head}")
    return fault("migrations", f"at {current or 'nothing'}, this version needs {head}", "Run: cutwork admin migrate")


def _skew(check: str, seconds: float) -> Finding:
    if abs(seconds) < SKEW_S:
        return ok(check, f"{seconds:+.1f} s from here")
    return warning(check, f"{seconds:+.1f} s from here", "Keep hosts together by NTP: signed addresses end by them.")


def _postgresql() -> Iterator[Finding]:
    with reading() as session:
        found: dict[str, str] = {
            name: session.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("server_version", "fsync", "synchronous_commit", "max_connections")
        }
    yield ok("PostgreSQL", f"{found['server_version']}, {found['max_connections']} connections")
    lax = [name for name in ("fsync", "synchronous_commit") if found[name] == "off"]
    if lax:
        yield warning("durability", f"{', '.join(lax)} off", "Turn it on: a commit that is lost is work that is lost.")


def broker() -> Iterator[Finding]:
    """Whether it takes messages and keeps them."""
    try:
        waiting = sum(depths(queue for pool in POOLS for queue in queues_of(pool)).values())
    except TransientError as error:
        yield fault("broker", str(error.__cause__ or error), "Start it, or correct BROKER_URL.")
        return
    scheme = urlsplit(get_settings().broker_url).scheme
    yield ok("broker", f"{scheme} answers, {waiting} messages wait")
    if scheme.startswith("redis"):
        yield from _redis("broker", get_settings().broker_url)


def live_events() -> Iterator[Finding]:
    """Whether Redis for live events and chord counters answers."""
    url = get_settings().events_url
    try:
        events.check()
    except TransientError as error:
        yield fault("live events", str(error.__cause__ or error), "Start Redis, or correct REDIS_URL.")
        return
    yield ok("live events", "answer")
    if url != get_settings().broker_url:
        yield from _redis("live events", url)


def _redis(check: str, url: str) -> Iterator[Finding]:
    with redis.Redis.from_url(url, decode_responses=True, socket_timeout=5) as client:
        about: Any = client.info()
    policy = about.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        yield ok(f"{check}: memory", f"{about['used_memory_human']}, noeviction")
    else:
        yield fault(f"{check}: memory", f"maxmemory-policy {policy}", "Set noeviction: else messages are dropped.")
    if not about.get("aof_enabled") and not about.get("rdb_last_save_time"):
        yield warning(f"{check}: disk", "nothing is saved", "Turn appendonly on: a restart costs REDELIVER_AFTER_S.")


def tables_there() -> bool:
    """Whether what needs the tables can be asked."""
    try:
        with reading() as session:
            session.execute(text("SELECT 1 FROM jobs LIMIT 1"))
    except (TransientError, SQLAlchemyError):
        return False
    return True
