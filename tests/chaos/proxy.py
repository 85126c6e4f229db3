"""A proxy before the S3 server that can answer 500, stall, and cut transfers in the middle.

It passes bytes as they are, so that signatures hold, and reads of HTTP only where a request begins and ends.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

_BLOCK = 64 * 2**10
_ERROR = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>chaos</Message></Error>'
_ANSWER = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_ERROR), _ERROR)
)


class Cut(Exception):
    """Drop the connection, as a cable does."""


@dataclass
class _Passage:
    left: int | None = None  # bytes of the answers that still pass, None for all


class FaultProxy:
    """Runs in a thread of its own; `trouble` is `error`, `stall`, `cut` or None, and strikes a share of requests."""

    def __init__(self, upstream: str, *, seed: int = 0) -> None:
        self._upstream = urlsplit(upstream)
        self._chance = random.Random(f"{seed}/proxy")
        self._trouble: str | None = None
        self._share = 0.0
        self.struck = 0
        self.endpoint = ""

    def begin(self, trouble: str, *, share: float) -> None:
        """From now on strike a share (0 to 1) of requests."""
        self._share, self._trouble = share, trouble

    def calm(self) -> None:
        """Let everything pass, what was stalled too."""
        self._trouble = None

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        """Listen on a free port of loopback while the block runs."""
        ready, loop = threading.Event(), asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, args=(loop, ready), name="fault-proxy", daemon=True)
        thread.start()
        assert ready.wait(60), "the proxy did not start"
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)

    def _run(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        server = loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ready.set()
        loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        except OSError:
            writer.transport.abort()
            return
        passage = _Passage()
        answers = asyncio.create_task(self._answers(far_reader, writer, passage))
        try:
            while await self._request(reader, writer, far_writer, passage):
                pass
            await asyncio.wait_for(answers, 5)
        except (Cut, OSError, asyncio.IncompleteReadError, TimeoutError):
            writer.transport.abort()
        finally:
            answers.cancel()
            far_writer.transport.abort()
            writer.close()

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, far: asyncio.StreamWriter, passage: _Passage
    ) -> bool:
        """Pass one request on, or do to it what the trouble says; False when the connection shall end."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = _length(head)
        trouble = self._strikes()
        if trouble == "error":
            writer.write(_ANSWER)
            await writer.drain()
            return False
        while trouble == "stall" and self._trouble == "stall":
            await asyncio.sleep(0.05)
        stop = None
        if trouble == "cut" and length and self._chance.random() < 0.5:
            stop = length // 2
        elif trouble == "cut":
            # Also in the middle of the headers, or before them: the work is done and its answer is lost.
            passage.left = self._chance.choice((0, 100, 5_000, 50_000))
        far.write(head)
        sent = 0
        while sent < length:
            block = await reader.read(min(_BLOCK, length - sent))
            if not block or (stop is not None and sent + len(block) > stop):
                raise Cut
            far.write(block)
            await far.drain()
            sent += len(block)
        return True

    async def _answers(self, far: asyncio.StreamReader, writer: asyncio.StreamWriter, passage: _Passage) -> None:
        while block := await far.read(_BLOCK):
            if passage.left is not None:
                block, passage.left = block[: passage.left], passage.left - len(block)
            writer.write(block)
            await writer.drain()
            if passage.left is not None and passage.left < 0:
                writer.transport.abort()
                return
        writer.close()

    def _strikes(self) -> str | None:
        trouble = self._trouble
        if trouble is None or self._chance.random() >= self._share:
            return None
        self.struck += 1
        return trouble


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
