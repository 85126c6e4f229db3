"""The folder of one local upload in parts; any number of processes may write, list, complete and abort at once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from core.errors import InputError
from core.storage import base
from core.storage.base import OpenUpload, Part

BLOCK = 2**20
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PART = re.compile(r"(\d{5})\.([0-9a-f]{32})", re.ASCII)


class PartsFolder:
    """What arrived for the upload `upload_id` of `key`; a part's number and MD5 are its name."""

    def __init__(self, uploads: Path, upload_id: str, key: str) -> None:
        self.id = upload_id
        self._key = key
        # An id that was never made here must not become a path.
        self._folder = uploads / (upload_id if _ID.fullmatch(upload_id) else "none")

    @classmethod
    def create(cls, uploads: Path, key: str) -> PartsFolder:
        """Make the folder of a new upload."""
        made = cls(uploads, secrets.token_hex(16), key)
        made._folder.mkdir(parents=True)
        (made._folder / "key").write_text(key)
        return made

    @classmethod
    def all(cls, uploads: Path) -> Iterator[OpenUpload]:
        """Yield the uploads that are there; one that ends meanwhile is passed over."""
        for folder in sorted(uploads.glob("*")):
            # The key is written once, when the upload begins.
            with suppress(FileNotFoundError):
                begun = datetime.fromtimestamp((folder / "key").stat().st_mtime, UTC)
                yield OpenUpload((folder / "key").read_text(), folder.name, begun)

    def exists(self) -> bool:
        """Whether this upload is open, and for this key."""
        try:
            return (self._folder / "key").read_text() == self._key
        except FileNotFoundError:
            return False

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Keep every other process from changing the parts; gives whether the upload exists."""
        if not self.exists():
            yield False
            return
        with (self._folder / "key").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.exists()

    def arrived(self) -> list[Part]:
        """Return the parts by number; none when the upload does not exist."""
        with self.locked() as there:
            return [part for part, _ in self._found().values()] if there else []

    def add(self, number: int, etag: str, path: Path) -> None:
        """Make the file at `path` part `number`, in place of an earlier one; raises UploadMissing."""
        with self.locked() as there:
            if not there:
                raise base.UploadMissing
            name = f"{number:05d}.{etag}"
            path.replace(self._folder / name)
            for old in self._folder.glob(f"{number:05d}.*"):
                if old.name != name:
                    old.unlink()

    def files(self, wanted: Sequence[Part]) -> list[Path]:
        """Return the files of parts given by number; call it locked.

        Raises InputError `part_missing`, `part_too_small`.
        """
        found = self._found()
        files = []
        for part in wanted:
            there, path = found.get(part.number, (None, None))
            if there is None or path is None or there.etag != part.etag:
                raise base.part_missing()
            if there.size < base.MIN_PART_BYTES and part is not wanted[-1]:
                raise base.part_too_small()
            files.append(path)
        return files

    def remove(self, temporary: Path) -> None:
        """Drop the upload; it is gone at once, though its files take a while. Call it locked."""
        temporary.mkdir(parents=True, exist_ok=True)
        trash = temporary / secrets.token_hex(16)
        self._folder.rename(trash)
        discard(trash)

    def _found(self) -> dict[int, tuple[Part, Path]]:
        found: dict[int, tuple[Part, Path]] = {}
        # By time: a writer that died between the rename and the removal of the older part leaves both.
        for path in sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
            if match := _PART.fullmatch(path.name):
                number = int(match[1])
                found[number] = Part(number, path.stat().st_size, match[2]), path
        return dict(sorted(found.items()))


def receive(stream: BinaryIO, length: int, path: Path) -> str:
    """Write exactly `length` bytes of `stream` to `path`; return their MD5, which is what S3 calls the ETag of a part.

    Raises InputError `part_incomplete` when the stream ends before.
    """
    digest = hashlib.md5(usedforsecurity=False)
    left = length
    with path.open("wb") as file:
        while left and (block := stream.read(min(BLOCK, left))):
            digest.update(block)
            file.write(block)
            left -= len(block)
        flush(file)
    if left:
        raise InputError("part_incomplete", f"The part ended {left} bytes early: send it again.")
    return digest.hexdigest()


def flush(file: BinaryIO) -> None:
    """Wait until the file is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(path: Path) -> None:
    """Remove a file or a folder that another process may be removing as well."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
