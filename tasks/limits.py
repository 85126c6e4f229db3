"""The engine's bounds, from the settings."""

from __future__ import annotations

import os
from fractions import Fraction

from core.settings import Settings
from media.types import Limits


def limits(settings: Settings) -> Limits:
    """Return what the engine may open."""
    return Limits(
        max_pixels=settings.max_pixels,
        max_duration=Fraction(settings.max_duration_s),
        max_streams=settings.max_streams,
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
        max_image_frames=settings.max_image_frames,
        max_animation_pixels=settings.max_animation_pixels,
    )


def threads(settings: Settings) -> int:
    """Threads for a segment, beside which others may run in a worker: never 0, so that every worker takes as many."""
    return settings.encode_threads or max(len(os.sched_getaffinity(0)) // max(settings.worker_processes, 1), 1)
