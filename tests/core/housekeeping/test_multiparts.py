"""Uploads in parts that nobody will complete are aborted."""

import pytest

from core import accounts, uploads
from core.housekeeping import multiparts
from core.models import Upload
from tests.core.housekeeping.conftest import change, claim, hexed, key_of, names
from tests.core.rows import make_job, stage_plan

pytestmark = pytest.mark.usefixtures("database")
TRIM = hexed(stage_plan("trim"))
ORPHAN = key_of("f" * 64)


def sweep(storage, *, grace_s=0, dry_run=False):
    return list(multiparts.sweep(storage, grace_s=grace_s, dry_run=dry_run))


@pytest.fixture
def begin(storage):
    """Return a function that opens an upload for a key and returns the name that sweeps give it."""
    return lambda key: f"{key}?uploadId={storage.create_multipart(key, content_type='video/mp4')}"


@pytest.fixture
def upload(storage):
    """An upload that a client has open."""
    account = accounts.default_account().id
    return uploads.create(account, storage, filename="a.mp4", size=5, content_type="video/mp4", sha256=None)


@pytest.fixture
def left(storage):
    """Return a function that lists the ids that are open."""
    return lambda: {found.upload_id for found in storage.uploads("")}


def test_what_a_dead_stage_began_is_aborted(storage, begin, left, upload):
    lost = begin(ORPHAN)
    assert names(sweep(storage)) == [lost]
    assert left() == {upload.multipart_id}
    assert sweep(storage) == []


def test_what_a_running_stage_writes_stays(storage, begin):
    job = make_job(TRIM)
    begun = begin(key_of(TRIM[0].digest))
    claim(job, "trim")
    assert sweep(storage) == []
    change(type(job.stages[0]), (job.id, "trim"), status="canceled")
    assert names(sweep(storage)) == [begun]


def test_what_was_begun_just_now_stays(storage, begin, left):
    begin(ORPHAN)
    assert sweep(storage, grace_s=3600) == []
    assert len(left()) == 1


def test_a_dry_run_aborts_nothing(storage, begin, left):
    lost = begin(ORPHAN)
    assert names(sweep(storage, dry_run=True)) == [lost]
    assert len(left()) == 1


def test_uploads_without_a_row_that_is_open_are_aborted(storage, begin, left, upload):
    rowless = begin("assets/upl_abc/source")
    again = begin(upload.storage_key)
    assert names(sweep(storage)) == sorted([rowless, again])
    change(Upload, upload.id, status=uploads.EXPIRED)
    assert names(sweep(storage)) == [f"{upload.storage_key}?uploadId={upload.multipart_id}"]
    assert left() == set()


def test_uploads_to_keys_that_are_not_ours_stay(storage, begin, left):
    begin("assets/notes.txt")
    begin("artifacts/notes.txt")
    begin("others/notes.txt")
    assert sweep(storage) == []
    assert len(left()) == 3
