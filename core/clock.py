"""The database's clock: the one time that leases, queues and the reconciler go by.

Hosts' clocks differ, by seconds or by hours: whoever decides by the time of a row asks the database that keeps it. On
SQLite all processes are on one host, and its clock is the database's.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.models.base import UtcDateTime

TIME = func.statement_timestamp(type_=UtcDateTime())
"""When the statement that holds this came to the database; `core.db` teaches it to SQLite."""

_ASK = select(TIME)


def moment(session: Session) -> datetime:
    """The database's time, aware, in UTC."""
    return session.execute(_ASK).scalar_one()
