"""Playlists in a real browser: played as they are, and their segments fed to it one by one."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial

import pytest

from media.barcode import read
from media.hls.package import Clip, package
from media.hls.parts import pack_part
from media.hls.playlist import CONTENT_TYPE, Stretch, media_playlist
from media.hls.seams import render_seams
from media.proxy.pictures import encode_pictures
from media.proxy.plan import Look, segment
from media.sample import make_sample
from media.types import Range
from pipelines.growing import LONGEST, Part, pieces
from tests.media.smartcut.variants import make
from tests.playback.browser import player

RATE = 30


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "recording.mp4"
    make_sample(path, seconds=Fraction(24), size=(320, 180), keyframe_every=60)
    return path


@pytest.fixture(scope="module")
def shelved(storage):
    """A function that makes a file, and a playlist of it, addresses that the API serves."""
    shelf, _ = storage

    def put(path, stretches, init):
        name = path.name
        shelf.put_file(name, path, content_type="video/mp4")
        film = shelf.sign_get(name, expires_s=600, filename=name, content_type="video/mp4", inline=True)
        text = path.with_suffix(".m3u8")
        segments = [segment for stretch in stretches for segment in stretch]
        most = max(segment.duration for segment in segments)
        text.write_text(media_playlist([Stretch(film, init, stretch) for stretch in stretches], longest=most))
        shelf.put_file(text.name, text, content_type=CONTENT_TYPE)
        return film, shelf.sign_get(text.name, expires_s=600, filename=text.name, content_type=CONTENT_TYPE)

    return put


def test_a_playlist_is_played(recording, shelved, browser, storage, tmp_path):
    target = tmp_path / "film.mp4"
    with recording.open("rb") as file:
        made = package([Clip(file)], target)
    _, playlist = shelved(target, [made.segments], made.init)
    with player(browser, playlist, f"{storage[1]}/healthz") as watching:
        assert watching.duration == pytest.approx(24, abs=0.1)
        for number in (0, 179, 180, 181, 700):
            assert read(watching.seek((number + 0.5) / RATE).luma) in sought(range(24 * RATE), number)


def test_joints_are_played_over_in_step_with_their_sound(recording, shelved, browser, storage, tmp_path):
    target = tmp_path / "seams.mp4"
    with recording.open("rb") as file:
        seams = render_seams(file, target, [Range(Fraction(1), Fraction("10.5")), Range(Fraction(14), Fraction(24))])
    numbers = [*range(30, 120), *range(240, 315), *range(420, 480), *range(660, 720)]
    _, playlist = shelved(target, seams.joints, seams.rendition.init)
    with player(browser, playlist, f"{storage[1]}/healthz") as watching:
        assert watching.duration == pytest.approx(len(numbers) / RATE, abs=0.1)
        # Around each cut, and each place where a body would stand.
        for place in (0, 88, 89, 90, 91, 163, 164, 165, 166, 224, 225, 226, len(numbers) - 1):
            assert read(watching.seek((place + 0.5) / RATE).luma) in sought(numbers, place), place
        watching.play(partial(judge, numbers))


def sought(numbers, place):
    """What the browser may show after a seek into the middle of a picture: that one, or one beside it.

    It goes by how long pictures last, which it takes from the pace at which they are decoded. That is another than the
    pace at which they are shown where they are reordered, so that no joint begins with a gap.
    """
    return numbers[max(place - 1, 0) : place + 2]


def judge(numbers, played):
    """Whether pictures come in order, and each flash with its click."""
    assert played.troubles == []
    seen = [read(shown.luma) for shown in played.pictures]
    assert [numbers.index(number) for number in seen] == sorted(numbers.index(number) for number in seen)
    assert len(seen) > len(numbers) / 3
    flashes = [place / RATE for place, number in enumerate(numbers) if number % RATE == 0]
    for flash in flashes[1:]:
        offset = min((click - flash for click in played.clicks), key=abs, default=math.inf)
        assert abs(offset) <= 2 * 1024 / 48_000, f"the click of the flash at {flash} comes {offset} s later"


def test_a_preview_that_grew_is_played_over_joints_and_parts(recording, shelved, browser, storage, tmp_path):
    film, cuts = tmp_path / "part.mp4", tmp_path / "joints.mp4"
    parts = []
    with recording.open("rb") as file:
        seams = render_seams(file, cuts, [Range(Fraction(1), Fraction("10.5")), Range(Fraction(14), Fraction(24))])
        for number, (start, end) in enumerate([(0, 6), (6, 24)]):
            file.seek(0)
            made = encode_pictures(file, film, segment(0, Fraction(start), Fraction(end), Fraction(24)), Look(360))
            target = tmp_path / f"fragments-{number}.mp4"
            packed = pack_part(file, film, made.start, Fraction(end), target)
            parts.append(Part(target.name, Fraction(start), Fraction(end), packed))
    found, whole = pieces(seams, cuts.name, parts)
    assert (whole, len(found)) == (True, 6)
    shelf, _ = storage
    addresses = {}
    for path in (cuts, *(tmp_path / part.file for part in parts)):
        shelf.put_file(path.name, path, content_type="video/mp4")
        addresses[path.name] = shelf.sign_get(path.name, expires_s=600, filename="f.mp4", content_type="video/mp4")
    text = tmp_path / "growing.m3u8"
    stretches = [Stretch(addresses[piece.file], piece.init, piece.segments) for piece in found]
    text.write_text(media_playlist(stretches, longest=LONGEST, kind="EVENT"))
    shelf.put_file(text.name, text, content_type=CONTENT_TYPE)
    playlist = shelf.sign_get(text.name, expires_s=600, filename=text.name, content_type=CONTENT_TYPE)
    numbers = [*range(30, 315), *range(420, 720)]
    with player(browser, playlist, f"{storage[1]}/healthz") as watching:
        assert watching.duration == pytest.approx(len(numbers) / RATE, abs=0.15)
        for place in (0, 88, 91, 148, 152, 209, 212, 284, 285, 286, 344, 346, 524, 526, len(numbers) - 1):
            assert read(watching.seek((place + 0.5) / RATE).luma) in sought(numbers, place), place


FEED = """async ([film, codecs, init, segments]) => {
  const type = `video/mp4; codecs="${codecs}"`;
  if (!MediaSource.isTypeSupported(type)) throw new Error(`${type} is not supported`);
  const source = new MediaSource();
  const video = document.createElement("video");
  video.src = URL.createObjectURL(source);
  await new Promise((resolve) => source.addEventListener("sourceopen", resolve, { once: true }));
  const buffer = source.addSourceBuffer(type);
  buffer.timestampOffset = -1;
  for (const [offset, size] of [init, ...segments]) {
    const answer = await fetch(film, { headers: { Range: `bytes=${offset}-${offset + size - 1}` } });
    const done = new Promise((resolve, reject) => {
      buffer.addEventListener("updateend", resolve, { once: true });
      buffer.addEventListener("error", () => reject(new Error("not taken")), { once: true });
    });
    buffer.appendBuffer(await answer.arrayBuffer());
    await done;
  }
  const { buffered } = buffer;
  return [...Array(buffered.length).keys()].map((n) => [buffered.start(n), buffered.end(n)]);
}"""


@pytest.mark.parametrize("name", ["recording.mp4", "pyramid.mp4", "baseline.mp4"])
def test_segments_are_taken_by_a_source_buffer(recording, shelved, browser, storage, tmp_path, name):
    film = recording if name == recording.name else make(recording, tmp_path, name)
    with film.open("rb") as file:
        made = package([Clip(file)], tmp_path / f"packed-{name}", segment=Fraction(2))
    address, _ = shelved(tmp_path / f"packed-{name}", [made.segments], made.init)
    segments = [[segment.offset, segment.size] for segment in made.segments]
    with browser.new_page(bypass_csp=True) as page:
        page.goto(f"{storage[1]}/healthz")
        init = [made.init.offset, made.init.size]
        [[start, end]] = page.evaluate(FEED, [address, made.codecs, init, segments])
    assert (start, end) == (pytest.approx(0, abs=0.025), pytest.approx(24, abs=0.05))
