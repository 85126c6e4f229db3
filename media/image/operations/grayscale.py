"""Grayscale: the light without the colour."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from media.image.operations.base import Effect, SameSize, colours_only
from media.types import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Grayscale(SameSize):
    """Each pixel becomes its luma (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B)."""

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Take the colour out."""
        return lambda frame: colours_only(frame, lambda image: image.convert("L").convert("RGB"))
