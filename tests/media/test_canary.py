"""Files that name others: FFmpeg by itself follows them, which shows that these tests can fail; sources never do."""

from __future__ import annotations

import io
import shutil
import struct
from pathlib import Path

import av
import pytest
from av.error import FFmpegError
from crafted import box, rebuilt, table
from PIL import Image
from test_source import PLAYLISTS, canary  # noqa: F401 - a fixture

from media.errors import InputError
from media.source import open_source

FOLLOWED = {
    "hls": {"allowed_extensions": "ALL", "extension_picky": "0"},
    "concat": {"safe": "0"},
}
ALL = {"protocol_whitelist": "file,http,tcp"}


def opened(path: Path) -> bool:
    """Whether the engine opens it."""
    try:
        with path.open("rb") as file, open_source(file):
            return True
    except InputError:
        return False


@pytest.mark.parametrize("kind", FOLLOWED)
def test_a_playlist_calls_only_where_ffmpeg_is_left_alone(kind, canary, tmp_path):  # noqa: F811
    port, calls = canary
    path = tmp_path / "list.mp4"
    path.write_text(PLAYLISTS[kind].format(target=f"http://127.0.0.1:{port}/canary.ts", port=port))
    assert not opened(path)
    assert calls == []
    with pytest.raises(FFmpegError):
        av.open(str(path), format=kind, container_options=ALL | FOLLOWED[kind], timeout=60)
    assert calls


def test_a_playlist_of_files_plays_only_where_ffmpeg_is_left_alone(clip, tmp_path):
    shutil.copy(clip, tmp_path / "canary.mp4")
    path = tmp_path / "list.mp4"
    path.write_text(PLAYLISTS["concat"].format(target="canary.mp4"))
    assert not opened(path)
    with av.open(str(path), format="concat") as container:
        assert container.streams.video[0].width == 320


def test_a_pattern_of_images_is_not_followed(tmp_path):
    for number in range(3):
        Image.new("RGB", (32, 32)).save(tmp_path / f"canary{number}.png")
    pattern = tmp_path / "canary%d.png"
    with av.open(str(pattern), format="image2") as container:
        assert len([packet for packet in container.demux() if packet.size]) == 3
    shutil.copy(tmp_path / "canary0.png", pattern)
    assert not opened(pattern)


def test_samples_in_another_file_are_not_read(silent_clip, tmp_path, monkeypatch):
    shutil.copy(silent_clip, tmp_path / "canary.mp4")
    name = b"canary.mp4"
    alias = bytearray(150)
    struct.pack_into(">H", alias, 4, 2)
    alias[50 : 51 + len(name)] = bytes([len(name)]) + name
    # Two records (Inside Macintosh: Files, alias records): how far up, and the path from there.
    records = struct.pack(">hHH", 2, len(name), 0)[:4] + name + struct.pack(">hH", -1, 0)
    struct.pack_into(">HH", alias, 130, 1, 1)
    reference = box(b"alis", b"\0\0\0\0" + bytes(alias) + records)
    data = rebuilt(
        silent_clip.read_bytes(),
        lambda kind, whole: box(b"dinf", table(b"dref", reference)) if kind == b"dinf" else whole,
    )
    path = tmp_path / "refers.mov"
    path.write_bytes(data)
    asked: list[str] = []

    def follow(url: str, flags: int, options: dict[str, str]) -> io.BufferedReader:
        asked.append(url)
        return Path(url).open("rb")

    options = {"enable_drefs": "1", "use_absolute_path": "1"}
    with av.open(str(path), container_options=options, io_open=follow):
        assert any("canary.mp4" in url for url in asked)
    asked.clear()
    monkeypatch.setattr("media.source._deny", follow)
    with path.open("rb") as file, open_source(file) as container:
        assert not [packet for packet in container.demux() if packet.size]
    assert asked == []
