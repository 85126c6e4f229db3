"""Others that cut videos, each installed from PyPI into an environment of its own.

smartcut wants another PyAV than the engine, and MoviePy another Pillow.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import venv
from pathlib import Path

import imageio_ffmpeg

_FOLDER = Path("bench/.peers")
VERSIONS = {"smartcut": "1.7", "moviepy": "2.2.1"}


def peer(name: str) -> Path:
    """The `bin` folder of a peer's environment, made on first use."""
    place = _FOLDER / f"{name}-{VERSIONS[name]}"
    ready = place / "ready"
    if not ready.exists():
        print(f"Installing {name} {VERSIONS[name]} into {place} …", file=sys.stderr)
        venv.create(place, clear=True, with_pip=True)
        install = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # Of MoviePy's FFmpeg too: the one that all rows use.
        same = f"imageio-ffmpeg=={imageio_ffmpeg.__version__}"
        subprocess.run([*install, f"{name}=={VERSIONS[name]}", same], check=True, timeout=600)
        ready.touch()
    return place / "bin"


@functools.cache
def ffmpeg() -> str:
    """The FFmpeg binary of the imageio-ffmpeg wheel."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@functools.cache
def ffmpeg_version() -> str:
    """Its version."""
    return str(imageio_ffmpeg.get_ffmpeg_version())
