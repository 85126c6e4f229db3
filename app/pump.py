"""Sockets of event streams, taken over from the server: one thread writes to all of them.

A stream that lasts would hold a thread of the server for as long. Under gunicorn's threads the request hands its socket
over once the headers and the first event are sent, and its thread is free again. A client that goes away is seen at
once, because its socket can be read.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from app import fanout
from app.fanout import News, chunk

KEEPALIVE = ": keepalive\n\n"
_LAST_CHUNK = b"0\r\n\r\n"
# Who reads so much slower than his job changes comes back with his last id, and is given what there is now.
_MOST_BYTES = 2**20
# A client that answers no packet for so long is gone (tcp(7), TCP_USER_TIMEOUT).
_SILENCE_MS = 20_000


def take_over(environ: Mapping[str, Any]) -> socket.socket | None:
    """Return the client's connection, which the server then has no longer; None where it cannot be had.

    It can be had from gunicorn over plain HTTP/1.1. The server's own socket object stays valid, and leads nowhere.
    """
    theirs = environ.get("gunicorn.socket")
    if type(theirs) is not socket.socket or environ.get("SERVER_PROTOCOL") != "HTTP/1.1" or "HTTP_VERSION" in environ:
        return None
    mine = theirs.dup()
    nowhere, other = socket.socketpair()
    os.dup2(nowhere.fileno(), theirs.fileno(), inheritable=False)
    nowhere.close()
    other.close()
    mine.setblocking(False)
    if mine.family != socket.AF_UNIX:
        mine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        mine.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE_MS)
    return mine


class Client:
    """One socket: what is still to be sent, when it was last written to, and what to do when it ends."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self.sock, self.ends_at = sock, ends_at
        self.on_end: list[Callable[[], None]] = []
        self.closed = False
        self.waiting: deque[bytes] = deque()
        self.size = 0
        self.written_at = time.monotonic()
        self.over = False

    def put(self, data: bytes) -> None:
        """Queue bytes."""
        self.waiting.append(data)
        self.size += len(data)

    def flush(self) -> bool:
        """Send what the socket takes; return whether something is left. Raises OSError when the client is gone."""
        self.written_at = time.monotonic()
        while self.waiting:
            data = self.waiting.popleft()
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            self.size -= sent
            if sent < len(data):
                self.waiting.appendleft(data[sent:])
                return True
        return False


class Pump:
    """The thread that writes; it starts with the first client."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._todo: deque[tuple[Client, News | None]] = deque()
        self._clients: set[Client] = set()
        self._lock = threading.Lock()
        self._started = False
        self._rung = False

    def add(self, client: Client) -> None:
        """Write to a client from now on."""
        with self._lock:
            if not self._started:
                self._started = True
                self._selector.register(self._ear, selectors.EVENT_READ)
                threading.Thread(target=self._run, name="pump", daemon=True).start()
        self._ring(client, None)

    def send(self, client: Client, news: News) -> None:
        """Write an event, and close when it is the last; never waits."""
        self._ring(client, news)

    def _ring(self, client: Client, news: News | None) -> None:
        self._todo.append((client, news))
        # Looked at after what is to do was added, as the thread takes it down before it looks what there is to do: so
        # nothing is added by whom it does not see and who takes the bell for rung.
        if not self._rung:
            self._rung = True
            try:
                self._bell.send(b"\0")
            except BlockingIOError:
                # It rings already.
                return

    def _hear(self) -> None:
        self._ear.recv(4096)
        self._rung = False

    def _run(self) -> None:
        while True:
            for key, mask in self._selector.select(min(1.0, fanout.KEEPALIVE_S)):
                if key.data is None:
                    self._hear()
                elif mask & selectors.EVENT_READ and self._is_gone(key.data):
                    self._close(key.data)
                elif mask & selectors.EVENT_WRITE:
                    self._write(key.data)
            self._do()
            self._keep_alive()

    def _do(self) -> None:
        changed: set[Client] = set()
        while self._todo:
            client, news = self._todo.popleft()
            if news is None:
                self._clients.add(client)
                self._selector.register(client.sock, selectors.EVENT_READ, client)
            elif client in self._clients:
                client.put(news.chunk)
                client.over = client.over or news.ends or time.monotonic() > client.ends_at
                changed.add(client)
        for client in changed:
            self._write(client)

    def _keep_alive(self) -> None:
        moment = time.monotonic()
        for client in [one for one in self._clients if moment - one.written_at >= fanout.KEEPALIVE_S]:
            client.put(chunk(KEEPALIVE))
            client.over = client.over or moment > client.ends_at
            self._write(client)

    def _write(self, client: Client) -> None:
        if client.over and client.waiting and client.waiting[-1] is not _LAST_CHUNK:
            client.put(_LAST_CHUNK)
        try:
            more = client.flush()
        except OSError:
            self._close(client)
            return
        if (client.over and not more) or client.size > _MOST_BYTES:
            self._close(client)
        else:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if more else 0)
            self._selector.modify(client.sock, wanted, client)

    def _is_gone(self, client: Client) -> bool:
        try:
            # A client of an event stream has nothing more to say.
            return client.sock.recv(4096) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _close(self, client: Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            self._selector.unregister(client.sock)
            client.sock.close()
            client.closed = True
            for act in client.on_end:
                act()
