"""The proxy breaks what it is told to break, and nothing else."""

import http.server
import threading
import time

import httpx
import pytest

from tests.chaos.proxy import FaultProxy

BODY = b"abc" * 100_000


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    taken: list[int] = []  # noqa: RUF012

    def do_GET(self):
        self._answer(BODY)

    def do_PUT(self):
        size = int(self.headers["Content-Length"])
        self.taken.append(len(self.rfile.read(size)))
        self._answer(b"done")

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def proxy():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Echo.taken.clear()
    with FaultProxy(f"http://127.0.0.1:{server.server_port}").running() as proxy:
        yield proxy
    server.shutdown()
    server.server_close()
    thread.join()


def test_bytes_pass_both_ways_on_one_connection(proxy):
    with httpx.Client(base_url=proxy.endpoint) as client:
        assert client.get("/").content == BODY
        assert client.put("/", content=BODY).content == b"done"
        assert client.get("/").content == BODY
    assert (Echo.taken, proxy.struck) == ([len(BODY)], 0)


def test_an_error_is_answered_and_nothing_arrives(proxy):
    proxy.begin("error", share=1.0)
    assert httpx.put(proxy.endpoint, content=b"x").status_code == 500
    proxy.calm()
    assert httpx.get(proxy.endpoint).status_code == 200
    assert Echo.taken == []


def test_a_stalled_request_goes_on_when_it_is_calm(proxy):
    proxy.begin("stall", share=1.0)
    threading.Timer(0.5, proxy.calm).start()
    begun = time.monotonic()
    assert httpx.get(proxy.endpoint).content == BODY
    assert time.monotonic() - begun > 0.4


def test_transfers_are_cut_in_the_middle(proxy):
    proxy.begin("cut", share=1.0)
    for _ in range(4):
        with pytest.raises(httpx.TransportError):
            httpx.get(proxy.endpoint)
    assert proxy.struck == 4


def test_uploads_arrive_in_part_or_lose_their_answer(proxy):
    proxy.begin("cut", share=1.0)
    lost = 0
    for _ in range(12):
        try:
            httpx.put(proxy.endpoint, content=BODY)
        except httpx.TransportError:
            lost += 1
    assert lost >= 6
    whole = [size for size in Echo.taken if size == len(BODY)]
    assert 0 < len(whole) < 12
