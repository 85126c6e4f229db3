"""A remote object as a seekable file: fetched in windows that grow while reading goes on, each byte once.

A window is fetched whole, so that no connection stays open while its reader works (an encoder may take minutes for
what arrives in a second), and a fetch that fails is simply made again. Containers keep sound and picture apart and
demuxers go back and forth between them; windows are kept until newer ones have filled the memory that is allowed, none
holds what another one has, and each grows by itself, so that this costs no more bytes than reading in order.

Growing windows overshoot where reading ends. A reader that knows what it will need says so beforehand (`expect`): then
windows are large at once, and end where the need does.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.errors import TransientError

FIRST_WINDOW = 256 * 2**10
LARGEST_WINDOW = 8 * 2**20
KEPT_BYTES = 32 * 2**20
ATTEMPTS = 5
BUFFER = 64 * 2**10

Fetch = Callable[[int, int], bytes]
"""Return the bytes of `[start, end)`; raises TransientError when that may go well another time."""


@dataclass(frozen=True, eq=False)
class _Window:
    start: int
    data: bytes
    span: int

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    def goes_on_at(self, position: int) -> bool:
        """Whether a read here continues this window, perhaps after skipping a little."""
        return self.end <= position < self.end + FIRST_WINDOW


class RangedFile(io.BufferedReader):
    """A read-only file of `size` bytes over `fetch`, of which KEPT_BYTES at most are in memory.

    Reading raises what `fetch` raises, after ATTEMPTS tries with growing pauses of `pause_s` × 2ⁿ seconds.
    """

    def __init__(self, fetch: Fetch, size: int, *, pause_s: float = 0.2) -> None:
        self._ranges = _RangedRaw(fetch, size, pause_s)
        super().__init__(self._ranges, BUFFER)

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Tell which ranges `[start, end)` of bytes will be read, in place of what was expected before.

        It is a promise of nothing: other bytes can be read as ever, and these may be left unread.
        """
        self._ranges.expected = [(start, end) for start, end in ranges if start < end]

    @property
    def bytes_read(self) -> int:
        """Bytes that came from the store so far."""
        return self._ranges.bytes_read

    @property
    def requests(self) -> int:
        """Requests made so far, the failed ones included."""
        return self._ranges.requests


class _RangedRaw(io.RawIOBase):
    def __init__(self, fetch: Fetch, size: int, pause_s: float) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._pause_s = pause_s
        self._position = 0
        self._windows: list[_Window] = []  # the one used last comes last
        self.expected: list[tuple[int, int]] = []
        self.bytes_read = 0
        self.requests = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}, before the start")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        if self.closed:
            raise ValueError("read of closed file")
        if self._position >= self._size or not len(buffer):
            return 0
        window = self._window_at(self._position)
        offset = self._position - window.start
        data = memoryview(window.data)[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._windows.clear()
        super().close()

    def _window_at(self, position: int) -> _Window:
        for window in reversed(self._windows):
            if window.start <= position < window.end:
                self._use(window)
                return window
        end, span = self._extent(position)
        window = _Window(position, self._get(position, end), span)
        # What has come is expected no more: a reader that goes back wants little.
        self.expected = [(end if first <= position < last else first, last) for first, last in self.expected]
        self._use(window)
        return window

    def _extent(self, position: int) -> tuple[int, int]:
        """Where a window that begins here ends, and from what size its successor grows."""
        limit = min((window.start for window in self._windows if window.start > position), default=self._size)
        needed = max((end for start, end in self.expected if start <= position < end), default=None)
        if needed is not None:
            return min(position + LARGEST_WINDOW, needed, limit), FIRST_WINDOW // 2
        before = next((window for window in reversed(self._windows) if window.goes_on_at(position)), None)
        span = min(before.span * 2, LARGEST_WINDOW) if before else FIRST_WINDOW
        return min(position + span, limit), span

    def _use(self, window: _Window) -> None:
        if window in self._windows:
            self._windows.remove(window)
        self._windows.append(window)
        kept = sum(len(window.data) for window in self._windows)
        while kept > KEPT_BYTES:
            kept -= len(self._windows.pop(0).data)

    def _get(self, start: int, end: int) -> bytes:
        for attempt in range(1, ATTEMPTS):
            try:
                return self._request(start, end)
            except TransientError:
                time.sleep(self._pause_s * 2 ** (attempt - 1) * random.uniform(0.5, 1))  # noqa: S311  # nosec B311
        return self._request(start, end)

    def _request(self, start: int, end: int) -> bytes:
        self.requests += 1
        data = self._fetch(start, end)
        if len(data) != end - start:
            raise TransientError("storage_unavailable", f"{len(data)} of {end - start} bytes came from storage.")
        self.bytes_read += len(data)
        return data
