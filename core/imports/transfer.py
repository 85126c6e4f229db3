"""From a URL into the parts of an upload, as the bytes come: nothing touches the disk, one part is in memory.

What has become a part stays. An attempt that is cut off, or whose worker dies, leaves the upload open, and notes that
say where it is and what the file was; the next one asks for the rest by `Range`, with `If-Range`, so that it gets the
rest of the same file or all of another. Where the server cannot do that, it begins anew.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import structlog

from core import uploads
from core.db import reading
from core.errors import InputError, TransientError
from core.imports import source
from core.imports.source import Source
from core.models import Asset, Upload
from core.outgoing import Answer, Client
from core.outgoing.client import REDIRECTS
from core.settings import Settings
from core.storage import Storage

Progress = Callable[[Fraction], None]
Remember = Callable[[Mapping[str, Any]], None]

_PAUSE_S = 0.5
_log = structlog.get_logger(__name__)


class Transfer:
    """One import: `notes` are what an earlier attempt has remembered.

    `progress` is told how much there is and may raise to stop it; `remember` keeps notes for the next attempt.
    """

    def __init__(
        self,
        account_id: str,
        url: str,
        *,
        client: Client,
        storage: Storage,
        settings: Settings,
        seconds: float,
        notes: Mapping[str, Any] | None,
        progress: Progress,
        remember: Remember,
    ) -> None:
        self._account_id, self._url = account_id, url
        self._client, self._storage, self._settings = client, storage, settings
        self._deadline = time.monotonic() + seconds
        self._progress, self._remember = progress, remember
        self._upload: Upload | None = None
        self._source: Source | None = None
        self._parts = self._offset = 0
        # Of all that was stored, as long as this attempt has seen all of it.
        self._digest: Any = None
        self._take_up(notes or {})

    def run(self) -> Asset:
        """Fetch what is missing and return the asset that it makes.

        Raises InputError `url_refused`, `url_unreachable`, `url_not_served`, `url_too_large`, `empty_file`;
        ForbiddenError `storage_quota_exceeded`, also amid a file that had not told its size; TransientError
        `url_unreachable`, and what the storage raises. Those of the user drop what came.
        """
        try:
            while self._upload is None or self._upload.status == uploads.OPEN:
                before = self._parts
                try:
                    self._fetch()
                    break
                except TransientError as error:
                    # As long as it gets on, it goes on; else the whole attempt is tried again, after a longer while.
                    if error.code != "url_unreachable" or self._parts <= before:
                        raise
                    _log.info("import cut off", at=self._offset, reason=error.message)
                    time.sleep(_PAUSE_S)
            return self._complete()
        except InputError:
            self._drop()
            raise

    def _take_up(self, notes: Mapping[str, Any]) -> None:
        """Go on with the upload of an earlier attempt, if there is one that can be gone on with."""
        if "upload" not in notes:
            return
        with reading() as session:
            upload = session.get(Upload, notes["upload"])
        if upload is None or upload.status not in (uploads.OPEN, uploads.COMPLETED):
            return
        self._upload, self._source = upload, Source.from_dict(notes["source"])
        if upload.status == uploads.OPEN:
            there = {part.number: part for part in self._storage.list_parts(upload.storage_key, upload.multipart_id)}
            while (part := there.get(self._parts + 1)) and part.size == upload.part_size:
                self._parts += 1
            self._offset = self._parts * upload.part_size

    def _fetch(self) -> None:
        wanted = self._source.asking_from(self._offset) if self._source else {}
        left = self._deadline - time.monotonic()
        with self._client.open("GET", self._url, headers=wanted, redirects=REDIRECTS, seconds=left) as answer:
            source.check_status(answer)
            if self._source is None or not wanted or not self._source.goes_on(answer, self._offset):
                self._begin(answer)
            self._receive(answer)

    def _begin(self, answer: Answer) -> None:
        """Take an answer for the whole file, from its start; what came of another one is dropped."""
        if answer.status != 200:
            # It has no such range, or sent another: asked without one, it sends all.
            self._drop()
            self._source, self._parts, self._offset = None, 0, 0
            self._remember({})
            raise TransientError("url_unreachable", f"{answer.url.host} did not send the range that it was asked for.")
        self._drop()
        found = Source.of(answer, most=self._settings.upload_max_bytes)
        self._upload = uploads.begin(
            self._account_id,
            self._storage,
            filename=found.filename,
            size=found.size,
            content_type=found.content_type,
        )
        self._source, self._parts, self._offset = found, 0, 0
        self._digest = hashlib.sha256()
        self._remember({"upload": self._upload.id, "source": found.to_dict()})

    def _receive(self, answer: Answer) -> None:
        assert self._upload is not None
        waiting = bytearray()
        for block in answer.blocks():
            waiting += block
            if self._offset + len(waiting) > self._settings.upload_max_bytes:
                raise source.too_large(self._settings.upload_max_bytes)
            self._tell(len(waiting))
            while len(waiting) >= self._upload.part_size:
                self._store(bytes(waiting[: self._upload.part_size]))
                del waiting[: self._upload.part_size]
        if waiting:
            self._store(bytes(waiting))
        if not self._offset:
            raise source.empty()

    def _store(self, data: bytes) -> None:
        assert self._upload is not None
        upload, number = self._upload, self._parts + 1
        if self._source is None or self._source.size is None:
            # Nothing was reserved when it began: what comes is, before it is stored.
            uploads.set_size(upload.id, self._offset + len(data))
        self._storage.send_part(upload.storage_key, upload.multipart_id, number, data)
        if self._digest is not None:
            self._digest.update(data)
        self._parts, self._offset = number, self._offset + len(data)

    def _tell(self, waiting: int) -> None:
        size = self._source.size if self._source else None
        self._progress(Fraction(self._offset + waiting, size) if size else Fraction(0))

    def _complete(self) -> Asset:
        assert self._upload is not None
        if self._upload.status == uploads.OPEN:
            uploads.set_size(self._upload.id, self._offset)
        declared = self._digest.hexdigest() if self._digest is not None else None
        return uploads.complete(self._account_id, self._upload.id, self._storage, sha256=declared)[0]

    def _drop(self) -> None:
        """Drop what came, which is of no use any more."""
        upload, self._upload, self._digest = self._upload, None, None
        if upload is not None and uploads.close(upload.id, uploads.ABORTED):
            uploads.drop(upload, self._storage)
