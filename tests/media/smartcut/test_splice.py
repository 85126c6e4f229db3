"""Cards in front of and behind what is copied: frames, bits, weights and sound of the finished file."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from judging import decoded, ffmpeg_says, psnr
from measure import clicks, flashes
from PIL import Image
from variants import make

from media.barcode import read_frame
from media.brand import BrandResult, BrandSpec, ImageCard, TitleCard, Transition, VideoCard, brand
from media.brand.proof import prove
from media.encode import Mp4Writer, VideoSpec
from media.pixels import planes
from media.sample import make_sample
from media.smartcut import smart_cut
from media.types import Range

AAC_FRAME = Fraction(1024, 44_100)
HALF = Transition("dissolve", Fraction(1, 2))


def white(size=(320, 180)) -> BytesIO:
    file = BytesIO()
    Image.new("RGB", size, (255, 255, 255)).save(file, "PNG")
    return file


def around(seconds: str = "1", transition: Transition = HALF) -> BrandSpec:
    """A white intro and outro."""
    return BrandSpec(
        intro=ImageCard(white(), Fraction(seconds)), outro=ImageCard(white(), Fraction(seconds)), transition=transition
    )


@dataclass(frozen=True)
class Made:
    """A branded file, beside its body: `numbers` are those of the body's whole pictures."""

    result: BrandResult
    path: Path
    body: Path

    def frames(self) -> list[tuple[Fraction, av.VideoFrame]]:
        with av.open(str(self.path)) as container:
            return [(frame.pts * frame.time_base, frame) for frame in container.decode(video=0)]

    def whole(self) -> tuple[Fraction, Fraction]:
        """Where the body alone is on show, half a frame early, in seconds."""
        found = next(item for item in self.result.segments if item.kind == "body")
        early = Fraction(1, 60)
        return found.start - early, found.end - early

    def judge(self, *, peak: int = 255) -> list[int]:
        """Check what holds of every body; returns the numbers of its whole pictures."""
        originals, (start, end) = decoded(self.body), self.whole()
        frames = self.frames()
        shown = [frame for time, frame in frames if start <= time < end]
        numbers = [read_frame(frame) for frame in shown]
        likeness = [
            psnr(frame.to_ndarray(), originals[number][0][1], peak)
            for number, frame in zip(numbers, shown, strict=True)
        ]
        assert self.result.fallback is None
        assert [warning.code for warning in self.result.warnings] == []
        assert self.result.frames == len(frames)
        assert self.result.body_frames == sum(map(len, originals.values()))
        encoded = sum(seam.frames for seam in self.result.seams)
        assert sum(value != np.inf for value in likeness) + len(frames) - len(shown) <= encoded
        assert min(likeness) >= 40
        assert self.result.copied + self.result.reencoded == self.result.duration
        assert ffmpeg_says(self.path, *(seam.at for seam in self.result.seams)) == ""
        return numbers

    def in_step(self) -> None:
        """Clicks and flashes of the whole body come together."""
        start, end = self.whole()
        seen = [time for time in flashes(self.path) if start <= time < end]
        heard = clicks(self.path)
        assert seen
        assert all(min(abs(click - flash) for click in heard) < AAC_FRAME for flash in seen)
        assert all(abs(seam.av_offset_ms) < 1 for seam in self.result.seams)


@pytest.fixture
def wrapped(tmp_path):
    """Brand a body and return what was made."""

    def run(body: Path, spec: BrandSpec) -> Made:
        target = tmp_path / "out.mp4"
        with body.open("rb") as file:
            return Made(brand(file, target, spec), target, body)

    return run


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("pyramid.mp4", 255),
        ("no_b.mp4", 255),
        ("intra.mp4", 255),
        ("high10.mp4", 1023),
        ("hevc.mp4", 255),
        ("hevc10.mp4", 1023),
        ("hevc_closed.mp4", 255),
        ("mp3.mp4", 255),
    ],
)
def test_every_body_frame_is_there_and_most_are_copied(clip, clips, wrapped, name, peak) -> None:
    made = wrapped(make(clip, clips, name), around())
    assert made.judge(peak=peak) == list(range(15, 165))
    assert made.result.frames == 30 + 180 + 30 - 2 * 15
    assert made.result.copied > 0
    made.in_step()


@pytest.mark.parametrize(
    ("name", "first", "last"), [("clip.mkv", 15, 165), ("clip.ts", 14, 164), ("late.mp4", 14, 164)]
)
def test_a_body_whose_sound_begins_or_ends_beside_its_pictures(clip, clips, wrapped, name, first, last) -> None:
    """Crossfades are counted from where the body begins and ends, with whatever comes first and last."""
    made = wrapped(make(clip, clips, name), around())
    assert made.judge() == list(range(first, last + 1))
    made.in_step()


@pytest.mark.parametrize("name", ["open.mp4", "no_b.mp4", "hevc.mp4"])
def test_hard_cuts_copy_the_whole_body(clip, clips, wrapped, name) -> None:
    made = wrapped(make(clip, clips, name), around(transition=Transition()))
    assert made.judge() == list(range(180))
    assert (made.result.copied, made.result.reencoded) == (6, 2)
    assert [(seam.at, seam.frames, seam.psnr_db) for seam in made.result.seams] == [(1, 30, None), (7, 30, None)]
    made.in_step()


def test_edges_are_measured(clip, wrapped) -> None:
    made = wrapped(clip, around())
    opening, closing = made.result.seams
    # 15 of the card, 15 mixed, 15 to the next keyframe; behind, 14 of the group that the crossfade begins in.
    assert (opening.at, opening.frames) == (Fraction(1, 2), 45)
    assert opening.psnr_db >= 40
    assert closing.at == 6
    assert 30 <= closing.frames <= 45
    assert made.result.reencoded == Fraction(opening.frames + closing.frames, 30)


def test_weights_of_mixed_pictures(clip, wrapped) -> None:
    """Every mixed picture is the white card and the body's frame in the shares that its time gives."""
    made = wrapped(clip, around())
    originals = decoded(clip)
    frames = made.frames()
    for place in range(15):
        for number, weight in ((place, (place + 0.5) / 15), (165 + place, (14.5 - place) / 15)):
            luma = planes(frames[15 + number][1])[0].astype(float)
            body = originals[number][0][1][:180].astype(float) - 235
            assert frames[15 + number][0] == Fraction(15 + number, 30)
            assert ((luma - 235) * body).sum() / (body**2).sum() == pytest.approx(weight, abs=0.005)


def test_a_body_that_was_cut_before(clip, clips, wrapped, tmp_path) -> None:
    """Three ranges of a smart cut, cut once more: it bears three families of parameter sets."""
    cut, again = tmp_path / "cut.mp4", tmp_path / "again.mp4"
    ranges = [Range(Fraction("0.5"), Fraction("2.5")), Range(Fraction("2.9"), Fraction(4)), Range(Fraction("4.6"))]
    with make(clip, clips, "pyramid.mp4").open("rb") as file:
        smart_cut(file, cut, ranges)
    with cut.open("rb") as file:
        smart_cut(file, again, [Range(Fraction("0.4"), Fraction("4.2"))])
    made = wrapped(again, around())
    kept = [*range(27, 75), *range(87, 120), *range(138, 171)]
    assert made.judge() == kept[15:-15]
    made.in_step()


def test_a_branded_video_is_branded_again(clip, wrapped, tmp_path) -> None:
    once = wrapped(clip, around(transition=Transition()))
    body = once.path.rename(tmp_path / "once.mp4")
    with body.open("rb") as file:
        result = brand(file, tmp_path / "twice.mp4", around(transition=Transition()))
    assert (result.fallback, result.copied, result.reencoded) == (None, 8, 2)
    assert ffmpeg_says(tmp_path / "twice.mp4", Fraction(1), Fraction(2), Fraction(8), Fraction(9)) == ""


def test_uneven_frame_times(clip, clips, wrapped) -> None:
    made = wrapped(make(clip, clips, "vfr.mp4"), around())
    numbers = made.judge()
    assert numbers == sorted(numbers)
    (start, end), times = made.whole(), [time for time, _ in made.frames()]
    given = {number: time for number, ((time, _),) in decoded(made.body).items()}
    shown = [time for time in times if start <= time < end]
    assert [time - given[number] for time, number in zip(shown, numbers, strict=True)] == [Fraction(1, 2)] * len(shown)


def test_slides_dissolve_and_are_copied(clip, clips, wrapped) -> None:
    """A picture that stands from before a crossfade to after it is whole again as soon as that is over."""
    made = wrapped(make(clip, clips, "pause.mp4"), around(transition=Transition("dissolve", Fraction(1))))
    assert made.result.fallback is None
    times = dict(made.frames())
    whole = times[Fraction(1)]
    assert read_frame(whole) == 9
    assert ffmpeg_says(made.path) == ""


def test_one_picture_for_all_of_the_body(tmp_path, wrapped) -> None:
    """It dissolves in, stands, and dissolves out."""
    body = tmp_path / "still.mp4"
    grey = np.full((270, 320), 128, np.uint8)
    grey[:180] = 60
    with Mp4Writer(body) as writer:
        spec = VideoSpec(width=320, height=180, time_base=Fraction(1, 90_000), rate=Fraction(25))
        writer.video(spec).write(av.VideoFrame.from_ndarray(grey, format="yuv420p"), Fraction(0), Fraction(4))
    made = wrapped(body, around(transition=Transition("dissolve", Fraction(4, 5))))
    assert (made.result.fallback, made.result.body_frames) == (None, 1)
    levels = [float(planes(frame)[0].mean()) for _, frame in made.frames()]
    dark = levels.index(min(levels))
    assert min(levels) == pytest.approx(60, abs=1)
    assert levels[:dark] == pytest.approx(sorted(levels[:dark], reverse=True), abs=1)
    assert levels[dark:] == pytest.approx(sorted(levels[dark:]), abs=1)
    assert ffmpeg_says(made.path) == ""


def test_a_turned_body_stays_turned(clip, clips, wrapped) -> None:
    made = wrapped(make(clip, clips, "rotated.mp4"), around())
    assert made.judge() == list(range(15, 165))
    frames = made.frames()
    assert {frame.rotation for _, frame in frames} == {90}


def test_colour_and_pixel_shape_are_kept(clip, clips, wrapped) -> None:
    made = wrapped(make(clip, clips, "colours.mkv"), around())
    made.judge()
    with av.open(str(made.path)) as container:
        stream = container.streams.video[0]
        assert stream.sample_aspect_ratio == Fraction(4, 3)
        found = {(f.color_primaries, f.color_trc, f.colorspace) for f in container.decode(stream)}
    assert found == {(1, 1, 1)}


def test_a_silent_body_with_a_silent_card(silent_clip, wrapped) -> None:
    made = wrapped(silent_clip, around())
    assert made.judge() == list(range(15, 75))
    assert made.result.audio_tracks == 0


def test_a_silent_body_gets_the_sound_of_its_card(silent_clip, clip, wrapped) -> None:
    with clip.open("rb") as card:
        made = wrapped(silent_clip, BrandSpec(intro=VideoCard(card), transition=HALF))
    assert made.judge() == list(range(15, 90))
    assert len([time for time in clicks(made.path) if time < 6]) == 6
    with av.open(str(made.path)) as container:
        stream = container.streams.audio[0]
        assert stream.duration * stream.time_base == pytest.approx(8.5, abs=0.03)


def test_sound_in_44_100_hertz(clip, tmp_path, wrapped) -> None:
    body = tmp_path / "mono.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clip)]
    subprocess.run([*command, "-c:v", "copy", "-c:a", "aac", "-ar", "44100", str(body)], check=True, timeout=60)
    made = wrapped(body, around())
    assert made.judge() == list(range(15, 165))
    made.in_step()
    with av.open(str(made.path)) as container:
        assert (container.streams.audio[0].rate, container.streams.audio[0].layout.name) == (44_100, "mono")


def test_every_track_is_in_step(clip, clips, wrapped) -> None:
    made = wrapped(make(clip, clips, "two_tracks.mp4"), around())
    made.judge()
    start, end = made.whole()
    seen = [time for time in flashes(made.path) if start <= time < end]
    for track in (0, 1):
        heard = clicks(made.path, track)
        assert all(min(abs(click - flash) for click in heard) < AAC_FRAME for flash in seen)


def test_the_body_is_read_once(tmp_path) -> None:
    """But for some seconds around the joints, which the check reads again."""
    body = tmp_path / "long.mp4"
    make_sample(body, seconds=Fraction(30), size=(320, 180), keyframe_every=30)
    with body.open("rb") as file:
        read = 0

        class Counted:
            seek, tell = file.seek, file.tell

            def read(self, size: int = -1) -> bytes:
                nonlocal read
                data = file.read(size)
                read += len(data)
                return data

        result = brand(Counted(), tmp_path / "out.mp4", around())
    assert result.fallback is None
    assert read < 1.4 * body.stat().st_size


def test_titles_have_the_colours_that_were_asked_for(clip, wrapped) -> None:
    made = wrapped(clip, BrandSpec(intro=TitleCard(title="Optics", background="#808080", duration=Fraction(1))))
    assert made.judge() == list(range(180))
    assert np.median(planes(made.frames()[0][1])[0]) == pytest.approx(126, abs=2)


def test_a_short_body_is_encoded_around_its_middle(clip, tmp_path, wrapped) -> None:
    """Crossfades may meet in the middle of the body."""
    body = tmp_path / "short.mp4"
    make_sample(body, seconds=Fraction(1), size=(320, 180), keyframe_every=30)
    made = wrapped(body, around())
    assert (made.result.fallback, made.result.frames, made.result.body_frames) == (None, 15 + 30 + 15, 30)
    assert made.result.copied == 0
    assert ffmpeg_says(made.path) == ""


@pytest.mark.parametrize(
    ("name", "code"), [("interlaced.mp4", "interlaced"), ("vp9.webm", "codec_not_supported"), ("clip.avi", None)]
)
def test_what_cannot_be_copied_is_encoded_and_says_why(clip, clips, wrapped, name, code) -> None:
    made = wrapped(make(clip, clips, name), around())
    assert made.result.fallback == (code or "no_timestamps")
    assert made.result.warnings[0].code == "reencoded"
    assert (made.result.copied, made.result.reencoded) == (0, made.result.duration)


def test_what_does_not_pass_its_check_is_encoded(clip, wrapped, monkeypatch) -> None:
    """A body's picture copied to a wrong time is found, and everything is encoded instead."""

    def misplaced(source, target, claim, **options):
        claim.strip.drawn.pop(max(claim.strip.drawn))
        return prove(source, target, claim, **options)

    monkeypatch.setattr(sys.modules["media.brand.splice"], "prove", misplaced)
    made = wrapped(clip, around())
    assert made.result.fallback == "certificate_failed"
    assert made.result.frames == 210


@pytest.mark.parametrize("wrong", ["drawn", "copied", "sound"])
def test_the_check_finds(clip, wrapped, monkeypatch, wrong) -> None:
    """Each kind of fault alone fails the check."""

    def spoilt(source, target, claim, **options):
        if wrong == "drawn":
            claim.strip.drawn[max(claim.strip.drawn)] += 40
        if wrong == "copied":
            claim.strip.encoded.clear()
        if wrong == "sound":
            module = sys.modules["media.brand.proof"]
            monkeypatch.setattr(module, "sound_offset", lambda *_, **__: Fraction(1, 20))
        return prove(source, target, claim, **options)

    monkeypatch.setattr(sys.modules["media.brand.splice"], "prove", spoilt)
    assert wrapped(clip, around()).result.fallback == "certificate_failed"
