"""What every storage does alike."""

import hashlib
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import httpx
import pytest

from core.errors import EngineError, InputError
from core.storage import ObjectMissing, Part, UploadMissing
from core.storage.base import MIN_PART_BYTES

BIG = random.Random(1).randbytes(MIN_PART_BYTES)
BIGGER = random.Random(2).randbytes(MIN_PART_BYTES + 1)
MP4 = "video/mp4"


@pytest.fixture
def store(place, tmp_path):
    """Return a function that stores bytes under a name and returns the key."""

    def put(name, body):
        path = tmp_path / "body"
        path.write_bytes(body)
        place.storage.put_file(place.key(name), path, content_type=MP4)
        return place.key(name)

    return put


@pytest.fixture
def upload(place):
    """An open upload: its key and id."""
    key = place.key("upload/source")
    return key, place.storage.create_multipart(key, content_type=MP4)


def read(storage, key):
    with storage.open(key) as file:
        return file.read()


def code(raised) -> str:
    return raised.value.code


@pytest.mark.parametrize("body", [b"", b"some bytes", random.Random(3).randbytes(17 * 2**20)], ids=len)
def test_a_file_is_stored_whole(storage, store, body):
    key = store("file", body)
    assert storage.size(key) == len(body)
    assert read(storage, key) == body


def test_a_file_replaces_another(storage, store):
    store("file", b"the first, which is longer")
    assert read(storage, store("file", b"second")) == b"second"


def test_a_file_that_is_not_there_stores_nothing(storage, place, tmp_path):
    with pytest.raises(FileNotFoundError):
        storage.put_file(place.key(), tmp_path / "none", content_type=MP4)
    assert list(storage.keys(place.prefix)) == []


def test_reading_anywhere(storage, store):
    body = random.Random(4).randbytes(700_000)
    with storage.open(store("file", body)) as file:
        assert file.seekable()
        assert file.seek(0, 2) == len(body)
        assert file.read() == b""
        assert file.seek(-10, 2) == len(body) - 10
        assert file.read(100) == body[-10:]
        for at in (600_000, 5, 300_000, 299_990):
            file.seek(at)
            assert file.read(1000) == body[at : at + 1000]
        assert file.tell() == 300_990


def test_what_is_missing(storage, place):
    for ask in (storage.size, storage.open):
        with pytest.raises(ObjectMissing) as raised:
            ask(place.key("none"))
        assert code(raised) == "object_missing"


def test_a_folder_is_no_object(storage, place, store):
    store("folder/file", b"x")
    for ask in (storage.size, storage.open):
        with pytest.raises(ObjectMissing):
            ask(place.key("folder"))


def test_deleting_twice(storage, store):
    key = store("file", b"x")
    storage.delete(key)
    storage.delete(key)
    with pytest.raises(ObjectMissing):
        storage.size(key)


def test_keys_by_prefix(storage, place, store):
    keys = {store(name, b"x") for name in ("a/one", "a/two", "ab", "b/deep/down")}
    assert set(storage.keys(place.prefix + "/")) == keys
    assert set(storage.keys(place.key("a/"))) == {place.key("a/one"), place.key("a/two")}
    assert set(storage.keys(place.key("a"))) == {place.key("a/one"), place.key("a/two"), place.key("ab")}
    assert list(storage.keys(place.key("c"))) == []


def test_objects_are_listed_with_size_and_age(storage, place, store):
    before = time.time()
    key = store("one", b"12345")
    store("other/two", b"")
    [found] = storage.objects(place.key("on"))
    assert (found.key, found.size) == (key, 5)
    assert found.modified.tzinfo is not None
    assert before - 2 <= found.modified.timestamp() <= time.time() + 2
    assert [entry.size for entry in storage.objects(place.prefix)] == [5, 0]


def test_a_listing_goes_on_after_any_key(storage, place, store):
    for name in ("a/z/1", "a/b", "a/ab/c", "b", "a/z.x"):
        store(name, b"x")
    listed = [entry.key for entry in storage.objects(place.prefix)]
    assert len(listed) == 5
    for number, key in enumerate(listed):
        # It may be deleted by then, as a sweep does.
        storage.delete(key)
        assert [entry.key for entry in storage.objects(place.prefix, after=key)] == listed[number + 1 :]


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../up", "a/../../b", "a//b", "a/", ".uploads/x", "a/.b", "a\n", "é"]
)
def test_a_bad_key(storage, key):
    for ask in (storage.size, storage.open, storage.delete):
        with pytest.raises(EngineError) as raised:
            ask(key)
        assert code(raised) == "bad_key"


def test_an_upload_in_parts(storage, place, upload):
    key, number_of = upload
    last = b"the end"
    for number, body in ((3, last), (1, BIG), (2, BIGGER)):
        answer = place.send(key, number_of, number, body)
        assert answer.status_code == 200
        assert answer.headers["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    parts = storage.list_parts(key, number_of)
    assert [(part.number, part.size) for part in parts] == [(1, len(BIG)), (2, len(BIGGER)), (3, len(last))]
    assert [part.etag for part in parts] == [hashlib.md5(body).hexdigest() for body in (BIG, BIGGER, last)]
    with pytest.raises(ObjectMissing):
        storage.size(key)
    storage.complete_multipart(key, number_of, list(reversed(parts)))
    assert read(storage, key) == BIG + BIGGER + last
    assert storage.list_parts(key, number_of) == []
    # The answer may have been lost: once more is fine.
    storage.complete_multipart(key, number_of, parts)
    assert read(storage, key) == BIG + BIGGER + last


def test_a_part_sent_again_wins(storage, place, upload):
    key, upload_id = upload
    assert place.send(key, upload_id, 1, b"old").status_code == 200
    [old] = storage.list_parts(key, upload_id)
    time.sleep(1.1)  # SeaweedFS tells versions of a part apart by the second
    assert place.send(key, upload_id, 1, b"the new one").status_code == 200
    [new] = storage.list_parts(key, upload_id)
    assert (old.size, new.size) == (len(b"old"), len(b"the new one"))
    storage.complete_multipart(key, upload_id, [new])
    assert read(storage, key) == b"the new one"


def test_completing_with_wrong_parts(storage, place, upload):
    key, upload_id = upload
    place.send(key, upload_id, 1, BIG)
    [part] = storage.list_parts(key, upload_id)
    for wrong in ([], [part, part], [part, Part(2, 1, "0" * 32)], [Part(1, 1, "0" * 32)], [Part(1, 1, "../x")]):
        with pytest.raises(InputError) as raised:
            storage.complete_multipart(key, upload_id, wrong)
        assert code(raised) == "part_missing"
    assert storage.list_parts(key, upload_id) == [part]


def test_a_part_that_is_too_small(storage, place, upload):
    key, upload_id = upload
    for number in (1, 2):
        place.send(key, upload_id, number, b"small")
    with pytest.raises(InputError) as raised:
        storage.complete_multipart(key, upload_id, storage.list_parts(key, upload_id))
    assert code(raised) == "part_too_small"


def test_an_unknown_upload(storage, place, upload):
    key, upload_id = upload
    for wrong_key, wrong_id in ((key, "0" * 32), (place.key("other"), upload_id)):
        assert storage.list_parts(wrong_key, wrong_id) == []
        with pytest.raises(UploadMissing) as raised:
            storage.complete_multipart(wrong_key, wrong_id, [Part(1, 1, "0" * 32)])
        assert code(raised) == "upload_missing"
        storage.abort_multipart(wrong_key, wrong_id)
        assert place.send(wrong_key, wrong_id, 1, b"x").status_code in {403, 404}


def test_open_uploads_are_listed_until_they_end(storage, place):
    before = datetime.now(UTC) - timedelta(seconds=2)
    keys = [place.key(name) for name in ("a/one", "a/two", "b/three")]
    ids = {key: storage.create_multipart(key, content_type=MP4) for key in keys}
    found = list(storage.uploads(place.prefix + "/"))
    assert {upload.key: upload.upload_id for upload in found} == ids
    assert all(before < upload.started_at <= datetime.now(UTC) for upload in found)
    assert {upload.key for upload in storage.uploads(place.key("a/"))} == set(keys[:2])
    storage.abort_multipart(keys[0], ids[keys[0]])
    assert place.send(keys[1], ids[keys[1]], 1, b"x").status_code == 200
    storage.complete_multipart(keys[1], ids[keys[1]], storage.list_parts(keys[1], ids[keys[1]]))
    assert [upload.key for upload in storage.uploads(place.prefix)] == [keys[2]]


def test_an_aborted_upload_leaves_nothing(storage, place, upload):
    key, upload_id = upload
    place.send(key, upload_id, 1, b"x")
    parts = storage.list_parts(key, upload_id)
    storage.abort_multipart(key, upload_id)
    storage.abort_multipart(key, upload_id)
    assert storage.list_parts(key, upload_id) == []
    assert place.send(key, upload_id, 2, b"x").status_code in {403, 404}
    with pytest.raises(UploadMissing):
        storage.complete_multipart(key, upload_id, parts)
    assert list(storage.keys(place.prefix)) == []


@pytest.mark.parametrize("body", [b"1234", b"123456"], ids=["short", "long"])
def test_a_part_of_another_size_is_refused(storage, place, upload, body):
    key, upload_id = upload
    url = storage.sign_part(key, upload_id, 1, size=5, expires_s=3600)
    assert place.put(url, body).status_code == 403
    assert storage.list_parts(key, upload_id) == []


def test_a_part_address_is_for_that_part(storage, place, upload):
    key, upload_id = upload
    url = storage.sign_part(key, upload_id, 1, size=1, expires_s=3600)
    assert httpx.get(url).status_code == 403
    assert place.put(changed(url), b"x").status_code == 403
    assert storage.list_parts(key, upload_id) == []


def test_a_part_number_that_no_upload_has(storage, upload):
    for number in (0, 10_001):
        with pytest.raises(InputError) as raised:
            storage.sign_part(*upload, number, size=1, expires_s=3600)
        assert code(raised) == "bad_part_number"


def test_addresses_expire(storage, place, store, upload):
    get = storage.sign_get(store("file", b"x"), expires_s=1, filename="a", content_type=MP4)
    put = storage.sign_part(*upload, 1, size=1, expires_s=1)
    time.sleep(2.1)
    assert httpx.get(get).status_code == 403
    assert place.put(put, b"x").status_code == 403
    assert storage.list_parts(*upload) == []


def test_an_address_that_counts_from_a_moment_is_always_the_same(storage, store):
    key, moment = store("file", b"some bytes"), int(time.time()) - 100

    def signed(name, **when):
        return storage.sign_get(key, filename=name, content_type=MP4, **when)

    url = signed("日本 1.mp4", expires_s=160, since=moment)
    assert url == signed("日本 1.mp4", expires_s=160, since=moment)
    assert url != signed("日本 1.mp4", expires_s=160, since=moment - 1)
    answer = httpx.get(url)
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"some bytes", MP4)
    assert unquote(answer.headers["Content-Disposition"].rpartition("''")[2]) == "日本 1.mp4"
    assert httpx.get(changed(url)).status_code == 403
    assert httpx.get(signed("a.mp4", expires_s=60, since=moment)).status_code == 403


def test_a_download_address_is_for_that_file(storage, place, store):
    key, other = store("file", b"x"), store("other", b"y")
    url = storage.sign_get(key, expires_s=3600, filename="a.mp4", content_type=MP4)
    assert httpx.get(url).content == b"x"
    assert httpx.get(changed(url)).status_code == 403
    assert place.put(url, b"z").status_code == 403
    assert read(storage, key) == b"x"
    assert read(storage, other) == b"y"


@pytest.mark.parametrize(
    "name",
    ["lecture.mp4", "Лекция 1.mp4", "講義 🎬.mp4", 'a"b;c.mp4', "a\r\nSet-Cookie: x=1.mp4", "50% – naïve.mp4", "日本"],
)
def test_any_file_name(storage, store, name):
    url = storage.sign_get(store("file", b"x"), expires_s=3600, filename=name, content_type=MP4)
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == MP4
    assert "Set-Cookie" not in answer.headers
    header = answer.headers["Content-Disposition"]
    assert re.fullmatch(r"attachment; filename=\"[ -~]*\"; filename\*=UTF-8''[!-~]+", header)
    if name.isprintable() and not set(name) & set('"/\\'):
        assert unquote(header.rpartition("''")[2]) == name


def test_only_media_is_shown(storage, store):
    key = store("file", b"x")
    for kind, shown in (
        (MP4, "inline"),
        ("image/jpeg", "inline"),
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
    ):
        url = storage.sign_get(key, expires_s=3600, filename="a", content_type=kind, inline=True)
        assert httpx.get(url).headers["Content-Disposition"].startswith(shown)


def test_a_content_type_cannot_add_a_header(storage, place):
    with pytest.raises(EngineError) as raised:
        storage.sign_get(place.key(), expires_s=3600, filename="a", content_type="video/mp4\r\nX: y")
    assert code(raised) == "bad_content_type"


def test_more_parts_than_one_page(storage, place, upload):
    key, upload_id = upload
    count = 1003
    with httpx.Client() as client, ThreadPoolExecutor(4) as pool:
        urls = [storage.sign_part(key, upload_id, number, size=1, expires_s=3600) for number in range(1, count + 1)]
        answers = pool.map(lambda url: client.put(url, content=b"x").status_code, urls)
        assert set(answers) == {200}
    assert [part.number for part in storage.list_parts(key, upload_id)] == list(range(1, count + 1))


def test_threads_share_it(storage, store):
    keys = [store(f"file{number}", b"x" * number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(storage.size, keys)) == list(range(8))


def test_it_answers(storage):
    storage.check()


def changed(url: str) -> str:
    """Return the address with its signature altered in one place that matters."""
    middle = len(url) - 10
    return url[:middle] + ("1" if url[middle] != "1" else "2") + url[middle + 1 :]
