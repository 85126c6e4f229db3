"""The two storages, as the storage's own tests make them."""

from tests.core.storage.conftest import local, place, s3, shared_s3, storage

__all__ = ["local", "place", "s3", "shared_s3", "storage"]
