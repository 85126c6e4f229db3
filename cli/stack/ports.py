"""The ports that the embedded stack listens on, all on loopback."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from cli.errors import StackError

LOOPBACK = "127.0.0.1"
_held: list[socket.socket] = []


@dataclass(frozen=True)
class Ports:
    """One port for each process that listens."""

    api: int = 8000
    flower: int = 5555
    broker: int = 6390

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://{LOOPBACK}:{self.api}"


def free_ports() -> Ports:
    """Return three ports that are free, and stay so for those who ask for them by number."""
    return Ports(*_free(3))


def metrics_ports(names: Iterable[str]) -> dict[str, int]:
    """Return a free port for each process that answers Prometheus."""
    wanted = list(names)
    return dict(zip(wanted, _free(len(wanted)), strict=True))


def _free(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((LOOPBACK, 0))
    found = [int(one.getsockname()[1]) for one in sockets]
    if sys.platform == "linux":
        # The servers come seconds later. A socket that is bound and does not listen keeps the system from giving the
        # port meanwhile to whoever asks for any; they set SO_REUSEADDR, and get it. Other systems would refuse them.
        _held.extend(sockets)
    else:
        for one in sockets:
            one.close()
    return found


def check_free(ports: Ports, *, with_broker: bool) -> None:
    """Raise StackError `port_taken` that names every port that is taken, and how to choose another."""
    wanted = {"api": ports.api, "flower": ports.flower} | ({"broker": ports.broker} if with_broker else {})
    if len(set(wanted.values())) < len(wanted):
        raise StackError(f"two processes cannot share a port: {wanted}", code="port_taken")
    taken = [
        f"port {port} is taken, and {name} wants it: choose another with --{name}-port or {name.upper()}_PORT"
        for name, port in wanted.items()
        if not _is_free(port)
    ]
    if taken:
        raise StackError("; ".join([*taken, "or let --auto-ports find free ones"]), code="port_taken")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port that only lingers in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Tell whether something listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
