"""What only S3 can show: requests that fail on the way, addresses for clients, processes that fork."""

import os
import random
import socket
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from core.errors import TransientError
from tests.core.storage.conftest import Place, s3_storage

BODY = random.Random(6).randbytes(2 * 2**20)


@pytest.fixture
def stored(s3, tmp_path):
    path = tmp_path / "body"
    path.write_bytes(BODY)
    s3.storage.put_file(s3.key(), path, content_type="video/mp4")
    return s3.key()


@contextmanager
def cut_short(endpoint, cuts, after=100_000):
    """A TCP relay to the server, that hangs up after `after` bytes of each of the first `cuts` answers so long."""
    address = urlsplit(endpoint)
    listener = socket.create_server(("127.0.0.1", 0))
    left = [cuts]
    done = threading.Event()

    def relay(client):
        with client, socket.create_connection((address.hostname, address.port)) as server:
            threading.Thread(target=copy, args=(client, server), daemon=True).start()
            copy(server, client, limited=True)

    def copy(source, target, *, limited=False):
        passed = 0
        try:
            while block := source.recv(65536):
                passes = after - passed if limited and left[0] else len(block)
                passed += len(block)
                target.sendall(block[: max(passes, 0)])
                if len(block) > passes:
                    left[0] -= 1
                    break
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def accept():
        while not done.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=relay, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", left
    finally:
        done.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_connections_that_break_are_made_again(s3_settings, stored):
    with cut_short(s3_settings["S3_ENDPOINT_URL"], cuts=2) as (endpoint, left):
        with s3_storage(s3_settings, s3_endpoint_url=endpoint).open(stored) as file:
            assert file.read() == BODY
            assert file.bytes_read == len(BODY)
            # 256 KiB, 512 KiB, 1 MiB and the rest, and the two that were cut.
            assert file.requests == 4 + 2
        assert left == [0]


@pytest.mark.parametrize("after", [5, 16, 17, 60, 90, 130])
def test_an_answer_cut_in_its_headers_is_not_an_empty_one(s3_settings, s3, stored, after):
    """HTTP clients take the end of a connection for the end of the headers."""
    whole = s3.storage
    upload = whole.create_multipart(f"{stored}.parts", content_type="video/mp4")
    url = whole.sign_part(f"{stored}.parts", upload, 1, size=5, expires_s=3600)
    httpx.put(url, content=b"bytes").raise_for_status()
    for ask in (
        lambda storage: [part.size for part in storage.list_parts(f"{stored}.parts", upload)],
        lambda storage: sorted(storage.keys(stored)),
        lambda storage: [one.upload_id for one in storage.uploads(stored)],
        lambda storage: storage.size(stored),
        lambda storage: storage.open(stored).read(),
    ):
        with cut_short(s3_settings["S3_ENDPOINT_URL"], cuts=1, after=after) as (endpoint, left):
            assert ask(s3_storage(s3_settings, s3_endpoint_url=endpoint)) == ask(whole)
            assert left == [0]
    whole.abort_multipart(f"{stored}.parts", upload)


def test_a_part_of_a_file_costs_its_bytes_only(s3, stored):
    with s3.storage.open(stored) as file:
        file.seek(-1000, 2)
        assert file.read() == BODY[-1000:]
        assert (file.bytes_read, file.requests) == (1000, 1)


def test_an_object_replaced_while_it_is_read(s3, stored, tmp_path):
    with s3.storage.open(stored) as file:
        assert file.read(10) == BODY[:10]
        path = tmp_path / "other"
        path.write_bytes(BODY[::-1])
        s3.storage.put_file(stored, path, content_type="video/mp4")
        file.seek(2**20)
        with pytest.raises(TransientError) as raised:
            file.read(10)
        assert raised.value.code == "storage_unavailable"


@pytest.mark.parametrize("change", [{"s3_bucket": "not-there"}, {"s3_endpoint_url": "http://127.0.0.1:9"}])
def test_a_storage_that_does_not_answer(s3_settings, change):
    with pytest.raises(TransientError) as raised:
        s3_storage(s3_settings, **change).check()
    assert raised.value.code == "storage_unavailable"


def test_wrong_keys(s3_settings):
    with pytest.raises(TransientError) as raised:
        s3_storage(s3_settings, s3_secret_access_key="wrong-secret").check()
    assert "wrong-secret" not in raised.value.message


def test_clients_are_given_the_public_address(s3_settings):
    storage = s3_storage(s3_settings, s3_public_endpoint_url="https://files.example.org")
    upload = storage.sign_part("a", "id", 1, size=1, expires_s=3600)
    download = storage.sign_get("a", expires_s=3600, filename="a", content_type="video/mp4")
    for url in (upload, download):
        assert url.startswith("https://files.example.org/cutwork/a?")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_has_connections_of_its_own(s3: Place, stored):
    parent = s3.storage._client()
    pid = os.fork()
    if pid == 0:
        try:
            fresh = s3.storage._client() is not parent
            os._exit(0 if fresh and s3.storage.size(stored) == len(BODY) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert s3.storage._client() is parent
    assert s3.storage.size(stored) == len(BODY)
