"""Brings the database to this version's tables, once it answers: `python -m migrations --wait 300`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from core import db
from core.errors import TransientError
from core.log import configure_logging
from core.settings import get_settings

INI = Path(__file__).parent.parent / "alembic.ini"
_LOCK = 0x63757477
"""Any number, as long as every version uses it."""
_log = structlog.get_logger("migrations")


def upgrade(*, wait_s: float) -> None:
    """Apply what is missing; one process at a time does on PostgreSQL.

    Raises TransientError `database_unavailable` when the database does not answer within `wait_s` seconds.
    """
    _wait(time.monotonic() + wait_s)
    with db.unhurried(), _alone():
        command.upgrade(Config(str(INI)), "head")


def _wait(deadline: float) -> None:
    while True:
        try:
            return db.check()
        except TransientError:
            if time.monotonic() >= deadline:
                raise
            _log.info("waiting for the database")
            time.sleep(2)


@contextmanager
def _alone() -> Iterator[None]:
    if db.engine().dialect.name == "sqlite":
        yield
        return
    # Without a transaction: it would stand idle meanwhile, and be ended for it.
    with db.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})


def main() -> int:
    """Run as a program; returns 1 when the database is away."""
    parser = argparse.ArgumentParser(prog="python -m migrations", description=__doc__)
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="how long the database may be away")
    asked = parser.parse_args()
    configure_logging(json=get_settings().log_json)
    try:
        upgrade(wait_s=asked.wait)
    except TransientError as error:
        _log.error("not migrated", reason=error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
