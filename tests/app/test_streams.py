"""Playlists by signed addresses: there as soon as what they name is, and for nobody without the signature."""

import gzip
import time
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import m3u8
import pytest

from app.schemas.job import StreamSchema
from core import accounts, jobs
from core.models import now
from media.hls.playlist import CONTENT_TYPE
from tasks.moderate import moderate
from tasks.probe import probe
from tasks.seams import seams
from tests.app.conftest import upload
from tests.app.test_problems import problem
from tests.media.hls import Piece

KEEP = [{"start": "0.5", "end": "1.5"}, {"start": "2", "end": "3.7"}]
KEPT = [*range(5, 15), *range(20, 37)]


def start(client, body, **more):
    answer = client.post("/v1/jobs/edit", json={"input": upload(client, body)["id"], "keep": KEEP} | more)
    assert answer.status_code == 202, answer.json
    return answer.json


def work(client, job, *stages):
    """Run stages in this process, as workers would; return the document as it is then."""
    row = jobs.get(accounts.default_account().id, job["id"])
    for stage in stages:
        stage.apply(args=(row.id, row.epoch))
    return client.get(f"/v1/jobs/{row.id}").json


def path(url):
    """The address on this application, as a player without a key asks for it."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def fetch(client, url, **headers):
    return client.application.test_client().get(path(url), headers=headers)


def bytes_of(client, uri, byterange):
    size, offset = (int(number) for number in byterange.split("@"))
    asked = {"Range": f"bytes={offset}-{offset + size - 1}"}
    if uri.startswith("http://localhost/"):
        answer = fetch(client, uri, **asked)
        status, data = answer.status_code, answer.data
    else:
        got = httpx.get(uri, headers=asked)
        status, data = got.status_code, got.content
    assert (status, len(data)) == (206, size)
    return data


@pytest.fixture
def played(client, sample):
    """A job of which the seams are done, and nothing else."""
    return work(client, start(client, sample.read_bytes()), probe, seams)


def test_the_seams_can_be_played_while_the_rest_is_to_be_made(any_client, sample):
    job = start(any_client, sample.read_bytes())
    assert job["streams"] == []
    document = work(any_client, job, probe, seams)
    assert (document["status"], document["outputs"]) == ("running", [])
    [stream] = document["streams"]
    assert set(stream) == set(StreamSchema().fields)
    assert (stream["name"], stream["status"], stream["content_type"]) == ("seams_hls", "whole", CONTENT_TYPE)
    assert (stream["media"]["duration"], stream["media"]["size"]) == ("2.7", [160, 90])
    assert datetime.fromisoformat(stream["expires_at"]) > now()
    answer = fetch(any_client, stream["url"])
    assert (answer.status_code, answer.content_type) == (200, CONTENT_TYPE)
    assert answer.headers["Cache-Control"] == "private, max-age=60"
    found = m3u8.loads(answer.text)
    assert (found.is_endlist, found.target_duration) == (True, 2)
    shown = []
    for segment in found.segments:
        opening = bytes_of(any_client, segment.init_section.uri, segment.init_section.byterange)
        piece = Piece(opening + bytes_of(any_client, segment.uri, segment.byterange), segment.duration, False)
        shown += [number for _, number in piece.pictures()]
    assert shown == KEPT


def test_a_playlist_is_sent_small(client, played):
    url = played["streams"][0]["url"]
    plain, packed = fetch(client, url), fetch(client, url, **{"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data
    assert m3u8.loads(plain.text).segments
    refused = fetch(client, url, **{"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


def test_by_one_address_a_playlist_stays_as_it_is(any_client, sample, monkeypatch):
    """Players tell segments apart by their addresses."""
    document = work(any_client, start(any_client, sample.read_bytes()), probe, seams)
    url = document["streams"][0]["url"]
    answer = fetch(any_client, url)
    clock = time.time
    monkeypatch.setattr("time.time", lambda: clock() + 60)
    again = fetch(any_client, url)
    assert (again.data, again.headers["ETag"]) == (answer.data, answer.headers["ETag"])
    [segment, *_] = m3u8.loads(again.text).segments
    assert bytes_of(any_client, segment.uri, segment.byterange)
    known = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": "gzip"}
    unchanged = fetch(any_client, url, **known)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert unchanged.headers[name] == answer.headers[name]
    # A new address is one of new segments.
    other = any_client.get(f"/v1/jobs/{document['id']}").json["streams"][0]["url"]
    assert fetch(any_client, other, **known).status_code == 200


def test_segments_can_be_played_to_their_end_after_the_playlist_was_fetched_last(
    client, played, configure, monkeypatch
):
    url = played["streams"][0]["url"]
    ends = int(dict(parse_qsl(urlsplit(url).query))["expires"])
    monkeypatch.setattr("time.time", lambda: ends)
    [segment, *_] = m3u8.loads(fetch(client, url).text).segments
    monkeypatch.setattr("time.time", lambda: ends + 3600 + 2)
    assert bytes_of(client, segment.uri, segment.byterange)
    monkeypatch.setattr("time.time", lambda: ends + 3600 + 4)
    problem(fetch(client, segment.uri), 403, "signature_expired")


def test_only_what_was_signed_is_served(client, played):
    url = played["streams"][0]["url"]
    other = "job_" + "0" * 26
    for altered in (url[:-1] + ("A" if url[-1] != "A" else "B"), url.replace("seams_hls", "preview_hls")):
        problem(fetch(client, altered), 403, "signature_invalid")
    problem(fetch(client, url.replace(played["id"], other)), 403, "signature_invalid")
    problem(fetch(client, url.replace("expires=", "expires=9")), 403, "signature_invalid")
    problem(fetch(client, url.partition("?")[0]), 422, "invalid_request")
    problem(fetch(client, url.replace("index.m3u8", "720.m3u8")), 404, "stream_not_found")


def test_an_address_ends(client, configure, played, monkeypatch):
    url = played["streams"][0]["url"]
    monkeypatch.setattr("core.link_signature.time.time", lambda: 1e11)
    problem(fetch(client, url), 403, "signature_expired")


def test_a_source_without_pictures_has_no_seams_and_is_not_refused_for_it(client, sound):
    job = start(client, sound.read_bytes(), keep=[{"start": "0.2", "end": "0.8"}])
    document = work(client, job, probe, seams)
    assert document["stages"]["seams"]["result"]["refused"] == "no_video"
    assert (document["streams"], document["error"]) == ([], None)


def test_seams_that_take_too_long_are_given_up(client, sample, monkeypatch):
    monkeypatch.setattr("tasks.seams._PATIENCE_S", -1)
    monkeypatch.setattr("media.progress._SECONDS", 0)
    document = work(client, start(client, sample.read_bytes()), probe, seams)
    assert (document["stages"]["seams"]["status"], document["error"]) == ("succeeded", None)
    assert (document["stages"]["seams"]["result"]["refused"], document["streams"]) == ("too_long", [])


def test_nothing_is_played_before_the_verdict(client, configure, sample, tmp_path):
    hashes = tmp_path / "hashes"
    hashes.write_text("")
    configure(MODERATION="rules", MODERATION_HASHES=hashes)
    job = start(client, sample.read_bytes())
    document = work(client, job, probe, seams)
    assert (document["stages"]["seams"]["status"], document["streams"]) == ("queued", [])
    document = work(client, job, moderate, seams)
    [stream] = document["streams"]
    assert fetch(client, stream["url"]).status_code == 200


def test_without_a_preview_there_are_no_seams(client, sample):
    assert "seams" not in start(client, sample.read_bytes(), preview=False)["stages"]
