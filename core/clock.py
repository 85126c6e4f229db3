"""The database's clock: the one time that leases, queues and the reconciler go by.

Hosts' clocks differ, by seconds or by hours: whoever decides by the time of a row asks the database that keeps it. On
SQLite all processes are on one host, and its clock is the database's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from core.models.base import UtcDateTime

TIME = func.statement_timestamp(type_=UtcDateTime())
"""When the message that holds this came to the database; `core.db` teaches it to SQLite, as the next one."""

MOMENT = func.clock_timestamp(type_=UtcDateTime())
"""When it is evaluated: after what came in the same message, and what was waited for."""

_ASK = select(MOMENT)


class Later(FunctionElement[datetime]):
    """That time, and so many seconds: `Later(bindparam("seconds"))`."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(Later)
def _later(element: Later, compiler: Any, **options: Any) -> str:
    time, seconds = compiler.process(TIME, **options), compiler.process(element.clauses, **options)
    return f"({time} + make_interval(secs => {seconds}))"


@compiles(Later, "sqlite")
def _later_on_sqlite(element: Later, compiler: Any, **options: Any) -> str:
    return f"statement_timestamp({compiler.process(element.clauses, **options)})"


def moment(session: Session) -> datetime:
    """The database's time, aware, in UTC."""
    return session.execute(_ASK).scalar_one()
