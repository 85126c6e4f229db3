"""Who ends an upload, and who may touch its bytes."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from core import accounts, assets, uploads
from core.db import transaction
from core.errors import ConflictError, InputError, TransientError
from core.housekeeping import objects
from core.housekeeping import uploads as stale
from core.housekeeping.report import Removed
from core.models import Account, Upload, now
from core.storage.local import LocalStorage
from core.storage.signing import Grant

pytestmark = pytest.mark.usefixtures("database")
BYTES = b"0123456789" * 100


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "storage", public_url="http://127.0.0.1", secret="s")


@pytest.fixture
def account():
    return accounts.default_account().id


@pytest.fixture
def arrived(storage, account):
    """An upload whose bytes are there."""

    def arrive(filename="a.mp4", account=account):
        made = uploads.create(
            account, storage, filename=filename, size=len(BYTES), content_type="video/mp4", sha256=None
        )
        [part] = uploads.part_urls(made, storage, start=1, limit=10)
        grant = storage.verify(httpx.URL(part["url"]).path.rsplit("/", 1)[1], "PUT")
        assert isinstance(grant, Grant)
        storage.write_part(grant, io.BytesIO(BYTES), len(BYTES))
        return made

    return arrive


@pytest.fixture
def upload(arrived):
    return arrived()


def lapse(upload):
    with transaction() as session:
        session.get_one(Upload, upload.id).expires_at = now() - timedelta(seconds=1)


def test_a_complete_upload_is_an_asset_with_its_bytes(storage, account, upload):
    asset, made = uploads.complete(account, upload.id, storage)
    assert made
    assert asset.sha256 == hashlib.sha256(BYTES).hexdigest()
    assert storage.open(asset.storage_key).read() == BYTES
    again, made = uploads.complete(account, upload.id, storage)
    assert (again.id, made) == (asset.id, False)


def test_the_same_bytes_are_stored_once(storage, account, arrived):
    first, _ = uploads.complete(account, arrived().id, storage)
    second, made = uploads.complete(account, arrived("b.mp4").id, storage)
    assert made
    assert (second.id != first.id, second.storage_key, second.filename) == (True, first.storage_key, "b.mp4")
    assert list(storage.keys("assets/")) == [first.storage_key]
    assets.delete(account, first.id, storage)
    assert storage.size(second.storage_key) == len(BYTES)
    assert list(objects.sweep(storage, grace_s=-1)) == []
    assets.delete(account, second.id, storage)
    assert list(storage.keys("assets/")) == []


def test_other_accounts_and_deleted_assets_share_nothing(storage, account, arrived):
    first, _ = uploads.complete(account, arrived().id, storage)
    with transaction() as session:
        other = Account(name="other")
        session.add(other)
    theirs, _ = uploads.complete(other.id, arrived(account=other.id).id, storage)
    assets.delete(account, first.id, storage)
    again, _ = uploads.complete(account, arrived().id, storage)
    assert sorted(storage.keys("assets/")) == sorted([theirs.storage_key, again.storage_key])


def test_what_a_death_left_of_the_same_bytes_is_swept(storage, account, arrived, monkeypatch):
    uploads.complete(account, arrived().id, storage)
    second = arrived()
    monkeypatch.setattr(storage, "delete", lambda key: None)
    uploads.complete(account, second.id, storage)
    monkeypatch.undo()
    assert [removed.name for removed in objects.sweep(storage, grace_s=-1)] == [second.storage_key]


def test_the_file_stays_when_its_first_asset_goes_at_once_with_the_second_coming(storage, account, arrived):
    """The two wait for each other in the database: the file is never deleted under an asset that is there."""
    for _ in range(10):
        first, _ = uploads.complete(account, arrived().id, storage)
        waiting = arrived()
        with ThreadPoolExecutor(2) as threads:
            gone = threads.submit(assets.delete, account, first.id, storage)
            second, _ = threads.submit(uploads.complete, account, waiting.id, storage).result()
            gone.result()
        assert storage.size(second.storage_key) == len(BYTES)
        assert list(storage.keys("assets/")) == [second.storage_key]
        assets.delete(account, second.id, storage)


def test_while_the_storage_still_joins_a_complete_may_be_asked_again(storage, account, upload, tmp_path, monkeypatch):
    """For a process that was killed meanwhile: there are no parts any more, and no file yet."""
    storage.abort_multipart(upload.storage_key, upload.multipart_id)
    with pytest.raises(TransientError) as caught:
        uploads.complete(account, upload.id, storage)
    assert caught.value.code == "upload_unsettled"

    def joined_meanwhile(prefix):
        (tmp_path / "joined").write_bytes(BYTES)
        storage.put_file(upload.storage_key, tmp_path / "joined", content_type="video/mp4")
        return []

    monkeypatch.setattr(storage, "uploads", joined_meanwhile)
    asset, made = uploads.complete(account, upload.id, storage)
    assert (made, asset.sha256) == (True, hashlib.sha256(BYTES).hexdigest())


def test_an_upload_without_parts_misses_them(storage, account):
    made = uploads.create(account, storage, filename="a.mp4", size=5, content_type="video/mp4", sha256=None)
    with pytest.raises(ConflictError) as caught:
        uploads.complete(account, made.id, storage)
    assert caught.value.code == "part_missing"


def test_what_expires_is_gone(storage, account, upload):
    lapse(upload)
    assert list(stale.sweep(storage)) == [Removed(upload.id, len(BYTES))]
    assert storage.list_parts(upload.storage_key, upload.multipart_id) == []
    with pytest.raises(ConflictError) as caught:
        uploads.complete(account, upload.id, storage)
    assert caught.value.code == "upload_expired"
    assert list(stale.sweep(storage)) == []


def test_a_dry_run_drops_nothing(storage, account, upload):
    assert list(stale.sweep(storage, dry_run=True)) == []
    lapse(upload)
    assert list(stale.sweep(storage, dry_run=True)) == [Removed(upload.id, len(BYTES))]
    assert len(storage.list_parts(upload.storage_key, upload.multipart_id)) == 1
    assert uploads.get(account, upload.id).status == uploads.OPEN


def test_two_sweeps_at_once_count_an_upload_once(storage, account, upload):
    lapse(upload)
    other = uploads.create(account, storage, filename="a.mp4", size=5, content_type="video/mp4", sha256=None)
    lapse(other)
    one = stale.sweep(storage)
    swept = [next(one), *stale.sweep(storage), *one]
    assert sorted(item.name for item in swept) == sorted([upload.id, other.id])


def test_many_expire_page_by_page(storage, account, monkeypatch):
    monkeypatch.setattr(stale, "_BATCH", 2)
    made = [
        uploads.create(account, storage, filename="a.mp4", size=5, content_type="video/mp4", sha256=None)
        for _ in range(6)
    ]
    for each in made[1:]:
        lapse(each)
    # Ids of one millisecond are in no order.
    lapsed = sorted(each.id for each in made[1:])
    assert [item.name for item in stale.sweep(storage, dry_run=True)] == lapsed
    assert [item.name for item in stale.sweep(storage)] == lapsed
    assert [found.upload_id for found in storage.uploads("assets/")] == [made[0].multipart_id]


def test_an_upload_that_is_completed_while_it_expires_keeps_its_bytes(storage, account, upload, monkeypatch):
    lapse(upload)
    close = uploads.close

    def complete_first(upload_id, status):
        monkeypatch.setattr(uploads, "close", close)
        with transaction() as session:
            session.get_one(Upload, upload.id).expires_at = now() + timedelta(hours=1)
        uploads.complete(account, upload.id, storage)
        return close(upload_id, status)

    monkeypatch.setattr(uploads, "close", complete_first)
    assert list(stale.sweep(storage)) == []
    asset, _ = uploads.complete(account, upload.id, storage)
    assert storage.open(asset.storage_key).read() == BYTES


def test_a_second_complete_with_a_wrong_digest_takes_nothing_away(storage, account, upload, monkeypatch):
    digest = uploads._sha256

    def complete_first(*args):
        monkeypatch.setattr(uploads, "_sha256", digest)
        uploads.complete(account, upload.id, storage)
        return digest(*args)

    monkeypatch.setattr(uploads, "_sha256", complete_first)
    with pytest.raises(InputError) as caught:
        uploads.complete(account, upload.id, storage, sha256="0" * 64)
    assert caught.value.code == "sha256_mismatch"
    asset, _ = uploads.complete(account, upload.id, storage)
    assert storage.open(asset.storage_key).read() == BYTES


def test_a_wrong_digest_drops_the_upload_and_its_bytes(storage, account, upload):
    with pytest.raises(InputError) as caught:
        uploads.complete(account, upload.id, storage, sha256="0" * 64)
    assert caught.value.code == "sha256_mismatch"
    assert list(storage.keys("assets/")) == []


def test_an_abort_removes_what_a_complete_that_died_had_joined(storage, account, upload, monkeypatch):
    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(uploads, "_sha256", die)
        with pytest.raises(KeyboardInterrupt):
            uploads.complete(account, upload.id, storage)
    assert list(storage.keys("assets/")) != []
    uploads.abort(account, upload.id, storage)
    assert list(storage.keys("assets/")) == []
