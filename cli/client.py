"""The HTTP side: one client for the API, one for the signed addresses of storage, every error given a name."""

from __future__ import annotations

import ipaddress
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
import httpx

from cli.errors import NoAnswerError, RefusedError, ServerError

Json = dict[str, Any]
Result = TypeVar("Result")

TIMEOUT = httpx.Timeout(60, connect=10)
DROPPED = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
BUSY = frozenset({429, 502, 503, 504})


def http_client(url: str, **options: Any) -> httpx.Client:
    """Return a client for the server at `url`; a proxy from the environment never stands before this machine."""
    return httpx.Client(timeout=TIMEOUT, trust_env=not is_loopback(url), **options)


def is_loopback(url: str) -> bool:
    """Tell whether `url` names this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def backoff(attempt: int, *, cap_s: float = 15.0) -> float:
    """Return how long to wait before attempt number `attempt` (from 1): exponential, with full jitter, in seconds."""
    return random.uniform(0.1, min(cap_s, 0.25 * 2**attempt))  # noqa: S311 - not a secret  # nosec B311


def retry_after(response: httpx.Response, default_s: float) -> float:
    """Return the seconds of a `Retry-After` header (a date in it counts as absent), at most a minute."""
    value = response.headers.get("Retry-After", "")
    return min(float(value), 60.0) if value.isdigit() else default_s


def again(
    call: Callable[[], Result],
    *,
    attempts: int = 6,
    passing: tuple[type[Exception], ...] = (httpx.TransportError,),
) -> Result:
    """Call again after a `passing` error or the answer that the server is busy; the last failure passes through."""
    for attempt in range(1, attempts):
        try:
            return call()
        except passing:
            time.sleep(backoff(attempt))
        except ServerError as error:
            if not _is_busy(error.problem):
                raise
            time.sleep(max(float(error.problem.get("retry_after") or 0), backoff(attempt)))
    return call()


class Api:
    """A Cutwork server's `/v1` resources. Raises RefusedError, ServerError or NoAnswerError, nothing of httpx."""

    def __init__(self, url: str, key: str | None) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise click.UsageError(f"{url!r} is not an address: write http://host:port (--url or CUTWORK_URL)")
        self.url = url.rstrip("/")
        headers = {"User-Agent": "cutwork-cli"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._http = http_client(url, base_url=self.url, headers=headers)

    def get(self, path: str, **params: Any) -> Json:
        """Return the document at `path`; a busy server is asked again a few times."""
        with self._named_errors():
            return again(lambda: read(self._http.get(path, params=params)), attempts=3, passing=DROPPED)

    def find(self, path: str) -> Json | None:
        """Return the document at `path`, or None when there is none."""
        try:
            return self.get(path)
        except RefusedError as error:
            if error.problem.get("status") == 404:
                return None
            raise

    def redirect(self, path: str) -> str:
        """Return the address that `path` sends on to, for a client that must not get our key."""
        with self._named_errors():
            response = self._http.get(path)
        if not response.is_redirect:
            read(response)
        return str(response.url.join(response.headers.get("Location", "")))

    def post(self, path: str, body: Json | None = None, *, timeout_s: float = 60) -> Json:
        """Send `body` and return the answer's document; never repeated by itself."""
        timeout = httpx.Timeout(timeout_s, connect=10)
        with self._named_errors():
            return read(self._http.post(path, json=body or {}, timeout=timeout))

    def create(self, path: str, body: Json) -> Json:
        """Send `body` to make one thing, and return it.

        It goes with an Idempotency-Key of its own: when the answer is lost, it is asked for again, and nothing is made
        twice.
        """
        key = {"Idempotency-Key": str(uuid.uuid4())}

        def ask() -> Json:
            return read(self._http.post(path, json=body, headers=key))

        with self._named_errors():
            try:
                return ask()
            except DROPPED:
                # The server may be starting again: now an address where nothing answers is worth some patience.
                return again(ask, attempts=12)
            except ServerError as error:
                if not _is_busy(error.problem):
                    raise
                return again(ask, attempts=4, passing=DROPPED)

    def patch(self, path: str, body: Json) -> Json:
        """Change what is at `path` and return it."""
        with self._named_errors():
            return read(self._http.patch(path, json=body))

    def put(self, path: str, body: Json) -> Json:
        """Put `body` in the place of what is at `path` and return it."""
        with self._named_errors():
            return read(self._http.put(path, json=body))

    def delete(self, path: str) -> None:
        """Delete what is at `path`."""
        with self._named_errors():
            read(self._http.delete(path))

    def pages(self, path: str, limit: int, **filters: str) -> list[Json]:
        """Return at most `limit` items of a list, newest first, over as many pages as that takes."""
        items: list[Json] = []
        cursor: str | None = None
        while len(items) < limit:
            more = {"cursor": cursor} if cursor else {}
            page = self.get(path, limit=min(limit - len(items), 100), **filters, **more)
            items += page["data"]
            cursor = page.get("next")
            if not cursor or not page["data"]:
                break
        return items[:limit]

    def await_document(self, path: str, *, patience_s: float = 600.0) -> Json:
        """Return the document at `path` once it is there: a 202 answer means that a job is finding it out."""
        deadline = time.monotonic() + patience_s
        while True:
            with self._named_errors():
                response = self._http.get(path)
                document = read(response)
            if response.status_code != 202:
                return document
            if time.monotonic() > deadline:
                raise NoAnswerError(f"{self.url}{path} was not ready after {patience_s:g} s; are the workers running?")
            time.sleep(min(retry_after(response, 1.0), 1.0))

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Open `path` as a stream; httpx's transport errors pass through, for the reader to reconnect."""
        with self._http.stream("GET", path, headers=dict(headers), timeout=httpx.Timeout(45, connect=10)) as response:
            if response.status_code != 200:
                response.read()
                read(response)
            yield response

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise no_answer(self.url, error) from error


def no_answer(url: str, error: httpx.TransportError) -> NoAnswerError:
    """Say in words that nothing answers at `url`."""
    hint = "is it running? start it with: make up" if is_loopback(url) else "is it running, and is the address right?"
    reason = str(error).strip() or type(error).__name__
    return NoAnswerError(f"no answer from {url} ({reason}); {hint}")


def read(response: httpx.Response) -> Json:
    """Return the JSON object of a good answer (empty for 204), or raise what the answer says went wrong."""
    if response.status_code == 204:
        return {}
    document = _json_object(response)
    if response.is_success and document is not None:
        return document
    raise _problem(response, document)


def read_storage(response: httpx.Response) -> None:
    """Check the answer of a storage server, whose good answers say nothing and whose bad ones may be XML."""
    if not response.is_success:
        raise _problem(response, _json_object(response))


def _problem(response: httpx.Response, document: Json | None) -> RefusedError | ServerError:
    if document is None:
        kind = response.headers.get("Content-Type", "nothing")
        detail = f"{response.url.copy_with(query=None)} answered {response.status_code} with {kind}"
        document = {"title": response.reason_phrase, "detail": detail}
    problem = {**document, "status": response.status_code}
    if response.is_client_error and not _is_busy(problem):
        return RefusedError(problem)
    if _is_busy(problem):
        problem["retry_after"] = retry_after(response, 0.0)
    return ServerError(problem)


def _is_busy(problem: Json) -> bool:
    """Whether the same request may be answered in a moment."""
    return problem.get("status") in BUSY or problem.get("code") == "idempotency_in_progress"


def _json_object(response: httpx.Response) -> Json | None:
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
