"""Files made to break a media service: each must end in a clean refusal or an honest success, and reach nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest

from media.errors import InputError
from media.probe import probe
from media.source import open_source
from media.trim import trim
from media.types import Range

REFUSED = {
    "zero.mp4": "empty_file",
    "zero.mp3": "empty_file",
    "random_64k.mp4": "unsupported_format",
    "html_named.mp4": "unsupported_format",
    "zip_slip_named.mp4": "unsupported_format",
    "srt_named.mp4": "unsupported_format",
    "hls_file.m3u8": "unsupported_format",
    "hls_key_uri.m3u8": "unsupported_format",
    "ffconcat_named.mp4": "unsupported_format",
    "dash_mpd_xxe.mpd": "unsupported_format",
    "rtsp_ram_named.mov": "unsupported_format",
    "svg_ssrf.svg": "unsupported_format",
    "svg_billion_laughs.svg": "unsupported_format",
    "bomb_jpeg_dims_65500.jpg": "too_many_pixels",
    "bomb_100_hours_3_frames.mp4": "too_long",
    "poly_gif_js.gif": "damaged_file",
    # Captions are text: not for this door.
    "captions_latin1.srt": "unsupported_format",
    "captions_injection.vtt": "unsupported_format",
    "captions_rtl_emoji_cjk.srt": "unsupported_format",
    "captions_nul_bytes.srt": "unsupported_format",
}
OPENED = {
    # External references are never followed; this one holds its own data as well.
    "mov_external_dref.mov": "video",
    "bomb_h264_8192x4320_600f.mp4": "video",
    "silence_10s.m4a": "audio",
    "beep_50ms.wav": "audio",
}


@pytest.fixture(scope="session")
def hostile(shared_media):
    return shared_media / "hostile"


@pytest.mark.parametrize(("name", "code"), REFUSED.items(), ids=REFUSED)
def test_refused(hostile, name, code):
    with (hostile / name).open("rb") as file:
        with pytest.raises(InputError) as caught:
            probe(file)
        assert caught.value.code == code
        assert str(hostile) not in caught.value.message
        with pytest.raises(InputError), open_source(file):
            pass


@pytest.mark.parametrize(("name", "kind"), OPENED.items(), ids=OPENED)
def test_opened(hostile, name, kind):
    with (hostile / name).open("rb") as file:
        assert probe(file).kind == kind


@pytest.mark.parametrize("name", ["mov_external_dref.mov", "silence_10s.m4a", "beep_50ms.wav"])
def test_cut(hostile, name, tmp_path):
    with (hostile / name).open("rb") as file:
        duration = probe(file).duration
        assert trim(file, tmp_path / "cut.mp4", [Range(Fraction(0))]).duration == duration


def test_the_table_is_complete(hostile):
    assert {path.name for path in hostile.iterdir()} - {"MANIFEST.csv"} == REFUSED.keys() | OPENED.keys()
