"""Files that no row names go; everything that a row names, or may name yet, stays."""

import pytest

from core import accounts, assets, leases, uploads
from core.errors import TransientError
from core.housekeeping import objects, report
from core.models import Upload
from tests.core.housekeeping.conftest import change, claim, hexed, key_of, names, work
from tests.core.rows import artifact_of, make_asset, make_job, stage_plan

pytestmark = pytest.mark.usefixtures("database")
TRIM = hexed(stage_plan("trim"))
ORPHAN = key_of("f" * 64)


def sweep(storage, *, grace_s=0, dry_run=False):
    return list(objects.sweep(storage, grace_s=grace_s, dry_run=dry_run))


@pytest.fixture
def upload(storage, put):
    """An upload of which the parts were joined, by a complete that died after."""
    account = accounts.default_account().id
    made = uploads.create(account, storage, filename="a.mp4", size=5, content_type="video/mp4", sha256=None)
    storage.abort_multipart(made.storage_key, made.multipart_id)
    put(made.storage_key)
    return made


def test_what_nobody_names_goes_and_what_a_row_names_stays(storage, put, keys):
    job = make_job(TRIM)
    work(job, put, "trim")
    kept = keys()
    lost = put(key_of(TRIM[0].digest, "ba9876543210"))
    put(ORPHAN, b"123")
    swept = sweep(storage)
    assert {item.name: item.size for item in swept} == {lost: 5, ORPHAN: 3}
    assert keys() == kept
    assert sweep(storage) == []


def test_a_young_orphan_stays(storage, put):
    put(ORPHAN)
    assert sweep(storage, grace_s=3600) == []


def test_a_dry_run_tells_and_removes_nothing(storage, put, keys):
    put(ORPHAN)
    assert names(sweep(storage, dry_run=True)) == [ORPHAN]
    assert keys() == {ORPHAN}


def test_what_a_running_stage_has_stored_stays(storage, put):
    job = make_job(TRIM)
    claim(job, "trim")
    put(key_of(TRIM[0].digest))
    assert sweep(storage) == []


def test_a_stage_that_commits_between_the_looks_keeps_its_file(storage, put, monkeypatch):
    job = make_job(TRIM)
    lease, row = claim(job, "trim")
    made = artifact_of(row, job.account_id)
    made.files = {"video.mp4": {"key": put(key_of(row.digest)), "size": 5}}
    reading, looks = objects.reading, []

    def commit_before_the_second():
        if len(looks) == 1:
            assert leases.commit(lease, made) is not None
        looks.append(1)
        return reading()

    monkeypatch.setattr(objects, "reading", commit_before_the_second)
    assert sweep(storage) == []
    assert len(looks) == 2
    monkeypatch.undo()
    assert sweep(storage) == []


def test_keys_that_are_not_ours_stay(storage, put, keys):
    foreign = {put("artifacts/readme.txt"), put("assets/notes/source"), put(f"artifacts/ff/{'f' * 64}/v.mp4")}
    assert sweep(storage) == []
    assert keys() == foreign


def test_assets_stay_until_they_are_deleted(storage, put, keys):
    asset = make_asset(storage_key=put("assets/upl_abc/source"))
    assert sweep(storage) == []
    with pytest.MonkeyPatch.context() as trouble:
        trouble.setattr(storage, "delete", _refuse)
        with pytest.raises(TransientError):
            assets.delete(asset.account_id, asset.id, storage)
    assert keys() == {asset.storage_key}
    assert names(sweep(storage)) == [asset.storage_key]
    assert keys() == set()


def test_an_upload_that_may_yet_be_completed_keeps_its_file(storage, upload):
    assert sweep(storage) == []
    asset, _ = uploads.complete(upload.account_id, upload.id, storage)
    assert sweep(storage) == []
    assets.delete(asset.account_id, asset.id, storage)
    assert sweep(storage) == []


def test_an_upload_that_ended_otherwise_leaves_nothing(storage, upload, keys):
    change(Upload, upload.id, status=uploads.ABORTED)
    assert names(sweep(storage)) == [upload.storage_key]
    assert keys() == set()


def test_pages_are_taken_one_by_one(storage, put, keys, monkeypatch):
    monkeypatch.setattr(objects.batches, "__defaults__", (2,))
    job = make_job(TRIM)
    work(job, put, "trim")
    kept = keys()
    for number in range(5):
        put(key_of(f"{number:064x}"))
    assert len(sweep(storage)) == 5
    assert keys() == kept


def _refuse(key):
    raise TransientError("storage_unavailable", "down")


def test_a_sweep_that_was_stopped_goes_on_where_it_was(storage, put, monkeypatch):
    """Each go is stopped on its second page, as by a time limit; the end is reached at last."""
    monkeypatch.setattr(objects, "PAGE", 2)
    monkeypatch.setattr(objects, "batches", lambda items: report.batches(items, 2))
    orphans = sorted(put(key_of(f"{number:064x}")) for number in range(7))
    swept = []
    for _ in range(10):
        for looked, item in enumerate(objects.sweep(storage, grace_s=0)):
            swept.append(item.name)
            if looked == 2:
                break
        else:
            break
    assert sorted(swept) == orphans
    assert len(swept) == len(set(swept))
    # Once at the end, the next go begins at the front.
    put(orphans[0])
    assert names(sweep(storage)) == [orphans[0]]


def test_what_was_not_reached_is_reached_though_the_front_does_not_change(storage, put, monkeypatch):
    monkeypatch.setattr(objects, "PAGE", 2)
    monkeypatch.setattr(objects, "batches", lambda items: report.batches(items, 2))
    job = make_job(TRIM)
    claim(job, "trim")
    kept = [put(key_of(TRIM[0].digest, f"{number:012x}")) for number in range(4)]
    put(ORPHAN)
    named, pages = objects._NAMED[objects.artifacts.PREFIX], []

    def away_after_two_pages(keys):
        if len(pages) == 2:
            pages.clear()
            raise TransientError("database_unavailable", "Away.")
        pages.append(keys)
        return named(keys)

    monkeypatch.setattr(objects, "_NAMED", {objects.artifacts.PREFIX: away_after_two_pages})
    with pytest.raises(TransientError):
        sweep(storage)
    assert names(sweep(storage)) == [ORPHAN]
    assert set(kept) <= set(storage.keys(""))
