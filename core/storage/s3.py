"""Storage in a bucket of S3, or of a server that speaks it, by boto3.

Clients of uploads and downloads talk to the bucket themselves, by presigned URLs. Give the bucket a lifecycle rule
that aborts incomplete multipart uploads: a process that is killed leaves the parts that it sent.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from boto3.session import Session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from core.errors import TransientError
from core.storage import base
from core.storage.base import ObjectMissing, OpenUpload, Part, Settled, Stored, StoredObject, Stream
from core.storage.measure import measure
from core.storage.pieces import Check, Piece, go_on
from core.storage.presigning import signed_since
from core.storage.ranged import RangedFile
from core.storage.signing import checked_content_type, content_disposition
from core.storage.streaming import StreamedUpload
from core.telemetry import metrics

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

AddressingStyle = Literal["auto", "path", "virtual"]

_ATTEMPTS = 5
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 60
_CHECK_TIMEOUT_S = 5
_OK = 200
_TAGGED = {"HeadObject", "PutObject", "UploadPart"}  # what their answers are asked for comes in a header
_MISSING = {"NoSuchKey", "404", "NotFound"}


class S3Storage:
    """A bucket as storage; safe to share between threads, and to use on both sides of a fork.

    Without keys, boto3 looks for credentials itself (IAM roles, environment, profiles). `public_endpoint_url` is where
    clients reach the bucket when that differs from where this process does; presigned URLs start with it.
    """

    def __init__(
        self,
        *,
        bucket: str,
        region: str,
        endpoint_url: str | None = None,
        public_endpoint_url: str | None = None,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        addressing_style: AddressingStyle = "auto",
    ) -> None:
        self._bucket = bucket
        self._region = region
        self._endpoint_url = endpoint_url
        self._public_endpoint_url = public_endpoint_url or endpoint_url
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._style = addressing_style
        self._clients: dict[tuple[int, str | None, int, int], S3Client] = {}
        self._credentials: dict[int, Credentials] = {}

    def put_file(self, key: str, path: Path, *, content_type: str) -> Stored:
        """Send the file, large ones in parts by four threads."""
        kind, size = checked_content_type(content_type), path.stat().st_size
        with closing(StreamedUpload(self, base.checked_key(key), path, content_type=kind)) as upload:
            return upload.finish(b"", 0, size)

    def stream(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        settled: Settled,
        check: Check = go_on,
        patience_s: float = base.PATIENCE_S,
    ) -> Stream:
        """Return a stream that sends the file in parts as it grows."""
        return StreamedUpload(
            self,
            base.checked_key(key),
            path,
            content_type=checked_content_type(content_type),
            settled=settled,
            check=check,
            patience_s=patience_s,
        )

    def put_whole(self, key: str, body: Piece, *, md5: bytes, content_type: str) -> None:
        """Put an object by one request, made once; S3 refuses it when its MD5 is another."""
        with self._errors(base.checked_key(key)):
            self._client(attempts=1).put_object(
                Bucket=self._bucket,
                Key=key,
                Body=cast(BinaryIO, body),
                ContentMD5=_base64(md5),
                ContentType=content_type,
            )

    def put_part(self, key: str, upload_id: str, number: int, body: Piece, *, md5: bytes) -> Part:
        """Put a part by one request, made once; S3 refuses it when its MD5 is another; raises UploadMissing."""
        with self._errors(base.checked_key(key)):
            answer = self._client(attempts=1).upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=number,
                Body=cast(BinaryIO, body),
                ContentMD5=_base64(md5),
            )
            return Part(number, body.size, answer["ETag"].strip('"'))

    def open(self, key: str) -> BinaryIO:
        """Open for reading by ranged requests; raises ObjectMissing, also when the object goes away while it is read.

        Reading raises TransientError `storage_unavailable`, also when another object takes the key meanwhile.
        """
        # Each failed range is asked for again by RangedFile, so the client itself must not.
        client = self._client(attempts=1)
        with self._errors(base.checked_key(key)):
            head = self._client().head_object(Bucket=self._bucket, Key=key)

        def fetch(start: int, end: int) -> bytes:
            with self._errors(key):
                answer = client.get_object(
                    Bucket=self._bucket, Key=key, Range=f"bytes={start}-{end - 1}", IfMatch=head["ETag"]
                )
                with answer["Body"] as body:
                    return body.read()

        return cast(BinaryIO, RangedFile(fetch, head["ContentLength"]))

    def size(self, key: str) -> int:
        """Return the size in bytes; raises ObjectMissing."""
        with self._errors(base.checked_key(key)):
            return self._client().head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def delete(self, key: str) -> None:
        """Remove the object; no error when there is none."""
        with self._errors(base.checked_key(key)):
            self._client().delete_object(Bucket=self._bucket, Key=key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield every key that starts with `prefix`, a thousand a request."""
        return (found.key for found in self.objects(prefix))

    def objects(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose keys start with `prefix` and come after `after`, a thousand a request."""
        with self._errors(prefix):
            pages = self._client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, StartAfter=after):
                for entry in page.get("Contents", []):
                    yield StoredObject(entry["Key"], entry["Size"], entry["LastModified"])

    def create_multipart(self, key: str, *, content_type: str) -> str:
        """Open an upload in parts; return its id."""
        kind = checked_content_type(content_type)
        with self._errors(base.checked_key(key)):
            answer = self._client().create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=kind)
            return answer["UploadId"]

    def sign_part(self, key: str, upload_id: str, number: int, *, expires_s: int, size: int | None = None) -> str:
        """Return a presigned PUT of part `number`; a `size` is signed too, so that S3 refuses any other."""
        params = {
            "Bucket": self._bucket,
            "Key": base.checked_key(key),
            "UploadId": upload_id,
            "PartNumber": base.checked_number(number),
        }
        if size is not None:
            params["ContentLength"] = size
        with self._errors(key):
            return self._public().generate_presigned_url("upload_part", Params=params, ExpiresIn=expires_s)

    def send_part(self, key: str, upload_id: str, number: int, data: bytes) -> Part:
        """Put a part; S3 refuses it when its MD5 is another."""
        with self._errors(base.checked_key(key)):
            answer = self._client().upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=base.checked_number(number),
                Body=data,
                ContentMD5=_base64(hashlib.md5(data, usedforsecurity=False).digest()),
            )
            return Part(number, len(data), answer["ETag"].strip('"'))

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Yield the open uploads for keys that start with `prefix`, a thousand a request."""
        with self._errors(prefix):
            pages = self._client().get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Uploads", []):
                    yield OpenUpload(entry["Key"], entry["UploadId"], entry["Initiated"])

    def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """Return the parts that arrived, by number, a thousand a request."""
        try:
            with self._errors(base.checked_key(key)):
                pages = self._client().get_paginator("list_parts")
                found = [
                    part
                    for page in pages.paginate(
                        Bucket=self._bucket, Key=key, UploadId=upload_id, PaginationConfig={"PageSize": 1000}
                    )
                    for part in page.get("Parts", [])
                ]
        except base.UploadMissing:
            return []
        # SeaweedFS also lists what a part held before it was sent again: of each number, the newest counts.
        found.sort(key=lambda part: part["LastModified"])
        newest = {part["PartNumber"]: Part(part["PartNumber"], part["Size"], part["ETag"].strip('"')) for part in found}
        return [newest[number] for number in sorted(newest)]

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Join the parts into the object; raises InputError `part_missing`, `part_too_small`, UploadMissing."""
        wanted = base.ordered(parts)
        try:
            with self._errors(base.checked_key(key)):
                self._client().complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=key,
                    UploadId=upload_id,
                    MultipartUpload={
                        "Parts": [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in wanted]
                    },
                )
        except base.UploadMissing:
            base.require_complete(self, key, wanted)

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Drop an upload and its parts; no error when there is none."""
        try:
            with self._errors(base.checked_key(key)):
                self._client().abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except base.UploadMissing:
            return

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
        """Return a presigned GET that serves the object, with Range, under this name and type."""
        kind = checked_content_type(content_type)
        params = {
            "Bucket": self._bucket,
            "Key": base.checked_key(key),
            "ResponseContentType": kind,
            "ResponseContentDisposition": content_disposition(filename, kind, inline=inline),
        }
        with self._errors(key):
            client = self._public()
            url = client.generate_presigned_url("get_object", Params=params, ExpiresIn=expires_s)
            if since is None:
                return url
            # Those of a role are fetched anew before they end.
            credentials = self._credentials[os.getpid()].get_frozen_credentials()
            return signed_since(url, credentials, region=client.meta.region_name, since=since, expires_s=expires_s)

    def check(self) -> None:
        """Ask once, for five seconds at most, whether the bucket is there; raises TransientError."""
        try:
            with self._errors(self._bucket):
                self._client(attempts=1, read_timeout_s=_CHECK_TIMEOUT_S).head_bucket(Bucket=self._bucket)
        except ObjectMissing as error:
            raise TransientError("storage_unavailable", f"Storage has no bucket {self._bucket}.") from error

    def client(self) -> S3Client:
        """Return this process's client, for what only S3 has: CORS, lifecycles."""
        return self._client()

    def _public(self) -> S3Client:
        return self._client(endpoint_url=self._public_endpoint_url)

    def _client(
        self, *, endpoint_url: str | None = None, attempts: int = _ATTEMPTS, read_timeout_s: int = _READ_TIMEOUT_S
    ) -> S3Client:
        """Return this process's client: connections do not survive a fork, and a lock might be copied while held.

        Threads that come first at once make a client each, and the first one stays.
        """
        endpoint_url = endpoint_url or self._endpoint_url
        at = (os.getpid(), endpoint_url, attempts, read_timeout_s)
        return self._clients.get(at) or self._clients.setdefault(
            at, self._connect(endpoint_url, attempts, read_timeout_s)
        )

    def _connect(self, endpoint_url: str | None, attempts: int, read_timeout_s: int) -> S3Client:
        # A Session of its own: boto3's default one must not be used by two threads.
        session = Session(aws_access_key_id=self._access_key_id, aws_secret_access_key=self._secret_access_key)
        session.events.register("before-parse.s3", _fail_when_cut)
        self._credentials[os.getpid()] = cast(Credentials, session.get_credentials())
        client = session.client(
            "s3",
            region_name=self._region,
            endpoint_url=endpoint_url,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": self._style},
                retries={"mode": "standard", "total_max_attempts": attempts},
                connect_timeout=min(_CONNECT_TIMEOUT_S, read_timeout_s),
                read_timeout=read_timeout_s,
                max_pool_connections=32,
                tcp_keepalive=True,
                # Checksum trailers are refused by servers that are not AWS, and would be part of presigned URLs.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        measure(client)
        return client

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Translate what boto3 raises; a message never shows an address or a credential."""
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _MISSING:
                raise ObjectMissing(key) from error
            if code == "NoSuchUpload":
                raise base.UploadMissing from error
            if code in {"InvalidPart", "InvalidPartOrder"}:
                raise base.part_missing() from error
            if code == "EntityTooSmall":
                raise base.part_too_small() from error
            metrics.STORAGE_UNAVAILABLE.inc()
            raise TransientError("storage_unavailable", f"Storage answered {code}.") from error
        except (BotoCoreError, HTTPError, ConnectionError, TimeoutError) as error:
            metrics.STORAGE_UNAVAILABLE.inc()
            raise TransientError("storage_unavailable", f"Storage did not answer: {type(error).__name__}.") from error


def _fail_when_cut(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Make an answer that is not as long as it says a failure, which is asked again.

    Python's HTTP takes a connection that ends within the headers for an answer with a shorter or no body, and botocore
    that for a list without entries. What is read as a stream is counted by who reads it.
    """
    if response_dict["status_code"] != _OK or operation_model.has_streaming_output:
        return
    headers = {name.lower(): value for name, value in response_dict["headers"].items()}
    length = headers.get("content-length", "")
    whole = "transfer-encoding" in headers or length == str(len(response_dict["body"]))
    if operation_model.http["method"] == "HEAD":
        whole = length.isdigit() or operation_model.name == "HeadBucket"
    if operation_model.name in _TAGGED and not headers.get("etag", "").endswith('"'):
        whole = False
    if not whole:
        response_dict["status_code"] = 503


def _base64(md5: bytes) -> str:
    return base64.b64encode(md5).decode()
