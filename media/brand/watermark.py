"""A watermark: an image that lies in one place of the picture for some time."""

from __future__ import annotations

from fractions import Fraction

import av
from PIL import ImageOps

from media.brand.patch import Box, Patch, placer_for, scaled
from media.brand.spec import Watermark
from media.frames import Canvas, even
from media.images import open_image
from media.types import DEFAULT_LIMITS, Limits


class Overlay:
    """Callable that returns a frame of the canvas's format with the watermark on it, in place where it may.

    `end` is when it goes, in seconds of the body, where the watermark itself does not say.

    Raises:
        InputError: the image cannot be read.
    """

    def __init__(
        self, mark: Watermark, canvas: Canvas, limits: Limits = DEFAULT_LIMITS, *, end: Fraction | None = None
    ) -> None:
        image = ImageOps.exif_transpose(open_image(mark.file, limits)).convert("RGBA")
        box = mark_box(mark, image.size, canvas)
        self._mark = mark
        self._patch = Patch(scaled(image, box[2:]), box, canvas, placer_for(box, canvas))
        self.start = mark.start
        self.end = end if mark.end is None else mark.end

    def __call__(self, frame: av.VideoFrame, time: Fraction = Fraction(0)) -> av.VideoFrame:
        """`time` is that of the body, for the fades."""
        frame.make_writable()
        self._patch.lay(frame, float(self._mark.opacity * self.strength(time)))
        return frame

    def strength(self, time: Fraction) -> Fraction:
        """How far (0..1) it is faded in at a time."""
        shown = Fraction(1)
        if self._mark.fade_in:
            shown = min(shown, (time - self.start) / self._mark.fade_in)
        if self._mark.fade_out and self.end is not None:
            shown = min(shown, (self.end - time) / self._mark.fade_out)
        return max(shown, Fraction(0))


def mark_box(mark: Watermark, image: tuple[int, int], canvas: Canvas) -> Box:
    """Where the watermark lies on the upright canvas, on even pixels; made smaller if it is too high."""
    width, height, shape = canvas.upright
    # One pixel is `shape` times as wide as it is high.
    margins = mark.margin * width, (mark.margin if mark.margin_y is None else mark.margin_y) * width * shape
    wide = mark.width * width
    high = wide * shape * image[1] / image[0]
    room = width - 2 * margins[0], max(height - 2 * margins[1], Fraction(2))
    scale = min(Fraction(1), room[0] / wide, room[1] / high)
    size = even(wide * scale), even(high * scale)
    words = mark.position.split("-")
    left = _along(words, ("left", "right"), margins[0], width - size[0])
    top = _along(words, ("top", "bottom"), margins[1], height - size[1])
    return _even_place(left, width - size[0]), _even_place(top, height - size[1]), *size


def _along(words: list[str], sides: tuple[str, str], margin: Fraction, left: int) -> Fraction:
    """The place on one axis, with `left` pixels beside the mark."""
    if sides[0] in words:
        return margin
    return left - margin if sides[1] in words else Fraction(left, 2)


def _even_place(place: Fraction, most: int) -> int:
    return min(max(round(place / 2) * 2, 0), most)
