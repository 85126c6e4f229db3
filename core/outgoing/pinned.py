"""Connections to addresses that were checked, with one end for all that is read and written through them."""

from __future__ import annotations

import ssl
import time
import typing
from collections.abc import Iterable, Sequence

import httpcore

from core.outgoing.addresses import Address

SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class PinnedBackend(httpcore.NetworkBackend):
    """Connects to the given addresses, in their order, whatever host is asked for.

    Everything ends at `deadline` (of `time.monotonic`): a server that sends a byte now and then keeps nobody for ever.
    """

    def __init__(self, addresses: Sequence[Address], *, deadline: float, connect_s: float, idle_s: float) -> None:
        self._addresses = addresses
        self._deadline, self._connect_s, self._idle_s = deadline, connect_s, idle_s
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - its addresses are given
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; raises what httpcore raises, for the last address when none answers."""
        trouble: Exception = httpcore.ConnectError("the host has no address")
        for address in self._addresses:
            try:
                left = _left(self._deadline, self._connect_s, httpcore.ConnectTimeout)
                stream = self._system.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
            else:
                return _Bounded(stream, self._deadline, self._idle_s)
        raise trouble


class _Bounded(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: float, idle_s: float) -> None:
        self._stream, self._deadline, self._idle_s = stream, deadline, idle_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what is there."""
        return self._stream.read(max_bytes, _left(self._deadline, self._idle_s, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write all."""
        self._stream.write(buffer, _left(self._deadline, self._idle_s, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Shake hands as the host that was asked for."""
        left = _left(self._deadline, self._idle_s, httpcore.ConnectTimeout)
        return _Bounded(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline, self._idle_s)

    def get_extra_info(self, info: str) -> typing.Any:
        """Tell about the connection."""
        return self._stream.get_extra_info(info)


def _left(deadline: float, most: float, error: type[httpcore.TimeoutException]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise error("it took too long")
    return min(left, most)
