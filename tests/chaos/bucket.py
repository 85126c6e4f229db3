"""What the bucket holds in the end, compared with what the rows name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, text

from core.models import Artifact
from tests.services import seaweed


class Bucket:
    """One bucket of the S3 server, asked directly."""

    def __init__(self, endpoint: str, name: str) -> None:
        self._s3 = seaweed.client(endpoint)
        self._name = name

    def wrong(self, artifacts: Iterable[Artifact]) -> list[str]:
        """Objects that a row names and that are missing, or have another size or SHA-256."""
        found = []
        for artifact in artifacts:
            for entry in artifact.files.values():
                trouble = self._trouble(entry)
                if trouble:
                    found.append(f"{artifact.stage} {entry['key']}: {trouble}")
        return found

    def orphans(self, engine: Engine, artifacts: Sequence[Artifact]) -> list[str]:
        """Objects and multipart uploads that no row names."""
        named = {entry["key"] for artifact in artifacts for entry in artifact.files.values()}
        with engine.connect() as connection:
            named |= set(connection.scalars(text("SELECT storage_key FROM assets")))
            rows = connection.execute(text("SELECT storage_key, multipart_id FROM uploads WHERE status = 'open'"))
            uploads = {(row.storage_key, row.multipart_id) for row in rows}
        named |= {key for key, _ in uploads}
        objects = [key for key in self._keys() if key not in named]
        parts = [f"{key} (multipart)" for key, upload in self._multiparts() if (key, upload) not in uploads]
        return objects + parts

    def _trouble(self, entry: dict[str, Any]) -> str | None:
        try:
            body = self._s3.get_object(Bucket=self._name, Key=entry["key"])["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return "missing"
        if len(body) != entry["size"]:
            return f"{len(body)} bytes instead of {entry['size']}"
        return None if hashlib.sha256(body).hexdigest() == entry["sha256"] else "another SHA-256"

    def _keys(self) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def _multiparts(self) -> list[tuple[str, str]]:
        pages = self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._name)
        return [(entry["Key"], entry["UploadId"]) for page in pages for entry in page.get("Uploads", [])]
