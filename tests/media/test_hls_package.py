"""Films as segments: what players get is what was in the film, each segment by itself, at its time."""

from fractions import Fraction

import m3u8
import numpy as np
import pytest

from media.encode import AudioSpec, Mp4Writer, VideoSpec
from media.errors import EngineError
from media.hls.index import Rendition, Segment, Span
from media.hls.package import Clip, package
from media.hls.playlist import Stretch, Variant, average_bits, longest, media_playlist, multivariant_playlist, peak_bits
from media.sample import Painter, sound
from tests.media.hls import HEAD, pieces
from tests.media.measure import sound as sound_of
from tests.media.smartcut.variants import make


@pytest.fixture(scope="module")
def packed(clip, tmp_path_factory):
    """The clip in segments of two seconds: the film, the packed file, what it holds, and its playlist."""
    target = tmp_path_factory.mktemp("packed") / "clip.hls.mp4"
    with clip.open("rb") as file:
        made = package([Clip(file)], target, segment=Fraction(2))
    text = media_playlist([Stretch("clip.hls.mp4", made.init, made.segments)], longest=longest([made]))
    return clip, target, made, text


def test_an_independent_parser_reads_the_playlist(packed):
    _, target, made, text = packed
    found = m3u8.loads(text)
    assert (found.version, found.target_duration, found.media_sequence) == (7, 2, 0)
    assert (found.playlist_type, found.is_endlist, found.is_independent_segments) == ("vod", True, True)
    assert [segment.duration for segment in found.segments] == [2.0, 2.0, 2.0]
    ranges = [[int(number) for number in segment.byterange.split("@")] for segment in found.segments]
    # One after the other, to the end of the file, behind what opens them.
    assert found.segments[0].init_section.byterange == f"{ranges[0][1]}@0"
    assert [offset + size for size, offset in ranges] == [*(offset for _, offset in ranges[1:]), target.stat().st_size]
    assert Rendition.from_dict(made.to_dict()) == made


def test_every_segment_decodes_by_itself_to_its_own_frames(packed):
    _, target, _, text = packed
    data = target.read_bytes()
    for number, piece in enumerate(pieces(text, lambda _: data)):
        assert piece.complaints() == ""
        frames = range(number * 60, (number + 1) * 60)
        assert piece.pictures() == [(HEAD + Fraction(frame, 30), frame) for frame in frames]


def test_the_sound_goes_on_without_a_gap_and_in_step(packed):
    clip, target, _, text = packed
    data = target.read_bytes()
    found = pieces(text, lambda _: data)
    packets = [packet for piece in found for packet in piece.packets("audio")]
    ends = [time + length for time, length in packets]
    assert [time for time, _ in packets[1:]] == ends[:-1]
    # Only what an encoder needs to warm up is left out.
    assert HEAD <= packets[0][0] < HEAD + Fraction(1024, 48_000)
    assert abs(ends[-1] - HEAD - 6) < Fraction(2048, 48_000)
    for piece in found:
        pictures, sounds = piece.pictures(), piece.packets("audio")
        assert abs(pictures[0][0] - sounds[0][0]) <= Fraction(1024, 48_000)
    # The whole file, decoded at once, sounds as the film does.
    (start, rate, whole), (begins, _, given) = sound_of(target), sound_of(clip)
    place = round((start - HEAD - begins) * rate)
    assert abs(whole[1024:200_000] - given[place + 1024 : place + 200_000]).max() < 1e-4


@pytest.mark.parametrize("name", ["pyramid.mp4", "baseline.mp4", "hevc_closed.mp4", "hevc10.mp4", "late.mp4"])
def test_films_of_other_encoders(clip, tmp_path, name):
    film, target = make(clip, tmp_path, name), tmp_path / "packed.mp4"
    with film.open("rb") as file:
        made = package([Clip(file)], target, segment=Fraction(2))
    text = media_playlist([Stretch("packed.mp4", made.init, made.segments)], longest=longest([made]))
    data = target.read_bytes()
    found = [picture for piece in pieces(text, lambda _: data) for picture in piece.pictures()]
    assert [number for _, number in found] == list(range(180))
    late = found[0][0] - HEAD
    assert [time - late for time, _ in found] == pytest.approx([HEAD + Fraction(n, 30) for n in range(180)], abs=1e-4)
    assert abs(made.duration - 6) < Fraction(1, 30)


@pytest.mark.parametrize("name", ["clip.mp4", "pyramid.mp4", "baseline.mp4", "hevc_closed.mp4", "vfr.mp4", "pause.mp4"])
def test_a_segment_is_decoded_from_when_it_is_shown_for_as_long_as_it_is_shown(clip, tmp_path, name):
    """Players put it where its first picture is decoded, and the next one behind the sum of what pictures last."""
    film, target = clip if name == clip.name else make(clip, tmp_path, name), tmp_path / "packed.mp4"
    with film.open("rb") as file:
        made = package([Clip(file)], target, segment=Fraction(2))
    text = media_playlist([Stretch("packed.mp4", made.init, made.segments)], longest=longest([made]))
    data = target.read_bytes()
    for piece, segment in zip(pieces(text, lambda _: data), made.segments, strict=True):
        shown, decoded, lasts = (np.array(column) for column in zip(*piece.decoding(), strict=True))
        assert decoded[0] == shown[0] == shown.min() == HEAD + segment.start
        assert (np.diff(decoded) > 0).all()
        assert (decoded <= shown).all()
        assert (np.diff(decoded) == lasts[:-1]).all()
        assert sum(lasts) == segment.duration
        assert max(shown + lasts) <= HEAD + segment.start + segment.duration


def test_a_film_without_sound_and_one_without_picture(silent_clip, tmp_path):
    with silent_clip.open("rb") as file:
        made = package([Clip(file)], tmp_path / "silent.mp4", segment=Fraction(1))
    assert (made.codecs.count(","), made.size, made.rate, len(made.segments)) == (0, (320, 180), 30, 3)
    heard = tmp_path / "sound.mp4"
    with Mp4Writer(heard) as writer:
        track = writer.audio(AudioSpec(rate=48_000, layout="mono"))
        for chunk in sound(300, Fraction(30)):
            track.write(chunk)
    with heard.open("rb") as file:
        made = package([Clip(file)], tmp_path / "packed.mp4")
    assert (made.codecs, made.size, made.rate, len(made.segments)) == ("mp4a.40.2", None, None, 2)


def test_clips_play_at_their_own_times(clip, silent_clip, tmp_path):
    target = tmp_path / "two.mp4"
    with clip.open("rb") as first, clip.open("rb") as second:
        made = package([Clip(first), Clip(second, at=Fraction(100))], target)
    assert [(segment.start, segment.duration) for segment in made.segments] == [(0, 6), (100, 6)]
    text = media_playlist([Stretch("two.mp4", made.init, [segment]) for segment in made.segments], longest=Fraction(6))
    data = target.read_bytes()
    one, other = pieces(text, lambda _: data)
    assert (one.discontinuity, other.discontinuity) == (False, True)
    assert other.pictures() == [(time + 100, number) for time, number in one.pictures()]


def test_a_turned_picture_and_one_of_wide_pixels_tell_the_size_that_is_shown(clip, tmp_path):
    with make(clip, tmp_path, "rotated.mp4").open("rb") as file:
        assert package([Clip(file)], tmp_path / "turned.mp4").size == (180, 320)
    wide = tmp_path / "wide.mp4"
    spec = VideoSpec(
        width=160, height=180, time_base=Fraction(1, 90_000), rate=Fraction(30), sample_aspect=Fraction(2), crf=40
    )
    with Mp4Writer(wide) as writer:
        writer.video(spec).write(Painter((160, 180), Fraction(30)).frame(0), Fraction(0))
    with wide.open("rb") as file:
        assert package([Clip(file)], tmp_path / "packed.mp4").size == (320, 180)


def test_pictures_that_are_on_show_for_long_are_decoded_in_time(tmp_path):
    slides, target, painter = tmp_path / "slides.mp4", tmp_path / "packed.mp4", Painter((320, 180), Fraction(30))
    spec = VideoSpec(width=320, height=180, time_base=Fraction(1, 90_000), rate=Fraction(1, 2), keyframe_every=8)
    with Mp4Writer(slides) as writer:
        track = writer.video(spec)
        for number in range(20):
            track.write(painter.frame(number), Fraction(number * 2), Fraction(2))
    with slides.open("rb") as file:
        made = package([Clip(file)], target)
    assert [segment.duration for segment in made.segments] == [16, 16, 8]
    text = media_playlist([Stretch("packed.mp4", made.init, made.segments)], longest=longest([made]))
    data = target.read_bytes()
    found = pieces(text, lambda _: data)
    assert [piece.complaints() for piece in found] == ["", "", ""]
    shown = [picture for piece in found for picture in piece.pictures()]
    assert shown == [(HEAD + number * 2, number) for number in range(20)]


def test_what_is_no_finished_film_is_refused_and_leaves_nothing(clip, tmp_path):
    broken, target = tmp_path / "broken.mp4", tmp_path / "packed.mp4"
    broken.write_bytes(clip.read_bytes().replace(b"stco", b"free"))
    with broken.open("rb") as file, pytest.raises(EngineError) as raised:
        package([Clip(file)], target)
    assert raised.value.code == "bad_layout"
    assert not target.exists()


def test_what_a_rendition_needs_of_the_network():
    lengths = [(6, 1_000_000), (6, 2_000_000), (6, 500_000), (1, 400_000)]
    segments = [Segment(0, size, Fraction(0), Fraction(length)) for length, size in lengths]
    # A segment of one second is too short to count by itself.
    assert peak_bits(segments) == -(-2_000_000 * 8 // 6)
    assert average_bits(segments) == -(-3_900_000 * 8 // 19)
    assert peak_bits(segments[3:]) == 3_200_000
    rendition = Rendition(
        init=Span(0, 9), codecs="avc1.64001f,mp4a.40.2", size=(1280, 720), rate=Fraction(30_000, 1001), segments=()
    )
    told = m3u8.loads(multivariant_playlist([Variant("720.m3u8", rendition)])).playlists[0]
    assert (told.uri, told.stream_info.resolution, told.stream_info.frame_rate) == ("720.m3u8", (1280, 720), 29.97)
    assert told.stream_info.codecs == "avc1.64001f,mp4a.40.2"
