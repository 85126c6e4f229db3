"""Ranges of a file on disk as bodies to send: read by position, in small blocks, by any number of threads."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 2**20

Check = Callable[[], None]
"""Raises when the work should stop."""


def go_on() -> None:
    """The check of what nobody stops."""


@dataclass(frozen=True)
class Content:
    """What is stored of an open file: the bytes of `head`, then those of the file from `start` to `end`."""

    file: BinaryIO
    head: bytes
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return len(self.head) + self.end - self.start

    def read(self, position: int, count: int) -> bytes:
        """Return up to `count` bytes from `position`, none at the end; raises OSError when the file is shorter."""
        if position < len(self.head):
            return self.head[position : position + count]
        at = self.start + position - len(self.head)
        wanted = max(min(count, self.end - at), 0)
        data = os.pread(self.file.fileno(), wanted, at)
        if wanted and not data:
            raise OSError(errno.EIO, "the file is shorter than it was")
        return data

    def blocks(self, first: int = 0, end: int | None = None, *, check: Check = go_on) -> Iterator[bytes]:
        """Yield the bytes from `first` to `end`, a mebibyte at a time."""
        position, end = first, self.size if end is None else end
        while position < end:
            check()
            block = self.read(position, min(BLOCK, end - position))
            yield block
            position += len(block)

    def sha256(self, *, check: Check = go_on) -> str:
        """Return the digest of the whole in hexadecimal."""
        digest = hashlib.sha256()
        for block in self.blocks(check=check):
            digest.update(block)
        return digest.hexdigest()


class Piece(io.RawIOBase):
    """The bytes of a content from `first` to `end` as a seekable file; `check` is called before each read."""

    def __init__(self, content: Content, first: int, end: int, *, check: Check = go_on) -> None:
        super().__init__()
        self._content, self._first, self._end, self._check = content, first, end, check
        self._position = first

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._end - self._first

    def md5(self) -> bytes:
        """Return the MD5, which is what S3 compares."""
        digest = hashlib.md5(usedforsecurity=False)
        for block in self._content.blocks(self._first, self._end, check=self._check):
            digest.update(block)
        return digest.digest()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Return the position in the piece."""
        return self._position - self._first

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; a request that is made again begins at 0 again."""
        base = {io.SEEK_SET: self._first, io.SEEK_CUR: self._position, io.SEEK_END: self._end}[whence]
        self._position = max(base + offset, self._first)
        return self.tell()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Read into `buffer`."""
        self._check()
        data = self._content.read(self._position, max(min(len(buffer), self._end - self._position), 0))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
