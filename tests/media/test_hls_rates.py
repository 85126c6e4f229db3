"""What rungs of a ladder take of the network: bounded, told as measured, and with keyframes at the same places."""

import io
from fractions import Fraction
from itertools import pairwise

import av
import m3u8
import numpy as np
import pytest

from media.encode import Mp4Writer, VideoSpec
from media.hls.ladder import encode_stretch, pack_rung, peak_rate, plan_ladder
from media.hls.package import Clip
from media.hls.playlist import Variant, multivariant_playlist
from media.smartcut import nal

F = Fraction
SECONDS, FPS = 20, 25
HEIGHTS = {"90": (160, 90), "144": (256, 144)}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Calm, with a new scene each 0.9 s, but for six seconds of noise, which no encoder makes small, after each six."""
    path = tmp_path_factory.mktemp("film") / "noise.mp4"
    dice = np.random.default_rng(1)
    with Mp4Writer(path) as writer:
        spec = VideoSpec(width=320, height=180, time_base=F(1, 90_000), rate=F(FPS), keyframe_every=50)
        track = writer.video(spec)
        for number in range(SECONDS * FPS):
            canvas = np.full((270, 320), 128, np.uint8)
            canvas[:180] = 60 + number * 10 // 9 // FPS * 67 % 120
            if number // FPS // 6 % 2:
                canvas[:180] = dice.integers(16, 236, (180, 320), dtype=np.uint8)
            track.write(av.VideoFrame.from_ndarray(canvas, format="yuv420p"), F(number, FPS), F(1, FPS))
    return path


def encoded(film, folder, threads):
    folder.mkdir()
    with film.open("rb") as body:
        plan = plan_ladder(body, [90, 144, 180])
        return plan, encode_stretch(body, folder, plan, threads=threads)


@pytest.fixture(scope="module")
def rungs(film, tmp_path_factory):
    """Each rung with the bytes of its file, by name; first the plan."""
    folder = tmp_path_factory.mktemp("rungs")
    plan, paths = encoded(film, folder / "parts", 2)
    made = {}
    with film.open("rb") as body:
        for name in plan.rungs:
            target = folder / f"{name}.mp4"
            clips = [Clip(paths[name].open("rb"))] if name in paths else []
            made[name] = (pack_rung(plan, name, clips, body, target), target.read_bytes())
    return plan, made


def pictures(data):
    """(time of decoding, bits, whether it is a keyframe) of every picture."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [(packet.dts * stream.time_base, packet.size * 8, packet.is_keyframe) for packet in packets]


def test_no_rung_takes_more_than_its_rate(rungs):
    """By the model of a buffer that holds a second: from any picture on, no more than goes in meanwhile."""
    plan, made = rungs
    assert plan.copied == "180"
    for name, size in HEIGHTS.items():
        most = peak_rate(size, F(FPS))
        found = pictures(made[name][1])
        assert len(found) == SECONDS * FPS
        sums = np.cumsum([0, *(bits for _, bits, _ in found)])
        came = most * np.array([float(time) for time, _, _ in found] + [float(found[-1][0] + F(1, FPS))])
        left = sums - came
        # The fullest that the buffer would have to be, over all stretches at once.
        assert (left - np.minimum.accumulate(left)).max() <= most
        # It was needed: the noise fills what there is.
        noisy = sum(bits for time, bits, _ in found if 6 <= time - found[0][0] < 12)
        assert noisy > 0.8 * 6 * most


def test_rates_are_told_as_they_are(rungs):
    _, made = rungs
    variants = [Variant(f"{name}.m3u8", rung) for name, (rung, _) in made.items()]
    told = m3u8.loads(multivariant_playlist(variants)).playlists
    for variant, (rung, data) in zip(told, made.values(), strict=True):
        info = variant.stream_info
        measured = [segment.size * 8 / segment.duration for segment in rung.segments]
        whole = sum(segment.size for segment in rung.segments) * 8 / SECONDS
        assert len(data) >= rung.init.size + sum(segment.size for segment in rung.segments)
        assert info.average_bandwidth == pytest.approx(float(whole), rel=0.001)
        # Of the last one, which is shorter than half of the others, the rate counts only with that of the one before.
        assert info.bandwidth == pytest.approx(float(max(measured[:-1])), rel=0.1)
        if variant.uri.removesuffix(".m3u8") in HEIGHTS:
            assert info.bandwidth <= 1.1 * peak_rate(info.resolution, F(FPS)) * (1 + 1 / 6)


def test_keyframes_stand_at_the_same_places_in_all_that_is_encoded(rungs):
    """Every two seconds and where segments begin, whatever there is to be seen."""
    plan, made = rungs
    keys = [
        [time - found[0][0] for time, _, is_key in found if is_key]
        for found in (pictures(made[name][1]) for name in HEIGHTS)
    ]
    assert keys[0] == keys[1]
    assert {*plan.borders[:-1]} <= {*keys[0]}
    assert max(later - time for time, later in pairwise(keys[0])) <= 2


def test_codecs_are_those_of_the_pictures(rungs):
    """Profile, constraints and level are bytes 1 to 3 of the sequence set that decoders find (RFC 6381, 3.3)."""
    for rung, data in rungs[1].values():
        with av.open(io.BytesIO(data)) as container:
            extra = container.streams.video[0].codec_context.extradata
        length = int.from_bytes(extra[6:8], "big")
        [sequence] = nal.split(b"\0\0\0\1" + extra[8 : 8 + length], None)
        assert rung.codecs == f"avc1.{bytes(sequence[1:4]).hex()}"


def test_the_same_stretch_is_the_same_bytes_however_many_encode(film, tmp_path):
    made = [encoded(film, tmp_path / str(number), threads)[1] for number, threads in enumerate((1, 2))]
    for name in HEIGHTS:
        assert made[0][name].read_bytes() == made[1][name].read_bytes()


def test_more_pictures_of_more_points_may_take_more():
    sizes = [(640, 360), (960, 540), (1280, 720), (1920, 1080)]
    rates = [peak_rate(size, F(30)) for size in sizes]
    assert rates == sorted(rates)
    assert rates[-1] == 7_800_000
    assert peak_rate((1920, 1080), F(60)) == pytest.approx(7_800_000 * 2**0.5, rel=1e-6)
    assert peak_rate((1920, 1080), F(24)) == rates[-1]
