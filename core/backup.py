"""Puts a file, such as a database dump, into a bucket: `python -m core.backup FILE s3://BUCKET/KEY`.

Not into Cutwork's own bucket: its housekeeping removes what no row names. Region, endpoint and keys are those of the
settings. `{now}` in the key becomes the time in UTC, as in `20261121T031500Z`.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from core.errors import CutworkError, InputError
from core.log import configure_logging
from core.settings import Settings, get_settings
from core.storage import storage_from

_log = structlog.get_logger(__name__)


def send(file: Path, target: str, settings: Settings) -> str:
    """Upload and return the URL of the object, which appears whole or not at all.

    Raises InputError `backup_target` for what is not the URL of an object in another bucket than Cutwork's,
    `backup_empty` for a file without content, and TransientError when the storage does not answer.
    """
    address = urlsplit(target.replace("{now}", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
    bucket, key = address.netloc, address.path.lstrip("/")
    if address.scheme != "s3" or not bucket or not key or bucket == settings.s3_bucket:
        raise InputError("backup_target", "Name an object as s3://BUCKET/KEY, in another bucket than S3_BUCKET.")
    if not file.stat().st_size:
        raise InputError("backup_empty", f"{file} is empty: look at what should have written it.")
    storage = storage_from(settings.model_copy(update={"s3_bucket": bucket}))
    storage.put_file(key, file, content_type="application/octet-stream")
    return address.geturl()


def main() -> int:
    """Run as a program; returns 1 when nothing was stored."""
    parser = argparse.ArgumentParser(prog="python -m core.backup", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("target")
    asked = parser.parse_args()
    configure_logging(json=get_settings().log_json)
    try:
        url = send(asked.file, asked.target, get_settings())
    except CutworkError as error:
        _log.error("not backed up", code=error.code, reason=error.message)
        return 1
    _log.info("backed up", to=url, bytes=asked.file.stat().st_size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
