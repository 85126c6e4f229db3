"""A TCP relay before a server, that can be shut and stalled while a test runs."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """`shut`: connections are refused, those that are open are cut. `stalled`: nothing passes, and nothing ends."""

    def __init__(self, endpoint: str) -> None:
        address = urlsplit(endpoint)
        self._server = (address.hostname, address.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._flows, self._shut, self._done = threading.Event(), threading.Event(), threading.Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def shut(self) -> None:
        self._shut.set()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def stall(self) -> None:
        self._flows.clear()

    def open(self) -> None:
        self._shut.clear()
        self._flows.set()

    def close(self) -> None:
        self._done.set()
        self._flows.set()
        self.shut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while not self._done.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._shut.is_set():
                client.close()
                continue
            server = socket.create_connection(self._server)
            self._open += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError), source:
            while block := source.recv(65536):
                self._flows.wait()
                target.sendall(block)
            target.shutdown(socket.SHUT_RDWR)


@contextmanager
def relayed(endpoint: str):
    relay = Relay(endpoint)
    try:
        yield relay
    finally:
        relay.close()
