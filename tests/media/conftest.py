"""Clips made once a run, and the folder of real ones."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from media.sample import make_sample

SIZE = (320, 180)


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """Where made clips are kept."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def clip(clips) -> Path:
    """Six seconds of 320×180 at 30 frames a second: H.264 with B-frames, a keyframe each second, one mono AAC track."""
    path = clips / "clip.mp4"
    make_sample(path, seconds=Fraction(6), size=SIZE, keyframe_every=30)
    return path


@pytest.fixture(scope="session")
def silent_clip(clips) -> Path:
    """Three seconds without sound."""
    path = clips / "silent.mp4"
    make_sample(path, seconds=Fraction(3), size=SIZE, keyframe_every=30, audio_tracks=0)
    return path


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The folder of real clips: `../shared/media` beside the checkout, or what CUTWORK_MEDIA names."""
    folder = Path(os.environ.get("CUTWORK_MEDIA", Path(__file__).parents[3] / "shared" / "media"))
    if not folder.is_dir():
        pytest.skip(f"real clips not found: {folder} is not there (CUTWORK_MEDIA names another folder)")
    return folder
