"""The guarded client against real servers: pinned, bounded, and never led astray."""

import itertools
import ssl
import time

import pytest
import trustme

from core.errors import InputError, TransientError
from core.outgoing import Client, Guard, client
from core.outgoing.addresses import networks
from tests.core.outgoing.servers import dribbling, serving
from tests.services.process import LONG_S

LOCAL = networks("127.0.0.1/32")


def fetch(url, *, guard=None, most=1000, method="GET", body=b"", **options):
    options = {"seconds": 10.0} | options
    made = Client(guard or Guard(http=True, allow=LOCAL))
    with made.open(method, url, headers={}, body=body, **options) as answer:
        return answer.status, answer.head(most)


def test_a_body_goes_out_and_an_answer_comes_in():
    with serving(lambda handler: handler.reply(201, handler.body[::-1])) as (port, requests):
        assert fetch(f"http://127.0.0.1:{port}/a?b=1", method="POST", body=b"abc") == (201, b"cba")
    assert requests[0].path == "/a?b=1"
    assert requests[0].headers["Host"] == f"127.0.0.1:{port}"


def test_a_name_that_changes_its_address_gains_nothing():
    """The resolver of an attacker answers with a public address first, and with ours from then on."""
    answers = itertools.chain(["8.8.8.8"], itertools.repeat("127.0.0.1"))
    asked = []

    def rebinding(host):
        asked.append(host)
        return [next(answers)]

    with serving(lambda handler: handler.reply(200, b"secret")) as (port, requests):
        guard = Guard(http=True, resolve=rebinding)
        with pytest.raises(TransientError):
            fetch(f"http://rebind.example:{port}/", guard=guard, seconds=2)
        # It was resolved once, and the connection went to what was checked.
        assert asked == ["rebind.example"]
        with pytest.raises(InputError) as caught:
            fetch(f"http://rebind.example:{port}/", guard=guard)
    assert caught.value.code == "url_refused"
    assert requests == []


def test_each_redirect_is_checked_again():
    targets = {}

    def answer(handler):
        handler.reply(302, Location=targets[handler.path]) if handler.path in targets else handler.reply(200, b"end")

    with serving(answer) as (port, requests):
        at = f"http://127.0.0.1:{port}"
        targets |= {"/a": "/b", "/b": f"{at}/c", "/loop": "/loop"}
        assert fetch(f"{at}/a", redirects=5) == (200, b"end")
        assert fetch(f"{at}/a")[0] == 302
        targets |= {
            "/in": f"http://localhost.example:{port}/secret",
            "/file": "file:///etc/passwd",
            "/meta": "http://169.254.169.254/",
            "/odd": "http://[::1",
        }
        guard = Guard(http=True, allow=LOCAL, resolve=lambda host: ["127.0.0.2" if "example" in host else host])
        for path in ("/loop", "/in", "/file", "/meta", "/odd"):
            with pytest.raises(InputError) as caught:
                fetch(f"{at}{path}", redirects=5, guard=guard)
            assert caught.value.code == "url_refused"
    assert "/secret" not in [request.path for request in requests]


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(monkeypatch):
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("files.example").configure_cert(served)
    names = []
    served.sni_callback = lambda _socket, name, _context: names.append(name)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(client, "_tls", lambda: trusting)
    guard = Guard(allow=LOCAL, resolve=lambda _: ["127.0.0.1"])
    with serving(lambda handler: handler.reply(200, handler.headers["Host"].encode()), tls=served) as (port, _):
        status, body = fetch(f"https://files.example:{port}/", guard=guard)
        assert (status, body.decode()) == (200, f"files.example:{port}")
        with pytest.raises(TransientError) as caught:
            fetch(f"https://other.example:{port}/", guard=guard)
    assert "certificate" in caught.value.message
    assert names == ["files.example", "other.example"]


def test_no_more_is_read_than_was_asked_for():
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(bytes(1 << 16))

    with serving(endless) as (port, _):
        status, head = fetch(f"http://127.0.0.1:{port}/", most=100)
    assert (status, len(head)) == (200, 100)


@pytest.mark.parametrize("bounds", [{"seconds": 0.4}, {"seconds": 10, "idle_s": 0.3}])
def test_a_silent_server_is_not_waited_for(bounds):
    began = time.monotonic()
    with serving(lambda _: time.sleep(LONG_S)) as (port, _), pytest.raises(TransientError) as caught:
        fetch(f"http://127.0.0.1:{port}/", **bounds)
    assert caught.value.code == "url_unreachable"
    assert time.monotonic() - began < LONG_S


def test_a_server_that_dribbles_is_not_waited_for():
    began = time.monotonic()
    with dribbling() as port, pytest.raises(TransientError):
        fetch(f"http://127.0.0.1:{port}/", seconds=0.5)
    assert time.monotonic() - began < LONG_S


def test_an_answer_that_breaks_off_is_noticed():
    def cut(handler):
        handler.reply(200, b"half", Content_Length=100)
        handler.close_connection = True

    with serving(cut) as (port, _), pytest.raises(TransientError):
        fetch(f"http://127.0.0.1:{port}/")


def test_the_environment_names_no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(lambda handler: handler.reply(200, b"direct")) as (port, _):
        assert fetch(f"http://127.0.0.1:{port}/") == (200, b"direct")
