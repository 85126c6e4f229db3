"""A TCP relay that delays what it passes on, as a distance would: `python -m bench.latency PORT MILLISECONDS`.

It prints the port it listens on (loopback), relays to PORT, and ends with its standard input. Half of the delay falls
on each direction; data in flight do not wait for each other, so that the rate is not limited.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from subprocess import PIPE, Popen

_CHUNK = 1 << 18


@contextlib.contextmanager
def delayed(port: int, milliseconds: int) -> Iterator[int]:
    """Run a relay to `port` of this machine until the block ends; yields its own port."""
    command = [sys.executable, "-m", "bench.latency", str(port), str(milliseconds)]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as relay:
        try:
            assert relay.stdout is not None
            yield int(relay.stdout.readline())
        finally:
            relay.terminate()


async def _relay(port: int, delay: float) -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.TaskGroup() as both:
            both.create_task(_pass_on(reader, there[1], delay))
            both.create_task(_pass_on(there[0], writer, delay))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    flying: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)

    async def land() -> None:
        while True:
            due, data = await flying.get()
            await asyncio.sleep(max(due - loop.time(), 0))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    with contextlib.suppress(ConnectionError):
        async with asyncio.TaskGroup() as group:
            group.create_task(land())
            data = b"-"
            while data:
                data = await reader.read(_CHUNK)
                await flying.put((loop.time() + delay, data))


if __name__ == "__main__":
    asyncio.run(_relay(int(sys.argv[1]), int(sys.argv[2]) / 2000))
