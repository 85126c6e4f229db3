"""Where files live: one Protocol, in a local folder or in S3."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from core.storage.base import ObjectMissing, OpenUpload, Part, Storage, Stored, StoredObject, Stream, UploadMissing

if TYPE_CHECKING:
    from core.settings import Settings
    from core.storage.s3 import AddressingStyle

__all__ = [
    "ObjectMissing",
    "OpenUpload",
    "Part",
    "Storage",
    "Stored",
    "StoredObject",
    "Stream",
    "UploadMissing",
    "storage_from",
]


@lru_cache(maxsize=4)
def storage_from(settings: Settings) -> Storage:
    """Return the storage that the settings name: S3 when `s3_bucket` is set, else the folder `storage_dir`.

    The same for the same settings: its connections outlive the stage or the request that asked.
    """
    if settings.s3_bucket is None:
        from core.storage.local import LocalStorage

        return LocalStorage(
            settings.storage_dir,
            public_url=settings.public_url,
            secret=settings.secret_key.get_secret_value(),
        )
    from core.storage.s3 import S3Storage  # boto3 takes a while to import

    key, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    return S3Storage(
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        endpoint_url=settings.s3_endpoint_url,
        public_endpoint_url=settings.s3_public_endpoint_url,
        access_key_id=key.get_secret_value() if key else None,
        secret_access_key=secret.get_secret_value() if secret else None,
        addressing_style=cast("AddressingStyle", settings.s3_addressing_style),
    )
