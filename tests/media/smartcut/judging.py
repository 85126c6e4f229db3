"""How a finished cut is judged, apart from the engine: by its barcodes, its bits, and FFmpeg's own opinion."""

from __future__ import annotations

import math
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np

from media import barcode


def decoded(path: Path) -> dict[int, list[tuple[Fraction, np.ndarray]]]:
    """(time, planes) of every picture, by the burnt-in number."""
    found: dict[int, list[tuple[Fraction, np.ndarray]]] = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            found.setdefault(barcode.read_frame(frame), []).append((frame.pts * stream.time_base, frame.to_ndarray()))
    return found


def ffmpeg_says(path: Path, *seeks: Fraction) -> str:
    """What FFmpeg's command line finds wrong, decoding everything, and from each of some times on."""
    said = ""
    for seek in [None, *seeks]:
        at = [] if seek is None else ["-ss", f"{float(seek):.6f}"]
        # In the file's own ticks: in those of a frame rate that it guesses, uneven frames would fall on one.
        rest = ["-i", str(path), "-enc_time_base", "demux", "-f", "null", "-"]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *at, *rest]
        said += subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    return said


def psnr(one: np.ndarray, other: np.ndarray, peak: int = 255) -> float:
    """PSNR of whole pictures in dB."""
    error = float(np.mean((one.astype(np.int64) - other) ** 2))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)
