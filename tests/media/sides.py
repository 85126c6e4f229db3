"""Sources with subtitles, chapters and covers, and what is found of them in finished files."""

from __future__ import annotations

import subprocess
from collections import namedtuple
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
from av.packet import Packet
from av.stream import Disposition
from PIL import Image

Shown = namedtuple("Shown", "start end text")

CUES = (
    Shown(Fraction("0.5"), Fraction("1.75"), "Hello"),
    Shown(Fraction("1.75"), Fraction(3), "Second\ntwo lines"),
    Shown(Fraction("3.2"), Fraction("4.2"), "Ümläut 日本"),
    Shown(Fraction(5), Fraction("5.8"), "Last & least"),
)
CHAPTERS = ((0, 2, "One"), (2, Fraction("4.5"), "Zwei ü"), (Fraction("4.5"), 6, "Three"))


def ffmpeg(*arguments) -> str:
    """What FFmpeg's command line writes to its standard output; it must not complain."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    return done.stdout.decode()


def make(target: Path, clip: Path, codec: str, *, video: str = "copy", chapters=CHAPTERS) -> Path:
    """The clip with one German text track, chapters and tags, by FFmpeg."""
    folder = target.parent
    (folder / "cues.srt").write_text(
        "\n".join(f"{n}\n{_srt(c.start)} --> {_srt(c.end)}\n{c.text}\n" for n, c in enumerate(CUES, 1)), "utf-8"
    )
    lines = [";FFMETADATA1", "title=Container title", "artist=Someone"]
    for start, end, title in chapters:
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={int(start * 1000)}", f"END={int(end * 1000)}"]
        lines += [f"title={title}"]
    (folder / "meta.txt").write_text("\n".join(lines), "utf-8")
    fast = ["-deadline", "realtime", "-cpu-used", "8"] if video == "libvpx" else []
    ffmpeg(
        *("-i", clip, "-i", folder / "cues.srt", "-i", folder / "meta.txt", "-map", 0, "-map", 1),
        *("-map_metadata", 2, "-map_chapters", 2, "-c:v", video, *fast),
        *("-c:a", "copy" if video == "copy" else "libopus", "-c:s", codec),
        *("-metadata:s:s:0", "language=deu", "-metadata:s:s:0", "title=Titel"),
        *("-metadata:s:a:0", "language=fra", "-metadata:s:a:0", "title=Son"),
        *("-disposition:s:0", "default+forced+hearing_impaired", target),
    )
    return target


def craft(target: Path, clip: Path, cues, codec: str = "subrip", **metadata) -> Path:
    """The clip in Matroska beside packets (start, duration or None, bytes) in thousandths of a second."""
    with av.open(str(clip)) as given, av.open(str(target), "w", format="matroska") as made:
        streams = {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
        track = made.add_mux_stream(codec)
        track.time_base = Fraction(1, 1000)
        track.metadata.update(metadata)
        # What lies before 0 would move everything.
        packets = [packet for packet in given.demux() if packet.size and packet.pts >= 0]
        for packet in packets:
            packet.stream = streams[packet.stream_index]
        for start, duration, data in cues:
            packet = Packet(data)
            packet.stream, packet.time_base = track, Fraction(1, 1000)
            packet.pts = packet.dts = start
            packet.duration = duration or 0
            packets.append(packet)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            made.mux(packet)
    return target


def cover(path: Path) -> Path:
    """A small picture, JPEG or PNG by its name."""
    Image.new("RGB", (64, 48), (200, 30, 60)).save(path)
    return path


def samples(path: Path, index: int = 0) -> list[Shown]:
    """Every sample of a text track that lasts, silent ones too."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[index]
        assert stream.codec_context.name == "mov_text"
        return [
            Shown(
                packet.pts * packet.time_base,
                (packet.pts + packet.duration) * packet.time_base,
                bytes(packet)[2 : 2 + int.from_bytes(bytes(packet)[:2], "big")].decode(),
            )
            for packet in container.demux(stream)
            if packet.size and packet.duration
        ]


def cues(path: Path, index: int = 0) -> list[Shown]:
    """What a text track shows; samples follow each other from 0 on without a gap."""
    found = samples(path, index)
    assert [item.start for item in found] == [Fraction(0), *(item.end for item in found[:-1])]
    return [item for item in found if item.text]


def chapters(path: Path) -> list[tuple[Fraction, Fraction, str]]:
    """Start, end and title of every chapter."""
    with av.open(str(path)) as container:
        return [
            (item["start"] * item["time_base"], item["end"] * item["time_base"], item["metadata"].get("title"))
            for item in container.chapters()
        ]


def covers(path: Path) -> list[tuple[str, bytes]]:
    """Codec and data of every attached picture."""
    with av.open(str(path)) as container:
        wanted = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
        return [
            (packet.stream.codec_context.name, bytes(packet))
            for packet in (container.demux(*wanted) if wanted else ())
            if packet.size
        ]


def moved(items, ranges) -> list[Shown]:
    """By the rule: each item within each range, at the time at which the range is shown."""
    made, at = [], Fraction(0)
    for kept in ranges:
        for start, end, text in items:
            first, last = max(Fraction(start), kept.start), min(Fraction(end), kept.end)
            if first < last:
                made.append(Shown(first - kept.start + at, last - kept.start + at, text))
        at += kept.end - kept.start
    return made


def _srt(time: Fraction) -> str:
    return f"00:00:{int(time):02d},{int(time % 1 * 1000):03d}"
