"""Pixelate: replace a region by the mean of its blocks, so that it cannot be read any more."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from media.image.operations.base import Effect, SameSize, premultiplied
from media.image.operations.region import Region, within
from media.types import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixelate(SameSize):
    """Blocks of `block` × `block` pixels, of everything or in a region."""

    block: int = 16
    region: Region | None = None

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Take the mean of each block."""
        if self.region:
            self.region.box(*first.size)
        return within(self.region, lambda frame: premultiplied(frame, self._blocks))

    def _blocks(self, image: Image.Image) -> Image.Image:
        means = image.reduce(self.block)
        wide = (means.width * self.block, means.height * self.block)
        return means.resize(wide, Image.Resampling.NEAREST).crop((0, 0, *image.size))
