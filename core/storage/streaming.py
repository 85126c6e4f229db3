"""A file sent to S3 while it is written, and whole or not at all.

What is written last, the head, comes first in the object. So the parts from the second on are sent as the file grows;
when the writer is done, the first part is the head with the first bytes of the file, and what is left follows.

    file     │ head changes ──── FIRST │ final as it appears ──────────────────── end │ dropped
    parts    └──────────── 1 ──────────┴── 2 ──┴── 3 ──┴ sent while writing ┴─ rest ──┘

Every part bears its MD5, which the server compares. Before the parts are joined, what was sent early is compared with
the finished file; if the file was replaced or changed meanwhile, all is sent again.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from core.errors import InputError, TransientError
from core.storage.base import MOST_PARTS, PATIENCE_S, Part, Settled, Stored, UploadMissing
from core.storage.pieces import Check, Content, Piece, go_on

FIRST = 8 * 2**20
"""Bytes of the file that are sent at the end, with the head; S3 takes no part below five mebibytes but the last."""
PART = 8 * 2**20
SMALL = 16 * 2**20
"""Up to so many bytes go by one request when nothing was sent before."""
THREADS = 4
_GROWS_EVERY = 1000
_LOOK_EVERY_S = 0.2
_LONGEST_PAUSE_S = 5.0
_PATIENCE_TO_STOP_S = 1.5

T = TypeVar("T")


class Bucket(Protocol):
    """What is asked of the storage. A part is sent once, and raises TransientError when that failed."""

    def put_whole(self, key: str, body: Piece, *, md5: bytes, content_type: str) -> None:
        """Put an object."""

    def create_multipart(self, key: str, *, content_type: str) -> str:
        """Open an upload."""

    def put_part(self, key: str, upload_id: str, number: int, body: Piece, *, md5: bytes) -> Part:
        """Put a part."""

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Join the parts."""

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Drop the upload."""

    def size(self, key: str) -> int:
        """Return the size of an object."""

    def delete(self, key: str) -> None:
        """Remove an object."""


@dataclass(frozen=True)
class _Sent:
    """A part that was sent early: up to which byte of the file, and what it was."""

    part: Part
    end: int
    md5: bytes


class StreamedUpload:
    """Sends the file at `path`, which need not exist yet, to `key`.

    With `settled` a thread sends as the file grows. Whatever happens to it, `finish` makes up for it.
    """

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        path: Path,
        *,
        content_type: str,
        settled: Settled | None = None,
        check: Check = go_on,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._bucket, self._key, self._path, self._type = bucket, key, path, content_type
        self._check, self._patience_s = check, patience_s
        self._upload_id: str | None = None
        self._sent: list[_Sent] = []
        self._file: BinaryIO | None = None
        self._writer_done, self._given_up = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
        self._thread: threading.Thread | None = None
        if settled is not None:
            self._thread = threading.Thread(target=self._follow, args=(settled,), name=f"upload-{key}", daemon=True)
            self._thread.start()

    def finish(self, head: bytes, start: int, end: int) -> Stored:
        """Send what is left and make the object; see `Stream.finish`."""
        self._writer_done.set()
        while self._thread and self._thread.is_alive():
            self._check()
            self._thread.join(_LOOK_EVERY_S)
        with self._path.open("rb", buffering=0) as file:
            return self._make(Content(file, head, start, end))

    def close(self) -> None:
        """Drop what was sent, unless it became the object."""
        self._writer_done.set()
        self._given_up.set()
        if self._thread:
            self._thread.join(_PATIENCE_TO_STOP_S)
        if self._file:
            self._file.close()
        # A request that hangs holds up nobody; what it reads fails now.
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._start_over()

    def _follow(self, settled: Settled) -> None:
        failures = 0
        while not self._writer_done.wait(_pause(failures) if failures else _LOOK_EVERY_S):
            try:
                self._send_settled(settled)
                failures = 0
            except UploadMissing:
                self._sent, self._upload_id = [], None
            except (TransientError, OSError):
                # OSError: the writer has just made the file shorter, which the next look finds.
                failures += 1

    def _send_settled(self, settled: Settled) -> None:
        file = self._opened()
        if file is None:
            return
        end = settled(file)
        if self._sent and end < self._reached:
            self._start_over()
        content = Content(file, b"", 0, end)
        while not self._writer_done.is_set() and (ready := self._ready(end)):
            upload_id = self._upload_id = self._upload_id or self._begin()
            running = [self._pool.submit(self._put_early, content, upload_id, *part) for part in ready]
            wait(running)
            # In order, up to the first that failed.
            for one in running:
                self._sent.append(one.result())

    def _ready(self, end: int) -> list[tuple[int, int, int]]:
        """Return first byte, end and number of the next few whole parts that are final."""
        ready: list[tuple[int, int, int]] = []
        first, number = self._reached, len(self._sent) + 2
        while len(ready) < THREADS and first + _size(number) <= end:
            ready.append((first, first + _size(number), number))
            first, number = first + _size(number), number + 1
        return ready

    def _put_early(self, content: Content, upload_id: str, first: int, last: int, number: int) -> _Sent:
        body = self._piece(content, first, last)
        md5 = body.md5()
        return _Sent(self._put(upload_id, number, body, md5), last, md5)

    def _opened(self) -> BinaryIO | None:
        """Return the file that is at the path now; a writer that begins anew may have replaced it."""
        try:
            there = self._path.stat()
            if self._file and not os.path.samestat(there, os.fstat(self._file.fileno())):
                self._file.close()
                self._file = None
                self._start_over()
            # Unbuffered: the bytes of a moment ago may not be those of now.
            self._file = self._file or self._path.open("rb", buffering=0)
        except FileNotFoundError:
            return None
        return self._file

    @property
    def _reached(self) -> int:
        return self._sent[-1].end if self._sent else FIRST

    def _is_still_so(self, content: Content) -> bool:
        """Whether the finished file has, in their places, the parts that were sent while it grew."""
        if content.start > FIRST or self._reached > content.end:
            return False
        plain, first = Content(content.file, b"", 0, content.end), FIRST
        for sent in self._sent:
            self._check()
            if self._piece(plain, first, sent.end).md5() != sent.md5:
                return False
            first = sent.end
        return True

    def _make(self, content: Content) -> Stored:
        if not self._is_still_so(content):
            self._start_over()
        try:
            stored = self._complete(content)
        except (UploadMissing, InputError):
            # Another hand ended the upload, or the server wants parts of one size (as Cloudflare R2 does).
            self._start_over()
            stored = self._complete(content)
        self._sent, self._upload_id = [], None
        [found] = self._results([lambda: self._bucket.size(self._key)])
        if found != stored.size:
            self._bucket.delete(self._key)
            raise TransientError("storage_unavailable", f"{found} of {stored.size} bytes arrived in storage.")
        return stored

    def _complete(self, content: Content) -> Stored:
        if not self._sent and content.size <= SMALL:
            self._results([lambda: self._put_whole(content)])
            return self._stored(content)
        if self._upload_id is None:
            [self._upload_id] = self._results([self._begin])
        upload_id = self._upload_id

        def put(first: int, last: int, number: int) -> Part:
            body = self._piece(content, first, last)
            return self._put(upload_id, number, body, body.md5())

        missing = [self._pool.submit(self._patiently, put, *part) for part in self._missing(content)]
        stored = self._stored(content)
        parts = [*self._waited(missing), *(sent.part for sent in self._sent)]
        self._results([lambda: self._bucket.complete_multipart(self._key, upload_id, parts)])
        return stored

    def _stored(self, content: Content) -> Stored:
        return Stored(content.size, content.sha256(check=self._check))

    def _missing(self, content: Content) -> list[tuple[int, int, int]]:
        """Return first byte, end and number of every part of the content that is still to be sent."""
        if not self._sent:
            size = max(2 * PART, -(-content.size // MOST_PARTS))
            starts = range(0, content.size, size)
            return [(first, min(first + size, content.size), number) for number, first in enumerate(starts, 1)]
        shift = len(content.head) - content.start
        parts, first, number = [(0, FIRST + shift, 1)], self._reached + shift, len(self._sent) + 2
        while first < content.size:
            last = min(first + _size(number), content.size)
            parts.append((first, last, number))
            first, number = last, number + 1
        return parts

    def _results(self, requests: Sequence[Callable[[], T]]) -> list[T]:
        return self._waited([self._pool.submit(self._patiently, request) for request in requests])

    def _waited(self, running: Sequence[Future[T]]) -> list[T]:
        left = set(running)
        while left:
            self._check()
            done, left = wait(left, _LOOK_EVERY_S, FIRST_EXCEPTION)
            for one in done:
                one.result()
        return [one.result() for one in running]

    def _patiently(self, request: Callable[..., T], *values: int) -> T:
        failures, deadline = 0, 0.0
        while True:
            try:
                return request(*values)
            except TransientError:
                self._require_wanted()
                failures += 1
                deadline = deadline or time.monotonic() + self._patience_s
                if time.monotonic() > deadline:
                    raise
            self._given_up.wait(_pause(failures))

    def _begin(self) -> str:
        upload_id = self._bucket.create_multipart(self._key, content_type=self._type)
        self._drop_if_given_up(upload_id)
        return upload_id

    def _put(self, upload_id: str, number: int, body: Piece, md5: bytes) -> Part:
        part = self._bucket.put_part(self._key, upload_id, number, body, md5=md5)
        self._drop_if_given_up(upload_id)
        return part

    def _put_whole(self, content: Content) -> None:
        body = self._piece(content, 0, content.size)
        self._bucket.put_whole(self._key, body, md5=body.md5(), content_type=self._type)

    def _piece(self, content: Content, first: int, last: int) -> Piece:
        return Piece(content, first, last, check=self._require_wanted)

    def _require_wanted(self) -> None:
        if self._given_up.is_set():
            raise TransientError("upload_dropped", "The upload was given up.")

    def _drop_if_given_up(self, upload_id: str) -> None:
        # What was under way while `close` dropped the upload may have come after.
        if self._given_up.is_set():
            self._bucket.abort_multipart(self._key, upload_id)
            self._require_wanted()

    def _start_over(self) -> None:
        upload_id, self._upload_id, self._sent = self._upload_id, None, []
        if upload_id is not None:
            with suppress(UploadMissing):
                self._bucket.abort_multipart(self._key, upload_id)


def _size(number: int) -> int:
    """Return the size of a part sent early: it doubles every thousand parts, so that no object is too long."""
    return PART << min((number - 2) // _GROWS_EVERY, 9)


def _pause(failures: int) -> float:
    return min(_LONGEST_PAUSE_S, 0.1 * 2.0**failures) * random.uniform(0.5, 1)  # noqa: S311  # nosec B311
