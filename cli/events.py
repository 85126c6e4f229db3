"""Follow a job: Server-Sent Events, reconnected by `Last-Event-ID`; while they fail, the job is asked for instead."""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx

from cli.client import Api, Json, backoff
from cli.errors import NoAnswerError, RefusedError, ServerError

TERMINAL = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True)
class Event:
    """One dispatched event; `id` is the last id that the stream has named so far."""

    name: str
    data: str
    id: str | None


def parse_events(chunks: Iterable[bytes], last_id: str | None = None) -> Iterator[Event]:
    """Yield the events of a stream.

    Follows "Interpreting an event stream" of https://html.spec.whatwg.org/multipage/server-sent-events.html: lines end
    at CR LF, LF or CR and nowhere else, an event without data is dropped, and so is one that the stream's end cuts off.
    """
    name, data = "message", list[str]()
    for line in _lines(chunks):
        if not line:
            if data:
                yield Event(name, "\n".join(data), last_id)
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                name = value
            case "data":
                data.append(value)
            case "id" if "\0" not in value:
                last_id = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    buffer = ""
    for chunk in chunks:
        buffer += decoder.decode(chunk)
        # A CR at the very end may be the first half of CR LF: leave it until more is there.
        held = "\r" if buffer.endswith("\r") else ""
        text = buffer.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        *lines, buffer = text.split("\n")
        buffer += held
        yield from lines


def follow(api: Api, job_id: str, *, patience_s: float = 120.0) -> Iterator[Json]:
    """Yield the job's document at every change, until it is terminal.

    A stream that breaks is taken up again after its last event; one that cannot be opened is replaced by asking for the
    job. Raises RefusedError when there is no such job, and NoAnswerError or ServerError after `patience_s` without it.
    """
    last_id: str | None = None
    heard, attempt = time.monotonic(), 0
    while True:
        opened = False
        try:
            for event in _listen(api, job_id, last_id):
                opened, last_id, heard, attempt = True, event.id, time.monotonic(), 0
                if event.name == "job":
                    job: Json = json.loads(event.data)
                    yield job
                    if job["status"] in TERMINAL:
                        return
        except (httpx.TransportError, ServerError, RefusedError):
            pass  # if it is more than the stream that is gone, asking for the job tells
        if not opened:
            try:
                job = api.get(f"/v1/jobs/{job_id}")
            except (NoAnswerError, ServerError):
                if time.monotonic() - heard > patience_s:
                    raise
            else:
                heard = time.monotonic()
                yield job
                if job["status"] in TERMINAL:
                    return
        attempt += 1
        time.sleep(backoff(attempt, cap_s=1.0))


def _listen(api: Api, job_id: str, last_id: str | None) -> Iterator[Event]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    with api.stream(f"/v1/jobs/{job_id}/events", headers) as response:
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise ServerError({"detail": f"the events of {job_id} are no event stream"})
        yield from parse_events(response.iter_bytes(), last_id)
