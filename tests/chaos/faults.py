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
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Engine

from tests.chaos.fleet import Fleet
from tests.chaos.messages import Copier, shuffle
from tests.chaos.scenario import Fault
from tests.chaos.servers import Servers
from tests.chaos.service import Service
from tests.chaos.victims import busy_child, choose, send, soon

_COPY_S = 4.0
_STORAGE_SHARE = {"error": 0.7, "stall": 0.5, "cut": 0.5}


@dataclass
class Storm:
    """Strikes a fleet; `killed`, `stopped` and `told_to_end` tell when which processes were, `done` what was done how
    often."""

    fleet: Fleet
    servers: Servers
    engine: Engine
    log: Path
    killed: list[tuple[datetime, list[int]]] = field(default_factory=list)
    stopped: list[tuple[datetime, list[int], float]] = field(default_factory=list)
    told_to_end: list[tuple[datetime, list[int]]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    idle: Counter[str] = field(default_factory=Counter)
    """Faults that found nothing to strike."""
    _kill_on_accept: threading.Event = field(default_factory=threading.Event)
    _one_storage: threading.Lock = field(default_factory=threading.Lock)

    def strike(self, fault: Fault) -> None:
        """Do it, and return when it is over."""
        kind, _, what = fault.kind.partition("_")
        begun = datetime.now(UTC)
        hit = getattr(self, f"_{kind}")(what, fault)
        (self.idle if hit is False else self.done)[fault.kind] += 1
        self._note(begun, fault.kind, "found nothing" if hit is False else f"until {datetime.now(UTC):%H:%M:%S.%f}")

    def accepted(self) -> None:
        """A job was accepted this very moment."""
        if self._kill_on_accept.is_set():
            self._kill_on_accept.clear()
            self._kill_all(self.fleet.api)

    def _kill(self, what: str, fault: Fault) -> bool:
        if what == "api":
            # Best right after it accepted a job, before it does anything more.
            self._kill_on_accept.set()
            soon(lambda: not self._kill_on_accept.is_set())
            self.accepted()
        elif what == "beat":
            self._kill_all(self.fleet.beat)
        elif what == "worker":
            self._kill_all(choose(self.fleet.workers, fault))
        else:
            child = busy_child(self.fleet, self.engine, fault)
            if child is None:
                return False
            self._killed([child.pid])
            send(child, signal.SIGKILL)
        return True

    def _stop(self, what: str, fault: Fault) -> bool:
        child = busy_child(self.fleet, self.engine, fault)
        if child is None:
            return False
        hit = [child]
        if what == "worker":
            hit = next((s.processes() for s in self.fleet.workers if child in s.processes()), hit)
        self.stopped.append((datetime.now(UTC), [process.pid for process in hit], fault.hold_s))
        self._note(datetime.now(UTC), "stopped", str([process.pid for process in hit]))
        for process in hit:
            send(process, signal.SIGSTOP)
        time.sleep(fault.hold_s)
        for process in hit:
            send(process, signal.SIGCONT)
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
            struck = soon(lambda: self.servers.proxy.struck > before)
            self.servers.proxy.calm()
            return struck

    def _roll(self, what: str, fault: Fault) -> None:
        for service in self.fleet.workers:
            self.told_to_end.append((datetime.now(UTC), [process.pid for process in service.processes()]))
            service.restart(signal.SIGTERM)

    def _copy(self, what: str, fault: Fault) -> bool:
        if what == "messages":
            return self._with_broker(lambda client: Copier(client).run(_COPY_S, once=True))
        return self._with_broker(lambda client: Copier(client).run(fault.hold_s * 3, once=False))

    def _shuffle(self, what: str, fault: Fault) -> bool:
        chance = random.Random(fault.pick)
        return self._with_broker(lambda client: soon(lambda: shuffle(client, chance) > 0))

    def _with_broker(self, act: Any) -> bool:
        try:
            with self.servers.redis() as client:
                return bool(act(client))
        except redis.RedisError:
            return False

    def _kill_all(self, service: Service) -> None:
        moment = datetime.now(UTC)
        self._killed(service.kill(), moment)

    def _killed(self, pids: Sequence[int], moment: datetime | None = None) -> None:
        moment = moment or datetime.now(UTC)
        self.killed.append((moment, list(pids)))
        self._note(moment, "killed", str(list(pids)))

    def _note(self, moment: datetime, *words: str) -> None:
        with self.log.open("a") as log:
            print(f"{moment:%H:%M:%S.%f}", *words, file=log)
