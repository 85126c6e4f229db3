"""From a URL into storage: resumed, bounded, and never half."""

import hashlib
import random

import pytest
from sqlalchemy import select

from core import quotas, uploads
from core.db import engine, reading
from core.errors import ForbiddenError, InputError, TransientError
from core.imports import transfer
from core.imports.transfer import Transfer
from core.models import Asset, Upload, now
from core.outgoing import Client, Guard
from core.outgoing.addresses import networks
from core.settings import get_settings
from tests.core.imports.files import served
from tests.core.rows import make_account
from tests.core.storage.conftest import local, place, s3, shared_s3, storage
from tests.database import migrate

__all__ = ["local", "place", "s3", "shared_s3", "storage"]

PART = 5 * 2**20
BODY = random.Random(7).randbytes(2 * PART + 1000)
CLIENT = Client(Guard(http=True, allow=networks("127.0.0.1/32")))


@pytest.fixture
def database(tmp_path, monkeypatch):
    """What databases do differently is not met here."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'test.db'}")
    get_settings.cache_clear()
    migrate()
    yield
    engine().dispose()


@pytest.fixture(autouse=True)
def small_parts(database, monkeypatch):
    monkeypatch.setenv("UPLOAD_PART_BYTES", str(PART))
    monkeypatch.setenv("UPLOAD_MAX_BYTES", str(4 * PART))
    monkeypatch.setattr(transfer, "_PAUSE_S", 0)
    get_settings.cache_clear()


@pytest.fixture
def folder(local):
    """A storage on disk, for what is the same wherever the bytes go."""
    return local.storage


class Import:
    """An import over as many attempts as it takes, with the notes that lie between them."""

    def __init__(self, storage, url):
        self.storage, self.url = storage, url
        self.account = make_account(f"of {url}")
        self.notes = None
        self.progress = []

    def attempt(self, progress=None) -> Asset:
        return Transfer(
            self.account,
            self.url,
            client=CLIENT,
            storage=self.storage,
            settings=get_settings(),
            seconds=60,
            notes=self.notes,
            progress=progress or self.progress.append,
            remember=lambda notes: setattr(self, "notes", notes),
        ).run()

    def fails(self, kind, code):
        with pytest.raises(kind) as caught:
            self.attempt()
        assert caught.value.code == code

    def leaves_nothing(self) -> bool:
        with reading() as session:
            open_ones = session.scalars(select(Upload).where(Upload.status == uploads.OPEN)).all()
            assets = session.scalars(select(Asset)).all()
        return not open_ones and not assets and not list(self.storage.keys("assets/"))


def bytes_of(storage, asset) -> bytes:
    with storage.open(asset.storage_key) as file:
        return file.read()


def test_a_file_becomes_an_asset(storage):
    with served(BODY, headers={"Content-Type": "video/mp4; x=y"}) as file:
        work = Import(storage, file.url)
        asset = work.attempt()
    assert (asset.filename, asset.content_type, asset.size) == ("talk.mp4", "video/mp4", len(BODY))
    assert asset.sha256 == hashlib.sha256(BODY).hexdigest()
    assert bytes_of(storage, asset) == BODY
    assert work.progress == sorted(work.progress)
    assert work.progress[-1] == 1


def test_what_is_cut_in_the_middle_goes_on_where_it_was(storage):
    """Within an attempt as long as it gets on, and across attempts, with what has become a part."""
    with served(BODY, cuts=[PART + 500, 100]) as file:
        work = Import(storage, file.url)
        work.fails(TransientError, "url_unreachable")
        # A worker that was killed leaves the same behind: the notes, and the parts.
        asset = work.attempt()
    assert file.asked == [None, f"bytes={PART}-", f"bytes={PART}-"]
    assert bytes_of(storage, asset) == BODY
    with reading() as session:
        assert len(session.scalars(select(Upload)).all()) == 1
    # Asked once more, when its commit was lost, it is the same asset.
    assert work.attempt().id == asset.id


@pytest.mark.parametrize("how", [{"ranges": False}, {"etag": None}])
def test_a_server_without_ranges_is_asked_from_the_start(folder, how):
    with served(BODY, cuts=[PART + 500, PART + 500], **how) as file:
        work = Import(folder, file.url)
        work.fails(TransientError, "url_unreachable")
        asset = work.attempt()
    assert len(file.asked) == 3
    assert bytes_of(folder, asset) == BODY
    assert len(list(folder.uploads("assets/"))) == 0


def test_a_file_that_changed_meanwhile_is_fetched_anew(folder):
    other = BODY[::-1][: PART + 7]
    with served(BODY, cuts=[PART + 500, 0]) as file:
        work = Import(folder, file.url)
        work.fails(TransientError, "url_unreachable")
        file.body, file.etag = other, '"two"'
        asset = work.attempt()
    assert bytes_of(folder, asset) == other


def test_a_range_that_the_server_does_not_know_any_more_is_not_asked_for_again(folder):
    with served(BODY, cuts=[PART + 500, 0]) as file:
        work = Import(folder, file.url)
        work.fails(TransientError, "url_unreachable")
        file.statuses = [416]
        work.fails(TransientError, "url_unreachable")
        assert bytes_of(folder, work.attempt()) == BODY
    assert file.asked[-2:] == [f"bytes={PART}-", None]
    assert list(folder.uploads("assets/")) == []


def test_a_file_of_unknown_size(storage):
    with served(BODY, sized=False) as file:
        asset = Import(storage, file.url).attempt()
    assert (asset.size, bytes_of(storage, asset)) == (len(BODY), BODY)


def test_a_body_without_an_end_is_bounded(folder):
    with served(bytes(4 * PART + 1), sized=False) as file:
        work = Import(folder, file.url)
        work.fails(InputError, "url_too_large")
        assert work.leaves_nothing()


@pytest.mark.parametrize(("sized", "stored"), [(True, 0), (False, 1)])
def test_what_the_quota_has_no_room_for_is_not_fetched(folder, monkeypatch, sized, stored):
    """Without a size nothing can be reserved beforehand, so each part is before it is stored."""
    monkeypatch.setenv("QUOTA_STORED_BYTES", str(2 * PART - 1))
    get_settings.cache_clear()
    sent, send = [], folder.send_part
    monkeypatch.setattr(folder, "send_part", lambda *args: sent.append(args) or send(*args))
    with served(bytes(4 * PART), sized=sized) as file:
        work = Import(folder, file.url)
        work.fails(ForbiddenError, "storage_quota_exceeded")
        assert len(sent) == stored
        assert work.leaves_nothing()
        assert list(folder.uploads("assets/")) == []
        assert quotas.usage(work.account, now()).stored_bytes == 0


def test_what_comes_without_a_size_is_reserved_while_it_comes(folder, monkeypatch):
    """Two at once must not both have what is left."""
    monkeypatch.setenv("QUOTA_STORED_BYTES", str(3 * PART))
    get_settings.cache_clear()

    def stored():
        return quotas.usage(work.account, now()).stored_bytes

    def stop(_):
        if stored() == PART:
            raise InterruptedError

    with served(BODY, sized=False) as file:
        work = Import(folder, file.url)
        with pytest.raises(InterruptedError):
            work.attempt(stop)
        with pytest.raises(ForbiddenError):
            uploads.begin(work.account, folder, filename="b.mp4", size=2 * PART + 1, content_type=None)
        assert bytes_of(folder, work.attempt()) == BODY
        assert stored() == len(BODY)


def test_a_size_that_is_too_large_is_refused_before_anything_is_read(folder):
    with served(bytes(4 * PART + 1), cuts=[10]) as file:
        Import(folder, file.url).fails(InputError, "url_too_large")


def test_fewer_bytes_than_were_announced_are_not_taken_for_the_file(folder):
    with served(BODY[:1000], headers={"Content-Length": "2000"}, sized=False) as file:
        Import(folder, file.url).fails(TransientError, "url_unreachable")
        assert not list(folder.keys("assets/"))


@pytest.mark.parametrize(
    ("how", "kind", "code"),
    [
        ({"statuses": [404]}, InputError, "url_not_served"),
        ({"statuses": [401]}, InputError, "url_not_served"),
        ({"statuses": [503]}, TransientError, "url_unreachable"),
        ({"statuses": [429]}, TransientError, "url_unreachable"),
        ({"body": b""}, InputError, "empty_file"),
        ({"body": b"", "sized": False}, InputError, "empty_file"),
        ({"headers": {"Content-Encoding": "gzip"}}, InputError, "url_not_served"),
    ],
)
def test_what_is_no_file(folder, how, kind, code):
    with served(**{"body": b"abc"} | how) as file:
        work = Import(folder, file.url)
        work.fails(kind, code)
        assert work.leaves_nothing()


def test_what_stops_it_leaves_the_parts_for_the_next(folder):
    class Stop(Exception):
        pass

    def stop(fraction):
        if fraction > 0.6:
            raise Stop

    with served(BODY) as file:
        work = Import(folder, file.url)
        with pytest.raises(Stop):
            work.attempt(stop)
        assert bytes_of(folder, work.attempt()) == BODY
    assert file.asked == [None, f"bytes={PART}-"]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"Content-Disposition": 'attachment; filename="week 3.mov"'}, "week 3.mov"),
        ({"Content-Disposition": "attachment; filename*=UTF-8''%C3%A9t%C3%A9.mp4"}, "été.mp4"),
        ({"Content-Disposition": 'attachment; filename="../../etc/passwd"'}, ".._.._etc_passwd"),
        ({"Content-Disposition": "attachment; filename"}, "talk.mp4"),
        ({}, "talk.mp4"),
    ],
)
def test_its_name(folder, headers, name):
    with served(b"abc", headers=headers) as file:
        assert Import(folder, file.url).attempt().filename == name
