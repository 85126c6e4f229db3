"""Who is struck: the processes that hold a lease right now, and the choice that a fault's `pick` makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import psutil
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.chaos.fleet import Fleet
from tests.chaos.scenario import Fault

_SOON_S = 15.0
_HOLDERS = text("SELECT lease_owner FROM job_stages WHERE status = 'running' AND lease_expires_at > now() ORDER BY 1")
T = TypeVar("T")


def busy_child(fleet: Fleet, engine: Engine, fault: Fault) -> psutil.Process | None:
    """A pool child that holds a lease, one of them at random; wait a little for one."""
    found: list[psutil.Process] = []

    def look() -> bool:
        children = {one.pid: one for service in fleet.workers for one in service.processes()[1:]}
        found[:] = [children[pid] for pid in _holders(engine) if pid in children]
        return bool(found)

    return choose(found, fault) if soon(look) else None


def _holders(engine: Engine) -> list[int]:
    try:
        with engine.connect() as connection:
            return [int(owner.split("/")[1]) for owner in connection.scalars(_HOLDERS)]
    except DBAPIError:
        return []


def choose(things: Sequence[T], fault: Fault) -> T:
    """The one that the fault's `pick` falls on."""
    return things[int(fault.pick * len(things))]


def soon(condition: Callable[[], bool], seconds: float = _SOON_S) -> bool:
    """Poll for a few seconds until it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def send(process: psutil.Process, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
