"""`storage`: a folder, and a bucket of its own on the real S3 server; every test on both databases."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update

from core import artifacts, jobs, leases
from core.db import transaction
from core.leases import Lease
from core.models import Artifact, Job, now
from core.settings import Settings
from core.storage import storage_from
from tests.core.rows import artifact_of
from tests.services import seaweed

LONG_AGO = now() - timedelta(days=100)


@pytest.fixture(scope="session")
def bucket(s3_settings):
    """A bucket of their own, because sweeps look at all of it."""
    values = {name.lower(): value for name, value in s3_settings.items()} | {"s3_bucket": "housekeeping"}
    seaweed.client(values["s3_endpoint_url"]).create_bucket(Bucket=values["s3_bucket"])
    return storage_from(Settings(**values))


@pytest.fixture(params=["local", "s3"])
def storage(request, tmp_path):
    if request.param == "local":
        return storage_from(Settings(storage_dir=tmp_path / "storage", s3_bucket=None, secret_key="s"))
    emptied = request.getfixturevalue("bucket")
    for key in list(emptied.keys("")):
        emptied.delete(key)
    for upload in list(emptied.uploads("")):
        emptied.abort_multipart(upload.key, upload.upload_id)
    return emptied


@pytest.fixture
def put(storage, tmp_path):
    """Return a function that stores a few bytes under a key, and returns the key."""

    def store(key, body=b"12345"):
        path = tmp_path / "body"
        path.write_bytes(body)
        storage.put_file(key, path, content_type="video/mp4")
        return key

    return store


@pytest.fixture
def keys(storage):
    """Return a function that lists every key there is."""
    return lambda: set(storage.keys("artifacts/")) | set(storage.keys("assets/"))


def names(swept):
    return sorted(item.name for item in swept)


def hexed(*stages, salt=""):
    """The stages under digests as they really look; equal names and salts make equal digests."""
    return tuple(replace(stage, digest=hashlib.sha256(f"{salt}{stage.name}".encode()).hexdigest()) for stage in stages)


def key_of(digest, attempt="0123456789ab", name="video.mp4"):
    return artifacts.file_key(digest, attempt, name)


def claim(job, name):
    lease = Lease(job.id, name, again(job).epoch, f"{name}-{uuid4().hex[:6]}")
    return lease, leases.claim(lease, seconds=60, attempts=4)


def work(job, put, *stages):
    """Run stages of a job as workers do: claim, store a file, commit."""
    for name in stages:
        lease, row = claim(job, name)
        made = artifact_of(row, job.account_id)
        key = put(key_of(row.digest, uuid4().hex[:12]))
        made.files = {"video.mp4": {"key": key, "size": 5, "sha256": "", "content_type": "video/mp4", "media": None}}
        assert leases.commit(lease, made) is not None


def again(job):
    return jobs.get(job.account_id, job.id)


def change(kind, key, **values):
    """Set columns of one stored row."""
    with transaction() as session:
        row = session.get_one(kind, key)
        for name, value in values.items():
            setattr(row, name, value)


def grow_old(*made):
    """Let jobs and their artifacts look as if all of it had been long ago."""
    for job in made:
        ended = {"finished_at": LONG_AGO} if again(job).finished_at else {}
        change(Job, job.id, created_at=LONG_AGO, **ended)
        with transaction() as session:
            digests = [stage.digest for stage in job.stages]
            session.execute(update(Artifact).where(Artifact.digest.in_(digests)).values(created_at=LONG_AGO))
