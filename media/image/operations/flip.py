"""Flip: mirror the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from media.image.operations.base import Effect, SameSize
from media.types import Notices

_WAYS = {"horizontal": Image.Transpose.FLIP_LEFT_RIGHT, "vertical": Image.Transpose.FLIP_TOP_BOTTOM}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip(SameSize):
    """Mirror left and right (`horizontal`) or top and bottom (`vertical`)."""

    axis: Literal["horizontal", "vertical"] = "horizontal"

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Mirror."""
        return lambda frame: frame.transpose(_WAYS[self.axis])
