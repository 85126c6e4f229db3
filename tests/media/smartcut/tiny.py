"""Makes the sources of the matrix (`pairs`): pictures and sounds encoded once, then put together without encoding."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg

from media.sample import make_sample

KEYFRAME_EVERY = 12
# The flashes stay, so that sound can be held against them; about half of the others go.
_VFR = r"-vf select=not(mod(n\,30))+lt(mod(n\,7)\,3)+eq(mod(n\,11)\,5) -fps_mode vfr"
_EDIT = ["-ss", "0.5"]
_X264 = "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p"
_X265 = "-c:v libx265 -preset ultrafast -crf 22 -pix_fmt {format} -x265-params "
_X265 += "log-level=none:keyint={keys}:min-keyint={keys}:scenecut=0:open-gop=1:bframes=3"
_PICTURES = {
    "closed": _X264 + " -x264-params keyint={keys}:bframes=3:b-adapt=0:b-pyramid=normal",
    "open": _X264
    + " -force_key_frames 0.8,1.6 -forced-idr 1"
    + " -x264-params open-gop=1:keyint={keys}:min-keyint={keys}:bframes=3:b-adapt=0:scenecut=0",
    "no_b": _X264 + " -bf 0 -g {keys}",
    "intra": _X264 + " -g 1",
    "interlaced": _X264 + " -flags +ilme+ildct -g {keys}",
    "hevc": _X265.replace("{format}", "yuv420p"),
    "hevc10": _X265.replace("{format}", "yuv420p10le"),
    # Looking ahead it makes pictures that are never shown.
    "vp9": "-c:v libvpx-vp9 -cpu-used 8 -deadline good -lag-in-frames 8 -auto-alt-ref 1 -g {keys} -b:v 0 -crf 25",
    "av1": "-c:v libsvtav1 -preset 12 -crf 30 -g {keys} -svtav1-params lookahead=8",
    "mpeg2": "-c:v mpeg2video -q:v 2 -g {keys} -bf 2",
    "prores": "-c:v prores_ks -profile:v 0",
}
_SOUNDS = {"aac": "-c:a aac", "opus": "-c:a libopus -b:a 64k", "mp3": "-c:a libmp3lame", "pcm": "-c:a pcm_s16le"}
_NEGATIVE = "-movflags negative_cts_offsets -use_editlist 0 -avoid_negative_ts disabled"


def picture(folder: Path, name: str, clock: str) -> Path:
    """A picture of 2.5 s at 30 frames a second alone, in a container that holds it; made once."""
    path = folder / f"{name}{'-vfr' * (clock == 'vfr')}.{'mp4' if name in {'vp9', 'av1'} else 'mov'}"
    if not path.exists():
        # Frames that stand twice as far apart, so that groups last as long.
        keys, ways = (KEYFRAME_EVERY // 2, _VFR.split()) if clock == "vfr" else (KEYFRAME_EVERY, [])
        encode = _PICTURES[name].format(keys=keys).split()
        ffmpeg("-i", str(_clip(folder)), "-an", *ways, *encode, str(path))
    return path


def sound(folder: Path, name: str) -> Path:
    """The sound of the same clip alone; made once."""
    path = folder / f"{name}.{'m4a' if name == 'aac' else 'mka'}"
    if not path.exists():
        ffmpeg("-i", str(_clip(folder)), "-vn", *_SOUNDS[name].split(), str(path))
    return path


def source(folder: Path, kind: str, container: str, heard: str, clock: str) -> Path:
    """The file of a row; made once."""
    path = folder / f"{kind}-{heard}-{clock}.{container}"
    if not path.exists():
        parts = [picture(folder, kind, clock), *([] if heard == "none" else [sound(folder, heard)])]
        inputs = [word for part in parts for word in [*(_EDIT if clock == "edited" else []), "-i", str(part)]]
        options = _NEGATIVE.split() if clock == "negative" else []
        ffmpeg(*inputs, "-c", "copy", *options, str(path))
    return path


def ffmpeg(*arguments: str) -> None:
    """Run FFmpeg's command line.

    Raises:
        subprocess.CalledProcessError: it refused.
    """
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _clip(folder: Path) -> Path:
    path = folder / "clip.mp4"
    if not path.exists():
        make_sample(path, seconds=Fraction(5, 2), size=(256, 144))
    return path
