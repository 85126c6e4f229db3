"""The guarded client: each hop is checked and pinned to a checked address, everything is bounded.

Underneath is httpcore (HTTP/1.1). Its network backend is the one place where a connection is made, so the address is
pinned there, while the request keeps the host's name for TLS (SNI and certificate) and for `Host`. Neither proxies nor
credentials are read from the environment.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache

import httpcore
import httpx

from core.errors import TransientError
from core.outgoing.guard import Guard, guard_from, port, refused
from core.outgoing.pinned import PinnedBackend
from core.settings import Settings

CONNECT_S = 10.0
REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TROUBLE = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)


@dataclass(frozen=True)
class Answer:
    """The answer's status, its headers by lower-case name, and the URL that gave it after all redirects."""

    status: int
    headers: Mapping[str, str]
    url: httpx.URL
    _response: httpcore.Response

    def blocks(self) -> Iterator[bytes]:
        """Yield the body as it comes, not decoded; raises TransientError `url_unreachable` when it breaks off."""
        with _named(self.url):
            yield from self._response.iter_stream()

    def head(self, most: int) -> bytes:
        """Return the first bytes of the body, at most so many; what comes after is never read."""
        found = bytearray()
        for block in self.blocks():
            found += block
            if len(found) >= most:
                break
        return bytes(found[:most])


class Client:
    """Makes requests that a guard allows."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        redirects: int = 0,
        seconds: float,
        idle_s: float = 30.0,
    ) -> Iterator[Answer]:
        """Make a request and yield its answer, whose body is still to be read; all of it within so many seconds.

        `idle_s` bounds the wait for each single piece. With `redirects` up to so many are followed (for GET), and one
        more is refused; without, an answer that redirects is an answer.

        Raises InputError `url_refused`, `url_unreachable`; TransientError `url_unreachable`.
        """
        deadline = time.monotonic() + seconds
        target, hops = self._guard.url(url), 0
        while True:
            with self._hop(method, target, headers=headers, body=body, deadline=deadline, idle_s=idle_s) as answer:
                location = answer.headers.get("location")
                if not redirects or answer.status not in _REDIRECTS or location is None:
                    yield answer
                    return
            hops += 1
            if hops > redirects:
                raise refused(f"it redirects more than {redirects} times")
            target = self._guard.url(_joined(target, location))

    @contextmanager
    def _hop(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str], body: bytes, deadline: float, idle_s: float
    ) -> Iterator[Answer]:
        pinned = self._guard.addresses(url, seconds=min(CONNECT_S, max(0.0, deadline - time.monotonic())))
        backend = PinnedBackend(pinned, deadline=deadline, connect_s=CONNECT_S, idle_s=idle_s)
        head = {"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity", **headers}
        if method == "POST":
            head["Content-Length"] = str(len(body))
        asked = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=port(url), target=url.raw_path)
        with ExitStack() as open_until_read:
            with _named(url):
                pool = open_until_read.enter_context(httpcore.ConnectionPool(_tls(), network_backend=backend))
                response = open_until_read.enter_context(
                    pool.stream(method, asked, headers=list(head.items()), content=body if method == "POST" else None)
                )
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            yield Answer(response.status, found, url, response)


def client_from(settings: Settings) -> Client:
    """Return a client with the rules that the settings name."""
    return Client(guard_from(settings))


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _joined(url: httpx.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except (httpx.InvalidURL, ValueError) as error:
        raise refused("it redirects to what is not an address") from error


@contextmanager
def _named(url: httpx.URL) -> Iterator[None]:
    """Name what httpcore raises; a message shows the host alone, since the rest of a URL may be a secret."""
    try:
        yield
    except _TROUBLE as error:
        reason = str(error).strip() or type(error).__name__
        raise TransientError("url_unreachable", f"{url.host} could not be reached: {reason}.") from error
