"""Send a file to storage: parts in parallel, straight to their signed addresses, resumed where an earlier try ended.

What is needed to resume (the upload's id, then the asset's) is kept in a small file, named after the server, the path,
the size and the modification time, so that a changed file is another upload.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import click
import httpx

from cli.client import Api, Json, again, http_client, no_answer, read_storage
from cli.errors import CliError, NoAnswerError, ProblemError, RefusedError
from cli.progress import OnBytes

CHUNK = 1 << 18


class Stopped(Exception):
    """The main thread is leaving; the thread that sees this lets go of its part."""


class Journal:
    """What is known of the upload of one version of one file to one server."""

    def __init__(self, folder: Path, url: str, path: Path, stat: os.stat_result) -> None:
        identity = json.dumps([url, str(path.resolve()), stat.st_size, stat.st_mtime_ns])
        self._file = folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"

    def read(self) -> dict[str, str]:
        """Return `{"upload": …}` or `{"asset": …}`, or nothing."""
        try:
            document = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, **known: str) -> None:
        """Replace what is known, whole or not at all."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(known))
        draft.replace(self._file)

    def forget(self) -> None:
        """Know nothing any more."""
        self._file.unlink(missing_ok=True)


def upload(api: Api, path: Path, *, journals: Path, on_bytes: OnBytes, parallel: int = 4) -> Json:
    """Return the asset document of the file at `path`, sending only the parts that the server has not got yet.

    `journals` is the folder that remembers uploads between runs.
    `on_bytes` is told of bytes that are done (a negative number when a part has to be sent again), from any thread.
    Raises RefusedError, ServerError, NoAnswerError, or OSError when the file cannot be read.
    """
    stat = path.stat()
    journal = Journal(journals, api.url, path, stat)
    known = journal.read()
    if "asset" in known and (asset := api.find(f"/v1/assets/{known['asset']}")) is not None:
        on_bytes(stat.st_size)
        return asset
    document = _resumable(api, known.get("upload")) or _create(api, path, stat.st_size)
    journal.write(upload=document["id"])
    try:
        digest = _Sender(api, path, document, on_bytes).run(parallel) if document["status"] == "open" else None
        asset = _complete(api, document["id"], digest)
    except RefusedError:
        journal.forget()
        raise
    journal.write(asset=asset["id"])
    return asset


def _resumable(api: Api, upload_id: str | None) -> Json | None:
    """Return the upload of an earlier try, unless it was dropped since."""
    document = api.find(f"/v1/uploads/{upload_id}") if upload_id else None
    return document if document is not None and document["status"] in {"open", "completed"} else None


def _complete(api: Api, upload_id: str, digest: str | None) -> Json:
    """Make the asset; the server reads the whole file for it, and a second call answers with the same asset."""
    body = {"sha256": digest} if digest else {}
    return again(lambda: api.post(f"/v1/uploads/{upload_id}/complete", body, timeout_s=1800), passing=(NoAnswerError,))


def _create(api: Api, path: Path, size: int) -> Json:
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return api.create("/v1/uploads", {"filename": path.name, "size": size, "content_type": content_type})


class _Sender:
    """Sends the missing parts of one upload while it computes the SHA-256 of the whole file."""

    def __init__(self, api: Api, path: Path, document: Json, on_bytes: OnBytes) -> None:
        self._api, self._path, self._on_bytes = api, path, on_bytes
        self._id: str = document["id"]
        self._part_size: int = document["part_size"]
        self._size = path.stat().st_size
        self._stop = threading.Event()

    def run(self, parallel: int) -> str:
        """Return the file's SHA-256 in hexadecimal once every part is in storage."""
        with http_client(self._api.url) as http, ThreadPoolExecutor(parallel + 1) as pool:
            try:
                digest = pool.submit(self._digest)
                _finish([digest, *(pool.submit(self._send, http, part) for part in self._missing())])
                return digest.result()
            finally:
                # When all went well there is nothing left to stop.
                self._stop.set()
                pool.shutdown(cancel_futures=True)

    def _missing(self) -> Iterator[Json]:
        """Yield the parts that storage has not got, page by page, and count those that it has."""
        for part in self._listing():
            if part["uploaded"]:
                self._on_bytes(self._length(part["number"]))
            else:
                yield part

    def _listing(self) -> Iterator[Json]:
        count = max(1, -(-self._size // self._part_size))
        number = 1
        while number <= count:
            page = self._api.get(f"/v1/uploads/{self._id}/parts", **{"from": number})["data"]
            yield from page
            if not page:
                return
            number = page[-1]["number"] + 1

    def _length(self, number: int) -> int:
        return min(self._part_size, self._size - (number - 1) * self._part_size)

    def _send(self, http: httpx.Client, part: Json) -> None:
        number, url = part["number"], part["url"]

        def attempt() -> None:
            nonlocal url
            try:
                self._put(http, url, number)
            except RefusedError as error:
                if error.problem["status"] != 403:
                    raise
                url = self._sign(number)  # most likely it expired while the part waited its turn
                self._put(http, url, number)

        try:
            again(attempt)
        except httpx.TransportError as error:
            raise no_answer(str(httpx.URL(url).copy_with(path="/", query=None)), error) from error

    def _put(self, http: httpx.Client, url: str, number: int) -> None:
        sent = 0

        def chunks() -> Iterator[bytes]:
            nonlocal sent
            for chunk in self._slice(number):
                yield chunk
                sent += len(chunk)
                self._on_bytes(len(chunk))

        try:
            # Without a length httpx sends chunks, which S3 refuses.
            read_storage(http.put(url, content=chunks(), headers={"Content-Length": str(self._length(number))}))
        except (httpx.TransportError, ProblemError):
            self._on_bytes(-sent)
            raise

    def _slice(self, number: int) -> Iterator[bytes]:
        left = self._length(number)
        with self._path.open("rb") as file:
            file.seek((number - 1) * self._part_size)
            while left:
                chunk = file.read(min(CHUNK, left))
                if self._stop.is_set():
                    raise Stopped
                if not chunk:
                    raise CliError(f"{self._path} became shorter while it was being sent; try again")
                yield chunk
                left -= len(chunk)

    def _sign(self, number: int) -> str:
        page = self._api.get(f"/v1/uploads/{self._id}/parts", **{"from": number})["data"]
        return str(page[0]["url"])

    def _digest(self) -> str:
        digest = hashlib.sha256()
        with self._path.open("rb") as file:
            while chunk := file.read(CHUNK):
                if self._stop.is_set():
                    raise Stopped
                digest.update(chunk)
        return digest.hexdigest()


def _finish(futures: list[Future[Any]]) -> None:
    """Wait for all; the first error of any is raised at once."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def check_file(path: Path) -> None:
    """Refuse what cannot be sent, before anything is. Raises click.UsageError."""
    if not path.is_file():
        raise click.UsageError(f"{path}: there is no such file")
    if not os.access(path, os.R_OK):
        raise click.UsageError(f"{path}: this file may not be read")
