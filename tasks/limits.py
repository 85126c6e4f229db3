"""The engine's bounds, from the settings."""

from __future__ import annotations

from fractions import Fraction

from core.settings import Settings
from media.types import Limits


def limits(settings: Settings) -> Limits:
    """Return what the engine may open."""
    return Limits(
        max_pixels=settings.max_pixels,
        max_duration=Fraction(settings.max_duration_s),
        max_streams=settings.max_streams,
    )
