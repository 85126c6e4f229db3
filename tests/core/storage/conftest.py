"""`storage`: each adapter in turn, on a real S3 server and on a folder behind a real HTTP server."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import httpx
import pytest

from core.errors import CutworkError
from core.settings import Settings
from core.storage import storage_from


@dataclass
class Place:
    """A storage, a key prefix that nobody else uses, and the way its clients take."""

    storage: object
    prefix: str

    def key(self, name: str = "file") -> str:
        return f"{self.prefix}/{name}"

    def put(self, url: str, body) -> httpx.Response:
        return httpx.put(url, content=body)

    def send(self, key: str, upload: str, number: int, body: bytes) -> httpx.Response:
        url = self.storage.sign_part(key, upload, number, size=len(body), expires_s=3600)
        return self.put(url, body)


def served(storage):
    """Return a request handler that does with signed addresses what the API does."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            token = self.path.rpartition("/")[2]
            try:
                grant = storage.verify(token, "PUT")
                etag = storage.write_part(grant, self.rfile, int(self.headers["Content-Length"]))
            except CutworkError as error:
                self.close_connection = True
                return self.send_error(403, error.code)
            return self.answer(200, b"", ETag=f'"{etag}"')

        def do_GET(self):
            try:
                grant = storage.verify(self.path.rpartition("/")[2], "GET")
                body = storage.resolve(grant).read_bytes()
            except CutworkError as error:
                return self.send_error(403, error.code)
            headers = {"Content-Type": grant.content_type, "Content-Disposition": grant.content_disposition}
            return self.answer(200, body, **headers)

        def answer(self, status, body, **headers):
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    return Handler


@contextmanager
def local_storage(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    url = f"http://127.0.0.1:{server.server_port}"
    storage = storage_from(Settings(storage_dir=folder, public_url=url, secret_key="a secret", s3_bucket=None))
    server.RequestHandlerClass = served(storage)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def s3_storage(settings, **changes):
    """Return the S3 adapter that environment variables name."""
    values = {name.lower(): value for name, value in settings.items()}
    return storage_from(Settings(**(values | changes)))


@pytest.fixture
def local(tmp_path):
    with local_storage(tmp_path / "storage") as storage:
        yield Place(storage, f"t{uuid4().hex}")


@pytest.fixture(scope="session")
def shared_s3(s3_settings):
    return s3_storage(s3_settings)


@pytest.fixture
def s3(shared_s3):
    return Place(shared_s3, f"t{uuid4().hex}")


@pytest.fixture(params=["local", "s3"])
def place(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def storage(place):
    return place.storage
