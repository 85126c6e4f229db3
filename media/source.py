"""The only way a file is opened: an allow-list of self-contained formats, no other file or address, bounded probing.

FFmpeg picks a demuxer by content, and some demuxers (playlists, image sequences, session descriptions) open whatever
their text names. `format_whitelist` shuts them out before they read a byte; the empty protocol list, the refused
`io_open` and the untouched `enable_drefs` are there in case a demuxer on the list ever learns to reach out.
Options: https://ffmpeg.org/ffmpeg-formats.html#Format-Options.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, BinaryIO, NoReturn

import av
from av.container import InputContainer
from av.error import ArgumentError, DecoderNotFoundError, FFmpegError, PatchWelcomeError
from av.stream import Disposition, Stream

from media import boxes, index_bounds
from media.errors import InputError
from media.types import DEFAULT_LIMITS, Limits

# Demuxers that read one file and nothing else.
FORMATS = ("mov", "mp4", "matroska", "webm", "mpegts", "avi", "flv", "wav", "mp3", "flac", "ogg", "aac")

PROBE_BYTES = 5_000_000
PROBE_MICROSECONDS = 10_000_000
BUFFER_BYTES = 64 * 1024

_MAX_PIXELS = "max_pixels"
# Decoders pad pictures to whole blocks.
_PADDING, _SMALLEST_PADDING = 16, 1 << 16
_CUT_OFF = "The file ends before its index does: the upload or recording was cut off."
_IMAGE_BRANDS = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
_ISO_BOXES = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_SIGNATURES = (b"\x1aE\xdf\xa3", b"OggS", b"fLaC", b"ID3", b"FLV\x01", b"\xff\xf1", b"\xff\xf9", b"\xff\xfb")
_IMAGE_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"BM")


class _Nameless:
    """A file without its name: FFmpeg would guess formats from it and print it in errors."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


@contextmanager
def open_source(file: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Iterator[InputContainer]:
    """Open a seekable binary file for demuxing and decoding; the file itself stays the caller's to close.

    FFmpeg errors raised inside the `with` block become `damaged_file`; what the file object raises passes through.

    Raises:
        InputError: empty_file, unsupported_format, damaged_file, truncated_file, no_streams, too_many_streams,
            too_many_pixels, too_long, too_many_packets.
    """
    if file.seek(0, os.SEEK_END) == 0:
        raise InputError("empty_file", "The file is empty.")
    head = _head(file)
    if _is_image(head):
        raise InputError("unsupported_format", "This is a still image; a video or sound file is needed here.")
    index_bounds.check(file, limits)
    try:
        container = _open(file, limits)
    except FFmpegError as error:
        _refuse(file, head, error)
    with container:
        if head[4:8] in _ISO_BOXES and _index_is_cut_off(file):
            raise InputError("truncated_file", _CUT_OFF)
        _check(container, limits)
        try:
            yield container
        except (PatchWelcomeError, DecoderNotFoundError) as error:
            raise InputError(
                "unsupported_codec", "The file uses a variant of its codec that is not supported."
            ) from error
        except FFmpegError as error:
            raise InputError("damaged_file", "The file is damaged and cannot be read on.") from error


def is_picture(stream: Stream) -> bool:
    """Whether this video stream is cover art or a thumbnail rather than moving picture."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return bool(stream.disposition & still)


def decoder_options(stream: Stream) -> dict[str, str]:
    """What binds every decoder of the pictures of an opened source, whatever its parameter sets say later on."""
    return {key: value for key, value in stream.container.options.items() if key == _MAX_PIXELS}


def check_pixels(stream: Stream, pixels: int) -> None:
    """Check frames of so many pixels, as they are coded, against the limit under which their file was opened.

    Raises:
        InputError: too_many_pixels.
    """
    limit = decoder_options(stream).get(_MAX_PIXELS)
    if limit is not None and pixels > int(limit):
        raise InputError("too_many_pixels", f"The file declares pictures of {pixels} pixels, more than are accepted.")


def is_image(file: BinaryIO) -> bool:
    """Whether the first bytes are those of a still image of any common kind."""
    return _is_image(_head(file))


def _open(file: BinaryIO, limits: Limits) -> InputContainer:
    file.seek(0)
    return av.open(
        _Nameless(file),
        "r",
        options={_MAX_PIXELS: str(limits.max_pixels + limits.max_pixels // _PADDING + _SMALLEST_PADDING)},
        container_options={
            "format_whitelist": ",".join(FORMATS),
            "protocol_whitelist": "",
            "probesize": str(PROBE_BYTES),
            "analyzeduration": str(PROBE_MICROSECONDS),
            "max_streams": str(limits.max_streams),
        },
        metadata_errors="replace",
        buffer_size=BUFFER_BYTES,
        io_open=_deny,
    )


def _deny(url: str, flags: int, options: dict[str, str]) -> Any:  # noqa: ARG001 - the signature is PyAV's
    raise InputError("unsupported_format", "The file refers to other files; only self-contained files are opened.")


def _check(container: InputContainer, limits: Limits) -> None:
    streams = [stream for stream in container.streams if stream.type in {"video", "audio"}]
    if not streams:
        raise InputError("no_streams", "The file holds neither picture nor sound.")
    if len(container.streams) > limits.max_streams:
        raise InputError("too_many_streams", f"The file has more than {limits.max_streams} streams.")
    for stream in container.streams.video:
        context = stream.codec_context
        if context is not None and context.width * context.height > limits.max_pixels:
            raise InputError(
                "too_many_pixels",
                f"The picture is {context.width}×{context.height}, more than {limits.max_pixels} pixels.",
            )
        if context is not None:
            # The options of the container reach no further than its probing.
            context.options = decoder_options(stream)
    if container.duration is not None:
        limits.check_duration(Fraction(container.duration, av.time_base))


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(4096)


def _is_image(head: bytes) -> bool:
    if head[4:8] == b"ftyp":
        return head[8:12] in _IMAGE_BRANDS
    return head.startswith(_IMAGE_SIGNATURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _is_media(head: bytes) -> bool:
    riff = head[:4] == b"RIFF" and head[8:12] in {b"AVI ", b"WAVE"}
    transport = head[:1] == b"G" and head[188:189] == b"G"
    return head[4:8] in _ISO_BOXES or head.startswith(_SIGNATURES) or riff or transport


def _refuse(file: BinaryIO, head: bytes, error: FFmpegError) -> NoReturn:
    """Say why a file did not open: EINVAL is FFmpeg's answer to a format off the list, ENOMEM to too many streams."""
    if isinstance(error, MemoryError):
        raise InputError("too_many_streams", "The file has too many streams.") from error
    if isinstance(error, ArgumentError) or not _is_media(head):
        raise InputError(
            "unsupported_format",
            "This is no file that can be opened: neither video or sound (MP4, MOV, MKV, WebM, TS, AVI, FLV, WAV, MP3, "
            "FLAC, Ogg or AAC) nor an image (JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC).",
        ) from error
    if head[4:8] in _ISO_BOXES and _is_cut_off(file):
        raise InputError("truncated_file", _CUT_OFF)
    raise InputError("damaged_file", "The file is damaged: its header cannot be read.") from error


def _is_cut_off(file: BinaryIO) -> bool:
    found = list(boxes.top_level(file))
    total = file.seek(0, os.SEEK_END)
    return bool(found) and (found[-1].end > total or all(box.kind != b"moov" for box in found))


def _index_is_cut_off(file: BinaryIO) -> bool:
    """FFmpeg reads half an index without complaint. The file's position is FFmpeg's, and is put back."""
    place = file.tell()
    last = max(boxes.top_level(file), key=lambda box: box.start)
    cut_off = last.kind == b"moov" and last.end > file.seek(0, os.SEEK_END)
    file.seek(place)
    return cut_off
