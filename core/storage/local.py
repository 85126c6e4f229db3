"""Storage in a folder that all processes share, with signed URLs that the API serves.

    KEY                        objects, at their keys
    .uploads/ID/key            the key that an upload in parts is for
    .uploads/ID/00001.MD5      a part that arrived
    .temporary/NAME            what is being written; a rename within the file system makes it an object or a part

A key has no segment that starts with a dot, so none reaches the hidden folders.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from core.errors import InputError, TransientError
from core.storage import base
from core.storage.base import ObjectMissing, OpenUpload, Part, Settled, Stored, StoredObject, Stream
from core.storage.parts import BLOCK, PartsFolder, discard, flush, flush_folder, receive
from core.storage.pieces import Check, Content, go_on
from core.storage.signing import Grant, Signer, checked_content_type, content_disposition
from core.telemetry import metrics

_STALE_S = 2 * 24 * 3600


class LocalStorage:
    """The folder `root` as storage; URLs start with `public_url` and are signed by `secret`."""

    def __init__(self, root: Path, *, public_url: str, secret: str) -> None:
        self._root = root.absolute()
        self._temporary = self._root / ".temporary"
        self._uploads = self._root / ".uploads"
        self._url = public_url.rstrip("/")
        self._signer = Signer(secret)

    def put_file(self, key: str, path: Path, *, content_type: str) -> Stored:
        """Copy the file beside its place, then rename it there; the media type is said by whoever signs a URL."""
        checked_content_type(content_type)
        with path.open("rb") as source:
            return self._store(key, Content(source, b"", 0, path.stat().st_size), go_on)

    def stream(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        settled: Settled,  # noqa: ARG002
        check: Check = go_on,
        patience_s: float = base.PATIENCE_S,  # noqa: ARG002
    ) -> Stream:
        """Return a stream that copies the file once, when it is finished: on the same disk nothing is won before."""
        checked_content_type(content_type)
        base.checked_key(key)
        return _CopiedAtEnd(path, lambda content: self._store(key, content, check))

    def open(self, key: str) -> BinaryIO:
        """Open for reading; raises ObjectMissing."""
        with _errors(key):
            return self._path(key).open("rb")

    def size(self, key: str) -> int:
        """Return the size in bytes; raises ObjectMissing."""
        with _errors(key):
            return self._file(key).stat().st_size

    def delete(self, key: str) -> None:
        """Remove the file; no error when there is none. Folders stay: another process may be writing into them."""
        with suppress(ObjectMissing), _errors(key):
            self._path(key).unlink()

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield every key that starts with `prefix`."""
        top = self._root / prefix.rpartition("/")[0]
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                key = (Path(folder) / name).relative_to(self._root).as_posix()
                if key.startswith(prefix):
                    yield key

    def objects(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose keys start with `prefix`; one that is deleted meanwhile is left out."""
        start = _place(after)
        for key in self.keys(prefix):
            if _place(key) <= start:
                continue
            with suppress(ObjectMissing), _errors(key):
                found = self._path(key).stat()
                yield StoredObject(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def create_multipart(self, key: str, *, content_type: str) -> str:
        """Open an upload in parts; return its id. What crashed writers left two days ago is swept away."""
        base.checked_key(key)
        checked_content_type(content_type)
        with _errors(key):
            self._sweep()
            return PartsFolder.create(self._uploads, key).id

    def sign_part(self, key: str, upload_id: str, number: int, *, expires_s: int, size: int | None = None) -> str:
        """Return a URL that takes one PUT of part `number`; with `size`, of exactly so many bytes."""
        return self._sign(
            Grant(
                method="PUT",
                key=base.checked_key(key),
                expires=int(time.time()) + expires_s,
                upload_id=upload_id,
                number=base.checked_number(number),
                size=size,
            )
        )

    def send_part(self, key: str, upload_id: str, number: int, data: bytes) -> Part:
        """Write a part; raises UploadMissing."""
        folder = self._parts(key, upload_id)
        with _errors(key), self._scratch() as path:
            etag = receive(io.BytesIO(data), len(data), path)
            folder.add(base.checked_number(number), etag, path)
            return Part(number, len(data), etag)

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Yield the open uploads for keys that start with `prefix`."""
        with _errors(prefix):
            for upload in PartsFolder.all(self._uploads):
                if upload.key.startswith(prefix):
                    yield upload

    def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """Return the parts that arrived, by number."""
        with _errors(key):
            return self._parts(key, upload_id).arrived()

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Join the parts into the object; raises InputError `part_missing`, `part_too_small`, UploadMissing."""
        wanted = base.ordered(parts)
        folder = self._parts(key, upload_id)
        with _errors(key), folder.locked() as there:
            if there:
                self._join(folder.files(wanted), self._path(key))
                folder.remove(self._temporary)
            else:
                base.require_complete(self, key, wanted)

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Drop an upload and its parts; no error when there is none."""
        folder = self._parts(key, upload_id)
        with _errors(key), folder.locked() as there:
            if there:
                folder.remove(self._temporary)

    def sign_get(
        self,
        key: str,
        *,
        expires_s: int,
        filename: str,
        content_type: str,
        inline: bool = False,
        since: int | None = None,
    ) -> str:
        """Return a URL that serves the object, with Range, under this name and type."""
        kind = checked_content_type(content_type)
        return self._sign(
            Grant(
                method="GET",
                key=base.checked_key(key),
                expires=(int(time.time()) if since is None else since) + expires_s,
                content_type=kind,
                content_disposition=content_disposition(filename, kind, inline=inline),
            )
        )

    def check(self) -> None:
        """Ask whether the folder can be written; raises TransientError."""
        # Not by _errors: a folder that is missing here is no missing object.
        try:
            with self._scratch() as path:
                path.touch()
        except OSError as error:
            raise _refused(error) from error

    def verify(self, token: str, method: str) -> Grant:
        """Return what a token grants; raises InputError `signature_invalid` or `signature_expired`."""
        return self._signer.verify(token, method)

    def write_part(self, grant: Grant, stream: BinaryIO, length: int) -> str:
        """Write the part that a PUT grant names; return its MD5 in hexadecimal. It replaces an earlier one at once.

        `length` is what the request declares, in bytes; no more is read. Raises InputError `part_too_large` or
        `part_incomplete` when that is not the size of the grant or the stream ends before it (nothing is kept then),
        UploadMissing.
        """
        if grant.size is not None and length > grant.size:
            raise InputError("part_too_large", f"Part {grant.number} has {grant.size} bytes, {length} were announced.")
        if grant.size is not None and length < grant.size:
            raise InputError("part_incomplete", f"Part {grant.number} has {grant.size} bytes, only {length} came.")
        folder = self._parts(grant.key, grant.upload_id)
        with _errors(grant.key), self._scratch() as path:
            if not folder.exists():
                raise base.UploadMissing
            etag = receive(stream, length, path)
            folder.add(grant.number, etag, path)
            return etag

    def resolve(self, grant: Grant) -> Path:
        """Return the file that a GET grant names; raises ObjectMissing."""
        with _errors(grant.key):
            return self._file(grant.key)

    def _path(self, key: str) -> Path:
        return self._root / base.checked_key(key)

    def _file(self, key: str) -> Path:
        path = self._path(key)
        if not path.is_file():
            raise ObjectMissing(key)
        return path

    def _parts(self, key: str, upload_id: str) -> PartsFolder:
        return PartsFolder(self._uploads, upload_id, base.checked_key(key))

    def _sign(self, grant: Grant) -> str:
        return f"{self._url}/v1/storage/{self._signer.token(grant)}"

    def _store(self, key: str, content: Content, check: Check) -> Stored:
        digest = hashlib.sha256()
        with self._whole(self._path(key)) as copy:
            for block in content.blocks(check=check):
                digest.update(block)
                copy.write(block)
        if self.size(key) != content.size:
            raise TransientError("storage_unavailable", "The storage folder kept another number of bytes.")
        return Stored(content.size, digest.hexdigest())

    def _join(self, files: Sequence[Path], target: Path) -> None:
        with self._whole(target) as whole:
            for file in files:
                with file.open("rb") as source:
                    shutil.copyfileobj(source, whole, BLOCK)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Give a path on the same file system; what still has it at the end is removed."""
        self._temporary.mkdir(parents=True, exist_ok=True)
        path = self._temporary / uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _whole(self, target: Path) -> Iterator[BinaryIO]:
        """Give a file to write that takes the place of `target` when the block ends well."""
        with _errors(str(target)), self._scratch() as path:
            with path.open("wb") as file:
                yield file
                flush(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            flush_folder(target.parent)

    def _sweep(self) -> None:
        with suppress(FileNotFoundError), os.scandir(self._temporary) as entries:
            for entry in entries:
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_S:
                    discard(Path(entry.path))


class _CopiedAtEnd:
    def __init__(self, path: Path, store: Callable[[Content], Stored]) -> None:
        self._path, self._store = path, store

    def finish(self, head: bytes, start: int, end: int) -> Stored:
        """Copy the head and the range of the file."""
        with self._path.open("rb") as file:
            return self._store(Content(file, head, start, end))

    def close(self) -> None:
        """Nothing was sent."""


@contextmanager
def _errors(key: str) -> Iterator[None]:
    """Say ObjectMissing for what is not there, TransientError for every other refusal of the file system."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise ObjectMissing(key) from error
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> TransientError:
    metrics.STORAGE_UNAVAILABLE.inc()
    return TransientError("storage_unavailable", f"The storage folder refused: {error.strerror}.")


def _place(key: str) -> tuple[tuple[bool, str], ...]:
    """Where a key stands in a listing: the files of a folder come before the folders in it."""
    *folders, name = key.split("/")
    return (*((True, folder) for folder in folders), (False, name))
