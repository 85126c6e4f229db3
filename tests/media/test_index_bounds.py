"""Small files whose index would take gigabytes: refused before FFmpeg reads it."""

from __future__ import annotations

import io
import os
import struct
from contextlib import suppress
from fractions import Fraction

import av
import pytest
from crafted import box, rebuilt, table

from media import index_bounds
from media.errors import InputError
from media.probe import probe
from media.source import open_source
from media.types import DEFAULT_LIMITS, Limits

COUNT = 20_000_000


def bomb(data: bytes, count: int) -> bytes:
    """All samples alike, in one chunk, one tick each: a hundred bytes of tables."""
    tables = {
        b"ctts": b"",
        b"stts": table(b"stts", struct.pack(">II", count, 1)),
        b"stsz": box(b"stsz", struct.pack(">III", 0, 100, count)),
        b"stsc": table(b"stsc", struct.pack(">III", 1, count, 1)),
        b"stco": table(b"stco", struct.pack(">I", 48)),
    }
    return rebuilt(data, tables.get)


def edits(data: bytes) -> bytes:
    """Half a million times the same second."""
    entry = struct.pack(">IiI", 1000, 0, 1 << 16)
    return rebuilt(data, lambda kind, whole: table(b"elst", *[entry] * 500_000) if kind == b"elst" else whole)


def fragment(data: bytes) -> bytes:
    """A run of samples that take all they have from defaults."""
    run = box(b"trun", struct.pack(">II", 0, COUNT))
    header = box(b"tfhd", struct.pack(">III", 0, 1, 0))
    return data + box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", header + run))


def hidden(data: bytes) -> bytes:
    """Where FFmpeg would look, but no writer would put it."""
    return data + box(b"udta", box(b"moof", box(b"traf", box(b"trun", struct.pack(">II", 0, COUNT)))))


def compressed(data: bytes) -> bytes:
    return rebuilt(data, lambda kind, whole: whole + box(b"cmov", b"") if kind == b"mvhd" else whole)


def refusal(data: bytes) -> str:
    with pytest.raises(InputError) as caught, open_source(io.BytesIO(data)):
        pass
    return caught.value.code


@pytest.mark.parametrize(
    ("craft", "code"),
    [
        (lambda data: bomb(data, COUNT), "too_many_packets"),
        (lambda data: bomb(data, (1 << 32) - 1), "too_many_packets"),
        (lambda data: bomb(data, 2_000_000), "damaged_file"),
        (edits, "too_many_packets"),
        (fragment, "too_many_packets"),
        (hidden, "too_many_packets"),
        (compressed, "unsupported_format"),
    ],
)
def test_it_is_refused_before_it_is_read(silent_clip, monkeypatch, craft, code):
    data = craft(silent_clip.read_bytes())
    monkeypatch.setattr(av, "open", lambda *_, **__: pytest.fail("FFmpeg has seen it"))
    assert refusal(data) == code


def test_ffmpeg_alone_would_take_it(silent_clip):
    with av.open(io.BytesIO(bomb(silent_clip.read_bytes(), 50_000))) as container:
        assert container.streams.video[0].frames == 50_000


def test_plain_sound_has_samples_without_number(tmp_path):
    path = tmp_path / "plain.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_u8", rate=192_000, layout="mono")
        frame = av.AudioFrame(format="u8", layout="mono", samples=192_000)
        for number in range(100):
            frame.sample_rate, frame.pts, frame.time_base = 192_000, number * 192_000, Fraction(1, 192_000)
            container.mux(stream.encode(frame))
    with path.open("rb") as file:
        assert probe(file).duration == 100
    assert path.stat().st_size > DEFAULT_LIMITS.max_samples


def test_the_limit_counts_all_tracks(clip):
    with av.open(str(clip)) as container:
        samples = sum(stream.frames for stream in container.streams)
    with clip.open("rb") as file:
        index_bounds.check(file, Limits(max_samples=samples))
        with pytest.raises(InputError) as caught:
            index_bounds.check(file, Limits(max_samples=samples - 1))
    assert caught.value.code == "too_many_packets"


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_trouble(silent_clip, seed):
    data = bytearray(silent_clip.read_bytes())
    start = data.index(b"moov")
    for number in range(200):
        data[start + (seed * 7919 + number * 104_729) % 4000] ^= 1 << number % 8
    with suppress(InputError):
        index_bounds.check(io.BytesIO(data[: len(data) - seed]), DEFAULT_LIMITS)


def test_real_clips_pass(shared_media):
    for path in shared_media.iterdir():
        if path.is_file() and os.path.getsize(path):
            with path.open("rb") as file:
                index_bounds.check(file, DEFAULT_LIMITS)
