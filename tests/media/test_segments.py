from __future__ import annotations

import json
import multiprocessing
import subprocess
from collections import namedtuple
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from measure import clicks, flashes, numbers, pictures, remux, sound

from media import boxes
from media.encode import AudioSpec, Colour, Mp4Writer, VideoSpec
from media.errors import EngineError, InputError
from media.grid import on_frames
from media.keyframes import keyframe_map
from media.keymap import KeyframeMap
from media.probe import probe
from media.ranges import resolve
from media.sample import Painter, make_sample
from media.segments.errors import NotSplittable
from media.segments.join import join
from media.segments.pictures import EncodedSegment, encode_segment
from media.segments.plan import plan_segments, ranges
from media.segments.sound import EncodedSound, encode_sound
from media.source import open_source
from media.timeline import timeline
from media.trim import trim
from media.types import Range

RATE = Fraction(30)
SIZE = (320, 180)
AAC_FRAME = Fraction(1024, 48_000)
LENGTH = Fraction(1)

Encoded = namedtuple("Encoded", "plan made files sound")


def planned(source, *keep, length=LENGTH):
    asked = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
    with source.open("rb") as file:
        info = probe(file)
        # As it is stored: rounded to the microsecond.
        found = KeyframeMap.from_dict(keyframe_map(file).to_dict()) if info.kind == "video" else None
        with open_source(file) as container:
            line = timeline(container)
            cuts = on_frames(file, container, line, resolve(asked, info.duration, 1 / line.rate))
        asked = [Range(*one) for one in cuts]
        return plan_segments(found, asked, duration=info.duration, segment_s=length)


def encode_one(source: Path, target: Path, segment) -> EncodedSegment:
    with source.open("rb") as file:
        made = encode_segment(file, target, segment)
    return EncodedSegment.from_dict(json.loads(json.dumps(made.to_dict())))


def encode(source, folder, *keep, **options):
    """The pieces of a cut, through JSON as they would travel."""
    plan = planned(source, *keep, **options)
    files = [folder / f"{segment.number}.mp4" for segment in plan]
    made = [encode_one(source, target, segment) for target, segment in zip(files, plan, strict=True)]
    return Encoded(plan, made, files, encode_tracks(source, folder / "sound.mp4", plan))


def encode_tracks(source, target, plan):
    with source.open("rb") as file:
        if not any(stream.type == "audio" for stream in probe(file).streams):
            return None
        made = encode_sound(file, target, ranges(plan))
    return EncodedSound.from_dict(json.loads(json.dumps(made.to_dict()))), target


def opened(made, files):
    """One file at a time is open, as one at a time would be fetched."""
    for facts, path in zip(made, files, strict=True):
        with path.open("rb") as file:
            yield facts, file


def joined(encoded, target, **options):
    parts = opened(encoded.made, encoded.files)
    if encoded.sound is None:
        return join(encoded.plan, parts, None, target, **options)
    facts, path = encoded.sound
    with path.open("rb") as file:
        return join(encoded.plan, parts, (facts, file), target, **options)


def whole(source, target, *keep):
    asked = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
    with source.open("rb") as file:
        return trim(file, target, asked)


def facts(path):
    """What a probe tells, without sizes and guesses."""
    with path.open("rb") as file:
        document = probe(file).to_dict()
    for part in [document, *document["streams"]]:
        part.pop("size", None)
        part.pop("bit_rate")
        if part.get("variable"):
            # FFmpeg guesses it from how packets happen to lie, where frames have no rate.
            part.pop("nominal_rate")
    return document


def ffmpeg(*arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stderr


def transcode(clip, target, *arguments):
    ffmpeg("-i", clip, "-c:a", "copy", *arguments, target)
    return target


def write(target, count, *, times=lambda n: n / RATE, **changes):
    painter = Painter(SIZE, RATE)
    spec = {"width": SIZE[0], "height": SIZE[1], "time_base": Fraction(1, 15360), "rate": RATE, "keyframe_every": 20}
    with Mp4Writer(target, title="Title") as writer:
        video = writer.video(VideoSpec(**(spec | changes)))
        track = writer.audio(AudioSpec(rate=44_100, layout="stereo", language="fra"))
        for number in range(count):
            video.write(painter.frame(number), times(number), 1 / RATE)
        track.write_silence(round(times(count) * 44_100))
    return target


def tracks(target):
    make_sample(target, seconds=Fraction(5), size=SIZE, keyframe_every=30, audio_tracks=2)
    return target


def uneven(number):
    """Frame times that stray by up to a third of a frame, and now and then skip or burst."""
    return (
        number + Fraction(number * 7 % 10, 30) + number // 20 * 5 - Fraction(number % 25 // 20 * (number % 5), 2)
    ) / RATE


_OPEN = "open-gop=1:keyint=24:min-keyint=24:bframes=3:scenecut=0"
_DEEP = ["-pix_fmt", "yuv420p10le", "-tag:v", "hvc1", "-c:v", "libx265", "-preset", "ultrafast"]
_TURN = (0, 65536, 0, -65536, 0, 0, 180 << 16, 0, 1 << 30)
SOURCES = {
    "h264": lambda folder, clip: clip,
    "hevc10": lambda folder, clip: transcode(
        clip, folder / "deep.mp4", *_DEEP, "-x265-params", "log-level=none:keyint=30:open-gop=1:bframes=4"
    ),
    "open": lambda folder, clip: transcode(clip, folder / "open.mkv", "-c:v", "libx264", "-x264-params", _OPEN),
    "refresh": lambda folder, clip: transcode(
        clip, folder / "refresh.mp4", "-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=30"
    ),
    "ts": lambda folder, clip: remux(clip, folder / "clip.ts", format="mpegts", options={"output_ts_offset": "7.3"}),
    "two tracks": lambda folder, clip: tracks(folder / "tracks.mp4"),
    "vfr": lambda folder, clip: write(folder / "vfr.mp4", 130, times=uneven),
    "turned": lambda folder, clip: write(
        folder / "turned.mp4", 130, matrix=_TURN, sample_aspect=Fraction(4, 3), colour=Colour(1, 1, 1)
    ),
    "ntsc": lambda folder, clip: write(folder / "ntsc.mp4", 130, times=lambda n: n * Fraction(1001, 30_000)),
}
KEEP = [(Fraction("2.51"), None), (Fraction(0), Fraction("0.4")), (Fraction("0.7"), Fraction("4.03"))]


@pytest.fixture(scope="session", params=SOURCES)
def source(request, clips, clip):
    folder = clips / f"segments_{request.param.replace(' ', '_')}"
    folder.mkdir(exist_ok=True)
    return SOURCES[request.param](folder, clip)


def test_joined_segments_are_what_one_process_makes(source, tmp_path):
    encoded = encode(source, tmp_path, *KEEP)
    assert len(encoded.plan) >= 3
    result = joined(encoded, tmp_path / "joined.mp4")
    assert result == whole(source, tmp_path / "whole.mp4", *KEEP)
    assert pictures(tmp_path / "joined.mp4") == pictures(tmp_path / "whole.mp4")
    assert facts(tmp_path / "joined.mp4") == facts(tmp_path / "whole.mp4")
    for track in range(result.audio_tracks):
        begin, rate, samples = sound(tmp_path / "joined.mp4", track)
        assert (begin, rate) == sound(tmp_path / "whole.mp4", track)[:2]
        assert np.array_equal(samples, sound(tmp_path / "whole.mp4", track)[2])
    assert_well_formed(tmp_path / "joined.mp4")


def shown(path):
    """(time, a few pixels) of every frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (frame.pts * stream.time_base, frame.to_ndarray()[: frame.height : 16, ::16].astype(int))
            for frame in container.decode(stream)
        ]


@pytest.mark.parametrize(
    "name",
    ["lecture_slides_vfr_h264_aac.mov", "nasa_speech_multistream_h264_aac_subs.mp4", "rot90_portrait_h264_aac.mp4"],
)
def test_real_clips(shared_media, name, tmp_path):
    keep = [(Fraction("2.5"), 5), (Fraction("0.3"), 3)]
    encoded = encode(shared_media / name, tmp_path, *keep)
    assert len(encoded.plan) > 1
    with (shared_media / name).open("rb") as file:
        made = joined(encoded, tmp_path / "joined.mp4", side=file)
    assert made == whole(shared_media / name, tmp_path / "whole.mp4", *keep)
    assert facts(tmp_path / "joined.mp4") == facts(tmp_path / "whole.mp4")
    pairs = zip(shown(tmp_path / "joined.mp4"), shown(tmp_path / "whole.mp4"), strict=True)
    assert all(one[0] == other[0] and np.abs(one[1] - other[1]).mean() < 2 for one, other in pairs)


def assert_well_formed(path):
    """One MP4 with its index last, one sample entry for the pictures, rising decoding times, no complaint."""
    with path.open("rb") as file:
        outer = list(boxes.top_level(file))
        kinds = [box.kind for box in outer]
        assert kinds[-1] == b"moov"
        box = next(box for box in outer if box.kind == b"moov")
        for kind in (b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
            box = next(child for child in boxes.walk(file, box.content, box.end) if child.kind == kind)
        entries = [entry.kind for entry in boxes.walk(file, box.content + 8, box.end)]
    assert entries in ([b"avc1"], [b"hvc1"])
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert all(one.dts < other.dts for one, other in pairwise(packets))
    assert all(packet.dts <= packet.pts for packet in packets)
    # On the file's own clock: frames that stand close would collide on that of a nominal rate.
    assert ffmpeg("-i", path, "-enc_time_base", "demux", "-f", "null", "-") == ""


def test_sound_and_picture_stay_together(clip, tmp_path):
    keep = [(Fraction("2.7"), Fraction("5.9")), (Fraction("0.61"), Fraction("4.39"))]
    encoded = encode(clip, tmp_path, *keep)
    assert len(encoded.plan) == 4
    joined(encoded, tmp_path / "joined.mp4")
    shown, heard = flashes(tmp_path / "joined.mp4"), clicks(tmp_path / "joined.mp4")
    assert len(shown) == len(heard) == 7
    assert all(abs(flash - click) < AAC_FRAME / 2 for flash, click in zip(shown, heard, strict=True))


def test_without_sound(silent_clip, tmp_path):
    encoded = encode(silent_clip, tmp_path, (0, None))
    assert (len(encoded.plan), encoded.sound) == (2, None)
    assert joined(encoded, tmp_path / "joined.mp4") == whole(silent_clip, tmp_path / "whole.mp4", (0, None))
    assert numbers(tmp_path / "joined.mp4") == list(range(90))
    with silent_clip.open("rb") as file, pytest.raises(InputError) as caught:
        encode_sound(file, tmp_path / "sound.mp4", [Range(Fraction(0))])
    assert caught.value.code == "no_audio"


def test_sound_alone_is_one_piece(clips, tmp_path):
    source = clips / "segments.flac"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=5", source)
    plan = planned(source, (1, 4))
    assert len(plan) == 1
    with source.open("rb") as file, pytest.raises(InputError) as caught:
        encode_segment(file, tmp_path / "0.mp4", plan[0])
    assert caught.value.code == "no_video"
    assert not list(tmp_path.iterdir())


def test_the_bytes_are_the_same_in_any_order_on_any_number_of_processes(clip, tmp_path):
    (tmp_path / "apart").mkdir()
    alone = encode(clip, tmp_path, (Fraction("0.3"), None))
    files = [tmp_path / "apart" / path.name for path in alone.files]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        tasks = [pool.submit(encode_one, clip, *task) for task in reversed([*zip(files, alone.plan, strict=True)])]
        made = [task.result() for task in reversed(tasks)]
    assert made == alone.made
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in alone.files]
    apart = alone._replace(files=files, sound=encode_tracks(clip, tmp_path / "apart" / "sound.mp4", alone.plan))
    joined(alone, tmp_path / "alone.mp4")
    joined(apart, tmp_path / "apart.mp4")
    assert (tmp_path / "alone.mp4").read_bytes() == (tmp_path / "apart.mp4").read_bytes()


def test_slides_longer_than_a_segment(clips, tmp_path):
    source = write(clips / "segments_slides.mp4", 8, times=lambda n: Fraction(5 * n), keyframe_every=1)
    keep = [(12, 33), (Fraction("14.5"), 26)]
    encoded = encode(source, tmp_path, *keep, length=Fraction(6))
    assert len(encoded.plan) == 5
    assert joined(encoded, tmp_path / "joined.mp4") == whole(source, tmp_path / "whole.mp4", *keep)
    assert pictures(tmp_path / "joined.mp4") == pictures(tmp_path / "whole.mp4")
    assert facts(tmp_path / "joined.mp4")["duration"] == facts(tmp_path / "whole.mp4")["duration"] == "32.5"
    assert_well_formed(tmp_path / "joined.mp4")


def test_pictures_that_begin_after_the_sound(clips, clip, tmp_path):
    source = clips / "segments_late.mkv"
    ffmpeg("-itsoffset", "2.2", "-i", clip, "-i", clip, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    encoded = encode(source, tmp_path, (0, 8))
    assert len(encoded.plan) > 2
    assert joined(encoded, tmp_path / "joined.mp4") == whole(source, tmp_path / "whole.mp4", (0, 8))
    assert pictures(tmp_path / "joined.mp4") == pictures(tmp_path / "whole.mp4")


def test_a_file_that_ends_early_is_encoded_in_one_piece(clip, tmp_path):
    data = clip.read_bytes()
    source = tmp_path / "short.mp4"
    source.write_bytes(data[: len(data) * 6 // 10])
    encoded = encode(source, tmp_path, (0, Fraction("4.9")), length=Fraction(2))
    assert encoded.made[-1].early == encoded.sound[0].early == (0,)
    with pytest.raises(NotSplittable) as caught:
        joined(encoded, tmp_path / "joined.mp4")
    assert caught.value.code == "ends_early"
    assert not (tmp_path / "joined.mp4").exists()
    with source.open("rb") as file, pytest.raises(NotSplittable) as caught:
        encode_segment(file, tmp_path / "none.mp4", planned(clip, (0, None))[-1])
    assert caught.value.code == "empty_part"
    assert not (tmp_path / "none.mp4").exists()


def test_a_container_without_times_is_encoded_in_one_piece(clip, tmp_path):
    source = tmp_path / "clip.avi"
    ffmpeg("-i", clip, "-c", "copy", source)
    with source.open("rb") as file, pytest.raises(NotSplittable) as caught:
        encode_segment(file, tmp_path / "0.mp4", planned(clip, (0, None))[0])
    assert caught.value.code == "no_timestamps"
    assert not (tmp_path / "0.mp4").exists()


def test_damage_is_told(clip, tmp_path):
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (tmp_path / "scratched.mp4").write_bytes(data)
    result = joined(encode(tmp_path / "scratched.mp4", tmp_path, (0, None)), tmp_path / "joined.mp4")
    assert [warning.code for warning in result.warnings] == ["damaged_frames"]
    plain = whole(tmp_path / "scratched.mp4", tmp_path / "whole.mp4", (0, None))
    assert (plain.warnings, plain.frames) == (result.warnings, result.frames)


@pytest.fixture(scope="module")
def encoded(clip, tmp_path_factory):
    return encode(clip, tmp_path_factory.mktemp("encoded"), (0, 5))


def test_only_what_belongs_together_is_joined(encoded, tmp_path):
    for broken, code in [
        (encoded._replace(files=[encoded.files[1], *encoded.files[1:]]), "frame_count"),
        (encoded._replace(files=[tmp_path / "other.txt", *encoded.files[1:]]), "segment_unreadable"),
    ]:
        (tmp_path / "other.txt").write_text("no video")
        with pytest.raises(EngineError) as caught:
            joined(broken, tmp_path / "joined.mp4")
        assert caught.value.code == code
        assert not (tmp_path / "joined.mp4").exists()


def test_progress_rises_and_a_cancel_leaves_nothing(clip, encoded, tmp_path):
    class CancelError(Exception):
        pass

    def cancel(fraction):
        raise CancelError

    def all_of(listener):
        with clip.open("rb") as file:
            yield lambda: encode_segment(file, tmp_path / "0.mp4", encoded.plan[0], on_progress=listener)
            yield lambda: encode_sound(file, tmp_path / "sound.mp4", ranges(encoded.plan), on_progress=listener)
            yield lambda: joined(encoded, tmp_path / "joined.mp4", on_progress=listener)

    for work in all_of(cancel):
        with pytest.raises(CancelError):
            work()
    assert not list(tmp_path.iterdir())
    told: list[Fraction] = []
    for work in all_of(told.append):
        told.clear()
        work()
        assert told == sorted(told)
        assert told[-1] == 1
