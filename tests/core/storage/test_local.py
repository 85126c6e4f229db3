"""What only the folder can show: its files on disk, its tokens, its processes."""

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import InputError, TransientError
from core.storage import Part, UploadMissing
from core.storage.local import LocalStorage
from tests.services.process import LONG_S

MP4 = "video/mp4"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "storage"


@pytest.fixture
def storage(root):
    return LocalStorage(root, public_url="http://127.0.0.1:1/", secret="a secret")


@pytest.fixture
def upload(storage):
    return "upload/source", storage.create_multipart("upload/source", content_type=MP4)


def grant_of(storage, upload, number=1, *, size):
    return storage.verify(token(storage.sign_part(*upload, number, size=size, expires_s=3600)), "PUT")


def token(url):
    assert url.startswith("http://127.0.0.1:1/v1/storage/")
    return url.rpartition("/")[2]


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_body_that_ends_early_leaves_nothing(storage, root, upload):
    before = files(root)
    with pytest.raises(InputError) as raised:
        storage.write_part(grant_of(storage, upload, size=10), io.BytesIO(b"123456789"), 10)
    assert raised.value.code == "part_incomplete"
    assert storage.list_parts(*upload) == []
    assert files(root) == before


def test_a_body_of_another_length_is_not_read(storage, upload):
    body = io.BytesIO(b"12345678901")
    for length, code in ((11, "part_too_large"), (9, "part_incomplete")):
        with pytest.raises(InputError) as raised:
            storage.write_part(grant_of(storage, upload, size=10), body, length)
        assert raised.value.code == code
    assert body.tell() == 0


def test_no_more_is_read_than_declared(storage, upload):
    body = io.BytesIO(b"12345the next request")
    storage.write_part(grant_of(storage, upload, size=5), body, 5)
    assert body.tell() == 5


def test_completing_with_a_part_that_was_sent_again(storage, upload):
    storage.write_part(grant_of(storage, upload, size=3), io.BytesIO(b"old"), 3)
    [old] = storage.list_parts(*upload)
    storage.write_part(grant_of(storage, upload, size=3), io.BytesIO(b"new"), 3)
    with pytest.raises(InputError) as raised:
        storage.complete_multipart(*upload, [old])
    assert raised.value.code == "part_missing"


def test_completing_again_with_other_parts(storage, upload):
    storage.write_part(grant_of(storage, upload, size=3), io.BytesIO(b"abc"), 3)
    storage.complete_multipart(*upload, storage.list_parts(*upload))
    with pytest.raises(UploadMissing):
        storage.complete_multipart(*upload, [Part(1, 4, "0" * 32)])


def test_an_upload_leaves_only_its_object(storage, root, upload):
    storage.write_part(grant_of(storage, upload, size=3), io.BytesIO(b"abc"), 3)
    storage.complete_multipart(*upload, storage.list_parts(*upload))
    assert files(root) == ["upload/source"]


def test_an_upload_id_is_no_path(storage, root, upload):
    for wrong in ("../" + upload[1], ".", "..", "", "/etc"):
        assert storage.list_parts(upload[0], wrong) == []
        storage.abort_multipart(upload[0], wrong)
    assert (root / ".uploads" / upload[1]).is_dir()


def test_one_part_sent_by_many_at_once(storage, upload):
    bodies = [bytes([number]) * 1000 for number in range(16)]

    def send(body):
        return storage.write_part(grant_of(storage, upload, size=1000), io.BytesIO(body), 1000)

    with ThreadPoolExecutor(8) as pool:
        etags = list(pool.map(send, bodies))
    [part] = storage.list_parts(*upload)
    storage.complete_multipart(*upload, [part])
    with storage.open(upload[0]) as file:
        assert file.read() == bodies[etags.index(part.etag)]


def test_an_upload_aborted_while_a_part_comes(storage, root, upload):
    began, go_on = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def read(self, size=-1):
            began.set()
            go_on.wait(LONG_S)
            return super().read(size)

    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(storage.write_part, grant_of(storage, upload, size=3), Slow(b"abc"), 3)
        assert began.wait(LONG_S)
        storage.abort_multipart(*upload)
        go_on.set()
        with pytest.raises(UploadMissing):
            sent.result(LONG_S)
    assert files(root) == []


def test_a_failed_copy_keeps_the_old_file(storage, root, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"old")
    storage.put_file("a/file", source, content_type=MP4)
    with pytest.raises(IsADirectoryError):
        storage.put_file("a/file", tmp_path, content_type=MP4)
    with storage.open("a/file") as file:
        assert file.read() == b"old"
    assert files(root) == ["a/file"]


def test_what_a_crash_left_is_swept(storage, root):
    storage.check()
    old, new = root / ".temporary/old", root / ".temporary/new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    storage.create_multipart("x", content_type=MP4)
    assert not old.exists()
    assert new.exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    broken = LocalStorage(tmp_path / "file", public_url="http://x", secret="s")
    with pytest.raises(TransientError) as raised:
        broken.check()
    assert raised.value.code == "storage_unavailable"


def test_a_token_of_another_secret(storage, root, upload):
    other = LocalStorage(root, public_url="http://127.0.0.1:1", secret="another")
    for wrong in (token(other.sign_part(*upload, 1, size=1, expires_s=3600)), "", "abc", "a.b", "é"):
        with pytest.raises(InputError) as raised:
            storage.verify(wrong, "PUT")
        assert raised.value.code == "signature_invalid"


def test_a_token_for_another_method(storage, upload):
    put = token(storage.sign_part(*upload, 1, size=1, expires_s=3600))
    get = token(storage.sign_get("a", expires_s=3600, filename="a", content_type=MP4))
    for text, method in ((put, "GET"), (get, "PUT"), (get, "DELETE")):
        with pytest.raises(InputError) as raised:
            storage.verify(text, method)
        assert raised.value.code == "signature_invalid"


def test_an_old_token(storage):
    text = token(storage.sign_get("a", expires_s=-1, filename="a", content_type=MP4))
    with pytest.raises(InputError) as raised:
        storage.verify(text, "GET")
    assert raised.value.code == "signature_expired"
