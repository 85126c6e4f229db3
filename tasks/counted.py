"""A file that counts what is read of it."""

from __future__ import annotations

import io
from typing import Any, BinaryIO


class CountedFile(io.RawIOBase):
    """Passes everything to `file` and keeps `bytes_read`; a file that counts by itself needs no such wrapper."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes_read = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Read and count."""
        block = self._file.read(-1 if size is None else size)
        self.bytes_read += len(block)
        return block

    def readinto(self, target: Any, /) -> int:
        """Read into `target` and count."""
        block = self.read(len(target))
        target[: len(block)] = block
        return len(block)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file itself."""
        self._file.close()
        super().close()
