"""What can be played while a job runs, and after: by an independent parser, by ffmpeg over HTTP, and to the frame."""

import subprocess
import time
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise

import av
import httpx
import imageio_ffmpeg
import m3u8
import pytest

from media.hls.playlist import CONTENT_TYPE
from media.sample import make_sample
from tests.e2e.client import TERMINAL
from tests.e2e.test_cancel import encoders
from tests.media.hls import Piece
from tests.media.measure import numbers
from tests.services.process import LONG_S

pytestmark = pytest.mark.e2e

FPS = 25
KEEP = [{"start": "1.2", "end": "20.44"}, {"start": "25", "end": "44"}]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Three quarters of a minute: long enough to be at work while somebody looks."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    make_sample(path, seconds=Fraction(45), fps=Fraction(FPS), size=(640, 360))
    return path


def ready(client, job, name, *, status=None, seconds=LONG_S):
    """The first document in which a stream can be played, and its entry."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        document = client.get(f"/v1/jobs/{job['id']}")
        for stream in document["streams"]:
            if stream["name"] == name and status in {None, stream["status"]}:
                return document, stream
        assert document["status"] not in TERMINAL, document["error"]
        time.sleep(0.05)
    raise AssertionError(f"no {name} after {seconds} s: {document}")


def fetched(url):
    """The segments behind a playlist, each fetched by itself as a player does."""
    answer = httpx.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, CONTENT_TYPE)

    def read(uri, byterange):
        size, offset = (int(number) for number in byterange.split("@"))
        got = httpx.get(uri, headers={"Range": f"bytes={offset}-{offset + size - 1}"})
        assert (got.status_code, len(got.content)) == (206, size)
        return got.content

    found = m3u8.loads(answer.text, uri=url)
    return [
        Piece(
            read(segment.init_section.absolute_uri, segment.init_section.byterange)
            + read(segment.absolute_uri, segment.byterange),
            segment.duration,
            bool(segment.discontinuity),
        )
        for segment in found.segments
    ]


def ffmpeg(url, *more, says="error"):
    """What ffmpeg writes of a playlist that it reads by HTTP, in silence."""
    # A local storage's addresses have no extension, which ffmpeg would like to see. And ffmpeg 9.0.2 loses the rest of
    # a file of which it asked for two neighbouring ranges in one request, or complains of the second.
    reading = ["-extension_picky", "0", "-allowed_extensions", "ALL", "-http_seekable", "0", "-http_persistent", "0"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", says, *reading, "-i", url, *more]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


def frames(url):
    """How many pictures ffmpeg decodes of each size that a playlist names."""
    listed = ffmpeg(url, "-map", "0:v", "-f", "framecrc", "-")
    lines = [line.partition(",")[0] for line in listed.splitlines() if not line.startswith("#")]
    return [lines.count(stream) for stream in sorted({*lines})]


@contextmanager
def nothing_encoded(scratch):
    """The encode worker stands still, so that a job that needs it does not end."""
    found = encoders(scratch)
    assert found
    for process in found:
        process.suspend()
    try:
        yield
    finally:
        for process in found:
            process.resume()


def test_the_seams_are_played_before_the_job_has_ended(client, stack, recording, tmp_path):
    asset = client.upload(recording)
    with nothing_encoded(stack[1] / "scratch"):
        play_the_seams(client, client.edit(asset, KEEP, mode="exact"), tmp_path)


def play_the_seams(client, job, folder):
    """As soon as they are there; cancel the job then."""
    document, stream = ready(client, job, "seams_hls")
    assert document["status"] == "running"
    assert document["outputs"] == []
    assert document["stages"]["seams"]["status"] == "succeeded"
    shown = [number for piece in fetched(stream["url"]) for _, number in piece.pictures()]
    assert shown == [*range(30, 100), *range(450, 511), *range(625, 700), *range(1050, 1100)]
    saved = folder / "seams.mkv"
    ffmpeg(stream["url"], "-map", "0:v", "-c", "copy", saved, says="fatal")
    assert numbers(saved) == shown
    client.post(f"/v1/jobs/{job['id']}/cancel", 200)
    # What is there stays.
    assert [stream["name"] for stream in client.get(f"/v1/jobs/{job['id']}")["streams"]] == ["seams_hls"]
    altered = stream["url"].replace("seams_hls", "other")
    assert httpx.get(altered).json()["code"] == "signature_invalid"


def test_the_result_is_a_stream_in_several_sizes(client, recording):
    job = client.edit(client.upload(recording), KEEP, preview=False, hls={"ladder": [1080, 144]})
    job = client.wait(job)
    assert job["status"] == "succeeded", job["error"]
    assert list(job["stages"]) == ["probe", "trim", "publish", "hls"]
    assert job["stages"]["hls"]["parts"] == {"total": 2, "running": 0, "succeeded": 2}
    [stream] = job["streams"]
    assert (stream["name"], stream["status"], list(stream["media"]["rungs"])) == ("video_hls", "whole", ["144", "360"])
    found = m3u8.loads(httpx.get(stream["url"]).text, uri=stream["url"])
    told = [variant.stream_info for variant in found.playlists]
    assert [one.resolution for one in told] == [(256, 144), (640, 360)]
    assert [one.frame_rate for one in told] == [FPS, FPS]
    assert all(0 < one.average_bandwidth <= one.bandwidth for one in told)
    shown = []
    for variant in found.playlists:
        segments = fetched(variant.absolute_uri)
        shown.append([number for piece in segments for _, number in piece.pictures()])
        for piece in segments:
            assert len(piece.data) * 8 <= variant.stream_info.bandwidth * piece.duration * 1.1
    assert shown == [[*range(30, 511), *range(625, 1100)]] * 2
    assert frames(stream["url"]) == [len(shown[0])] * 2
    # And FFmpeg as PyAV has it, which needs less to be told.
    with av.open(stream["url"], options={"extension_picky": "0", "allowed_extensions": "ALL"}) as read:
        assert sum(1 for _ in read.decode(video=0)) == len(shown[0])


def test_the_preview_grows_while_its_parts_are_made(local_client, recording):
    client = local_client
    long = client.upload(recording)
    job = client.edit(long, KEEP, mode="exact", preview={"height": 216})
    document, stream = ready(client, job, "preview_hls")
    assert (document["status"], stream["status"], stream["media"]) == ("running", "growing", None)
    before: list = []
    while True:
        answer = httpx.get(stream["url"])
        assert answer.status_code == 200
        now = m3u8.loads(answer.text)
        told = [(one.duration, one.uri, one.byterange, one.discontinuity) for one in now.segments]
        assert told[: len(before)] == before
        assert (now.playlist_type, now.target_duration, now.start.time_offset) == ("event", 6, 0)
        before = told
        if now.is_endlist:
            break
        assert answer.headers["Cache-Control"] == "private, no-cache"
        time.sleep(0.2)
    segments = fetched(stream["url"])
    assert [piece.complaints() for piece in segments] == [""] * len(segments)
    shown = [number for piece in segments for _, number in piece.pictures()]
    wanted = [*range(30, 511), *range(625, 1100)]
    # Of the long stretches a proxy may leave out pictures; around the cuts all are there.
    assert shown == [number for number in wanted if number in set(shown)]
    near = [*range(30, 100), *range(450, 511), *range(625, 700), *range(1050, 1100)]
    assert set(near) <= set(shown)
    assert max(after - number for number, after in pairwise(shown) if after != 625) <= 4
    assert sum(piece.duration for piece in segments) == pytest.approx(len(wanted) / FPS, abs=0.3)
    for piece in segments:
        pictures, sounds = piece.packets("video"), piece.packets("audio")
        assert abs(pictures[0][0] - sounds[0][0]) <= Fraction(1024, 48_000) + Fraction(2, FPS)
    document = client.wait(job)
    assert document["status"] == "succeeded", document["error"]
    [whole] = [one for one in document["streams"] if one["name"] == "preview_hls"]
    assert (whole["status"], whole["media"]["size"]) == ("whole", [384, 216])
    found = m3u8.loads(httpx.get(whole["url"]).text)
    assert (found.playlist_type, found.is_endlist) == ("vod", True)
    assert next(number for piece in fetched(whole["url"]) for _, number in piece.pictures()) in range(30, 33)
    assert frames(whole["url"]) == [sum(len(piece.packets("video")) for piece in fetched(whole["url"]))]
    # Whoever plays the other one goes on with it.
    assert m3u8.loads(httpx.get(stream["url"]).text).is_endlist
    # The next edit of the same recording finds the proxy made: there is nothing to grow.
    again = client.wait(client.edit(long, [{"start": 3, "end": 30}], preview={"height": 216}))
    assert {one["name"]: one["status"] for one in again["streams"]} == {"seams_hls": "whole", "preview_hls": "whole"}
