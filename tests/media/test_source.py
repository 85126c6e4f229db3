from __future__ import annotations

import io
import socket
import threading
from fractions import Fraction

import pytest

from media.errors import InputError
from media.source import open_source
from media.types import DEFAULT_LIMITS, Limits


def refusal(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    with pytest.raises(InputError) as caught, open_source(io.BytesIO(data), limits):
        pass
    assert str(caught.value)
    return caught.value.code


def test_a_real_file_opens_and_stays_open(clip):
    with clip.open("rb") as file:
        with open_source(file) as container:
            assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert not file.closed


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"just some text\n" * 100, "unsupported_format"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n" * 20, "unsupported_format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "unsupported_format"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64), "unsupported_format"),
        (b"\x1aE\xdf\xa3" + bytes(300), "damaged_file"),
        (bytes(4096), "unsupported_format"),
    ],
)
def test_what_is_no_media_is_refused(data, code):
    assert refusal(data) == code


def test_a_cut_off_mp4_is_told_from_a_broken_one(clip):
    data = clip.read_bytes()
    moov = data.index(b"moov") - 4
    size = int.from_bytes(data[moov : moov + 4], "big")
    assert refusal(data[: moov + size // 2]) == "truncated_file"
    assert refusal(data[:moov] + data[moov + size :]) == "truncated_file"
    assert refusal(data[: moov + 8] + bytes(size - 8) + data[moov + size :]) in {"damaged_file", "no_streams"}


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(max_pixels=320 * 179), "too_many_pixels"),
        (Limits(max_duration=Fraction(5)), "too_long"),
        (Limits(max_streams=1), "too_many_streams"),
    ],
)
def test_limits_hold(clip, limits, code):
    assert refusal(clip.read_bytes(), limits) == code


def test_what_the_file_object_raises_passes_through(clip):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 5_000:
                raise ConnectionError("storage is away")
            return super().read(size)

    with pytest.raises(ConnectionError), open_source(Broken(clip.read_bytes())) as container:
        list(container.demux())


@pytest.fixture
def canary():
    """A listener that must never be called: (port, calls)."""
    calls: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        calls.append(connection.recv(1000))
            except OSError:
                return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], calls
        server.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>{target}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n",
    "redirect": "[Reference]\nRef1={target}\n",
    "ffmetadata": ";FFMETADATA1\ntitle={target}\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("scheme", ["http", "tcp", "file", "plain"])
def test_a_playlist_reaches_nothing(kind, scheme, canary, clip, tmp_path):
    port, calls = canary
    secret = tmp_path / "canary.mp4"
    secret.write_bytes(clip.read_bytes())
    before = secret.stat().st_atime_ns
    target = {
        "http": f"http://127.0.0.1:{port}/canary.ts",
        "tcp": f"tcp://127.0.0.1:{port}",
        "file": f"file://{secret}",
        "plain": str(secret),
    }[scheme]
    text = PLAYLISTS[kind].format(target=target, port=port)
    renamed = tmp_path / "renamed.mp4"
    renamed.write_text(text)
    with pytest.raises(InputError) as caught, renamed.open("rb") as file, open_source(file):
        pass
    assert caught.value.code == "unsupported_format"
    assert calls == []
    assert secret.stat().st_atime_ns == before
