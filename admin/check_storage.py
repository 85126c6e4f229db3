"""Checks of the storage: whether it takes, gives and forgets files, and lets browsers in."""

from __future__ import annotations

import email.utils
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from admin.check_services import SKEW_S
from admin.findings import Finding, fault, ok, warning
from core.errors import CutworkError
from core.settings import get_settings
from core.storage import storage_from

_KEY = "checks/{name}"
_BODY = b"a file that doctor has written"


def storage() -> Iterator[Finding]:
    """Write, read and delete a file; then what is special to a bucket."""
    settings = get_settings()
    where = f"bucket {settings.s3_bucket}" if settings.s3_bucket else f"folder {settings.storage_dir}"
    advice = (
        "Look at S3_BUCKET, S3_REGION, S3_ENDPOINT_URL and the role or keys: it needs to read, write, list and delete."
    )
    try:
        _round_trip()
    except CutworkError as error:
        yield fault("storage", f"{where}: {error.message}", advice if settings.s3_bucket else "Make it writable.")
        return
    yield ok("storage", f"{where}: written, read and deleted a file")
    if settings.s3_bucket:
        yield from _bucket(settings.s3_bucket)


def _round_trip() -> None:
    store, key = storage_from(get_settings()), _KEY.format(name=uuid.uuid4().hex)
    # A bucket that refuses says so at once; what is written is tried for as long as it is worth for a stage.
    store.check()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(_BODY)
        store.put_file(key, path, content_type="text/plain")
    try:
        with store.open(key) as file:
            if file.read() != _BODY:
                raise CutworkError("storage_differs", "it gave back other bytes than were written")
    finally:
        store.delete(key)


def _bucket(bucket: str) -> Iterator[Finding]:
    from core.storage.s3 import S3Storage

    store = storage_from(get_settings())
    assert isinstance(store, S3Storage)
    client: Any = store.client()
    try:
        headers = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
        there = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
        skew = there - time.time()
        yield (
            ok("clock of the storage", f"{skew:+.1f} s from here")
            if abs(skew) < SKEW_S
            else warning("clock of the storage", f"{skew:+.1f} s from here", "Keep hosts together by NTP.")
        )
    except (ClientError, BotoCoreError, KeyError) as error:
        yield warning("clock of the storage", f"not told: {error}", "Compare it by hand.")
    yield _cors(client, bucket)
    yield _lifecycle(client, bucket)


def _cors(client: Any, bucket: str) -> Finding:
    """Browsers send parts to the bucket themselves, and read the ETag of each answer."""
    url = urlsplit(get_settings().public_url)
    origin = f"{url.scheme}://{url.netloc}"
    advice = (
        f"Let {origin} PUT and GET and see ETag: aws s3api put-bucket-cors --bucket {bucket} --cors-configuration "
        f'\'{{"CORSRules":[{{"AllowedOrigins":["{origin}"],"AllowedMethods":["GET","PUT","HEAD"],"AllowedHeaders":["*"],'
        '"ExposeHeaders":["ETag"],"MaxAgeSeconds":3600}]}\''
    )
    try:
        rules = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchCORSConfiguration":
            return warning("bucket CORS", "none: browsers cannot upload", advice)
        return warning("bucket CORS", f"not told: {error.response['Error']['Code']}", advice)
    except BotoCoreError as error:
        return warning("bucket CORS", f"not told: {error}", advice)
    if any(_lets_in(rule, origin) for rule in rules):
        return ok("bucket CORS", f"lets {origin} upload")
    return warning("bucket CORS", f"does not let {origin} upload", advice)


def _lets_in(rule: dict[str, Any], origin: str) -> bool:
    return (
        any(one in {"*", origin} for one in rule.get("AllowedOrigins", []))
        and "PUT" in rule.get("AllowedMethods", [])
        and any(header.lower() in {"*", "etag"} for header in rule.get("ExposeHeaders", []))
    )


def _lifecycle(client: Any, bucket: str) -> Finding:
    """A process that is killed leaves parts; housekeeping removes them, a rule does so even where that is off."""
    try:
        rules = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except (ClientError, BotoCoreError):
        rules = []
    if any("AbortIncompleteMultipartUpload" in rule for rule in rules):
        return ok("bucket lifecycle", "ends uploads that are never completed")
    return ok("bucket lifecycle", "no rule for uploads that are never completed; housekeeping removes them")
