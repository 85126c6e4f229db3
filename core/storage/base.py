"""What a storage is: one Protocol, two adapters that pass the same tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from core.errors import EngineError, InputError, NotFoundError
from core.storage.pieces import Check, go_on

MOST_PARTS = 10_000
MIN_PART_BYTES = 5 * 2**20
"""S3's rule (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html), kept by every adapter."""
LONGEST_KEY = 255
PATIENCE_S = 30.0
_KEY = re.compile(r"(?!.*(^|/)\.)[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


class ObjectMissing(NotFoundError):
    """There is no object under the key."""

    def __init__(self, key: str) -> None:
        super().__init__("object_missing", f"There is no object {key}.")


class UploadMissing(NotFoundError):
    """There is no upload of that id: it was completed, aborted, or never made."""

    def __init__(self) -> None:
        super().__init__("upload_missing", "The upload has ended: start a new one.")


@dataclass(frozen=True)
class Part:
    """One part of a multipart upload: its number from 1, its size in bytes, and the tag its upload answered with."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class StoredObject:
    """One object: its key, its size in bytes, and when it was written (S3: when the upload that it came by began)."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that has neither been completed nor aborted, and when it was begun (with time zone)."""

    key: str
    upload_id: str
    started_at: datetime


@dataclass(frozen=True)
class Stored:
    """What a file became in the storage: its bytes, and their SHA-256 in hexadecimal."""

    size: int
    sha256: str


class Stream(Protocol):
    """A file that is stored while it is written."""

    def finish(self, head: bytes, start: int, end: int) -> Stored:
        """Make the object of the finished file: the bytes of `head`, then those of the file from `start` to `end`.

        Raises TransientError, and whatever the stream's `check` raises; then there is no object.
        """

    def close(self) -> None:
        """Drop what was sent, unless `finish` made it an object; raises TransientError when that must be left."""


Settled = Callable[[BinaryIO], int]
"""Return up to which byte a file that grows is final, but for what its stream calls the head."""


class Storage(Protocol):
    """Objects under keys. Everything raises TransientError `storage_unavailable` when the storage does not answer."""

    def put_file(self, key: str, path: Path, *, content_type: str) -> Stored:
        """Store a file: the object appears whole, or not at all."""

    def stream(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        settled: Settled,
        check: Check = go_on,
        patience_s: float = PATIENCE_S,
    ) -> Stream:
        """Store a file that is about to be written to `path`; the object appears whole when the stream is finished.

        `check` is called every second or more often while `finish` works, and raises to stop it; requests that fail are
        made again for `patience_s` seconds.
        """

    def open(self, key: str) -> BinaryIO:
        """Return a seekable file that fetches only what is read; raises ObjectMissing."""

    def size(self, key: str) -> int:
        """Return the size in bytes; raises ObjectMissing."""

    def delete(self, key: str) -> None:
        """Delete the object; one that is not there is fine."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with a prefix."""

    def objects(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose keys start with a prefix, as they are listed: never all in memory.

        `after` is a key that was yielded: only what is listed after it is, though it may have been deleted meanwhile.
        """

    def create_multipart(self, key: str, *, content_type: str) -> str:
        """Open a multipart upload and return its id."""

    def sign_part(self, key: str, upload_id: str, number: int, *, expires_s: int, size: int | None = None) -> str:
        """Return a URL to PUT a part to; with `size`, of exactly so many bytes."""

    def send_part(self, key: str, upload_id: str, number: int, data: bytes) -> Part:
        """Store a part from here, in place of an earlier one of its number; raises UploadMissing."""

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Yield the multipart uploads that are open for keys that start with a prefix, in any order."""

    def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """Return the parts that have arrived, by number; none for an upload that has ended."""

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Join the parts; raises InputError `part_missing`, `part_too_small`, UploadMissing.

        A second call with the same parts is fine: the answer of the first may have been lost.
        """

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Drop an upload with its parts; one that has ended is fine."""

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
        """Return a URL to GET the object from; browsers save it as `filename` unless `inline`.

        It works for `expires_s` from now on, or since then (seconds since 1970, not in the future); for the same
        `since` it is the same.
        """

    def check(self) -> None:
        """Return when the storage can be used; raises TransientError."""


def checked_key(key: str) -> str:
    """Return a key that is safe as a path and in a URL; raises EngineError `bad_key`: keys are made by us."""
    if len(key) > LONGEST_KEY or not _KEY.fullmatch(key):
        raise EngineError("bad_key", f"{key!r} is no storage key.")
    return key


def checked_number(number: int) -> int:
    """Return a part's number that S3 would take; raises InputError `bad_part_number`."""
    if not 1 <= number <= MOST_PARTS:
        raise InputError("bad_part_number", f"Parts are numbered from 1 to {MOST_PARTS}.")
    return number


def ordered(parts: Sequence[Part]) -> list[Part]:
    """Return the parts by number; raises InputError `part_missing` when there is none or one comes twice."""
    wanted = sorted(parts, key=lambda part: part.number)
    if not wanted or len({part.number for part in wanted}) != len(wanted):
        raise part_missing()
    return wanted


def require_complete(storage: Storage, key: str, wanted: Sequence[Part]) -> None:
    """Pass when an earlier call made the object of the same parts, and its answer was lost; else UploadMissing."""
    try:
        size = storage.size(key)
    except ObjectMissing:
        raise UploadMissing from None
    if size != sum(part.size for part in wanted):
        raise UploadMissing


def part_missing() -> InputError:
    """The error for a part that is not there as described."""
    return InputError("part_missing", "A part has not arrived, or was sent again meanwhile.")


def part_too_small() -> InputError:
    """The error for a part, not the last, under S3's five mebibytes."""
    return InputError("part_too_small", f"Every part but the last needs at least {MIN_PART_BYTES} bytes.")
