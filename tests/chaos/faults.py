"""The blows: one function for each kind of `scenario.STORM`."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import psutil
import redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.chaos.fleet import Fleet
from tests.chaos.messages import Copier, shuffle
from tests.chaos.scenario import Fault
from tests.chaos.servers import Servers
from tests.chaos.service import Service

_SOON_S = 4.0
_STORAGE_SHARE = {"error": 0.7, "stall": 0.5, "cut": 0.5}
T = TypeVar("T")


@dataclass
class Storm:
    """Strikes a fleet; `killed` tells when which processes were, `done` what was done how often."""

    fleet: Fleet
    servers: Servers
    engine: Engine
    seed: int
    killed: list[tuple[datetime, list[int]]] = field(default_factory=list)
    stopped: list[tuple[datetime, list[int], float]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    idle: Counter[str] = field(default_factory=Counter)
    """Faults that found nothing to strike."""
    _kill_on_accept: threading.Event = field(default_factory=threading.Event)
    _one_storage: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, fault: Fault) -> None:
        """Do it, and return when it is over."""
        kind, _, what = fault.kind.partition("_")
        hit = getattr(self, f"_{kind}")(what, fault)
        (self.idle if hit is False else self.done)[fault.kind] += 1

    def accepted(self) -> None:
        """A job was accepted this very moment."""
        if self._kill_on_accept.is_set():
            self._kill_on_accept.clear()
            self._kill_all(self.fleet.api)

    def _kill(self, what: str, fault: Fault) -> bool:
        if what == "api":
            # Best right after it accepted a job, before it does anything more.
            self._kill_on_accept.set()
            _until(lambda: not self._kill_on_accept.is_set())
            self.accepted()
        elif what == "beat":
            self._kill_all(self.fleet.beat)
        elif what == "worker":
            self._kill_all(_one(self.fleet.workers, fault))
        else:
            child = self._busy_child(fault)
            if child is None:
                return False
            self.killed.append((datetime.now(UTC), [child.pid]))
            _signal(child, signal.SIGKILL)
        return True

    def _stop(self, what: str, fault: Fault) -> bool:
        child = self._busy_child(fault)
        if child is None:
            return False
        hit = [child]
        if what == "worker":
            hit = next((s.processes() for s in self.fleet.workers if child in s.processes()), hit)
        self.stopped.append((datetime.now(UTC), [process.pid for process in hit], fault.hold_s))
        for process in hit:
            _signal(process, signal.SIGSTOP)
        time.sleep(fault.hold_s)
        for process in hit:
            _signal(process, signal.SIGCONT)
        return True

    def _restart(self, what: str, fault: Fault) -> None:
        if what == "postgres":
            self.servers.postgres.restart(signal.SIGQUIT, down_s=fault.hold_s)
        else:
            number = signal.SIGKILL if fault.pick < 0.5 else signal.SIGTERM
            self.servers.broker.restart(number, down_s=fault.hold_s)

    def _flush(self, what: str, fault: Fault) -> bool:
        return self._with_broker(lambda client: client.flushall())

    def _storage(self, what: str, fault: Fault) -> bool:
        with self._one_storage:
            before = self.servers.proxy.struck
            self.servers.proxy.begin(what, share=_STORAGE_SHARE[what])
            # It lasts until it struck somebody, so that a quiet moment does not waste it.
            time.sleep(fault.hold_s)
            struck = _until(lambda: self.servers.proxy.struck > before)
            self.servers.proxy.calm()
            return struck

    def _roll(self, what: str, fault: Fault) -> None:
        for service in self.fleet.workers:
            service.restart(signal.SIGTERM)

    def _copy(self, what: str, fault: Fault) -> bool:
        if what == "messages":
            return self._with_broker(lambda client: Copier(client).run(_SOON_S, once=True))
        return self._with_broker(lambda client: Copier(client).run(fault.hold_s * 3, once=False))

    def _shuffle(self, what: str, fault: Fault) -> bool:
        chance = random.Random(fault.pick)
        return self._with_broker(lambda client: _until(lambda: shuffle(client, chance) > 0))

    def _with_broker(self, act: Any) -> bool:
        try:
            with self.servers.redis() as client:
                return bool(act(client))
        except redis.RedisError:
            return False

    def _busy_child(self, fault: Fault) -> psutil.Process | None:
        """A pool child that holds a lease; wait a little for one."""
        found: list[psutil.Process] = []

        def look() -> bool:
            children = {p.pid: p for service in self.fleet.workers for p in service.processes()[1:]}
            found[:] = [children[pid] for pid in self._holders() if pid in children]
            return bool(found)

        return _one(found, fault) if _until(look) else None

    def _holders(self) -> list[int]:
        query = text(
            "SELECT lease_owner FROM job_stages WHERE status = 'running' AND lease_expires_at > now() ORDER BY 1"
        )
        try:
            with self.engine.connect() as connection:
                return [int(owner.split("/")[1]) for owner in connection.scalars(query)]
        except DBAPIError:
            return []

    def _kill_all(self, service: Service) -> None:
        moment = datetime.now(UTC)
        self.killed.append((moment, service.kill()))


def _one(things: Sequence[T], fault: Fault) -> T:
    return things[int(fault.pick * len(things))]


def _until(condition: Any) -> bool:
    deadline = time.monotonic() + _SOON_S
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
