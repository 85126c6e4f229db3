"""A watermark, laid over frames as they are stored: only its own rectangle of each plane is touched."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from media.brand.spec import Watermark
from media.frames import Canvas, Placer, even
from media.images import open_image
from media.orientation import Orientation
from media.pixels import planes
from media.types import DEFAULT_LIMITS, Limits

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""


class Overlay:
    """Callable that returns a frame of the canvas's format with the watermark on it, in place where it may.

    Over the picture with alpha a (the image's times the opacity), a sample becomes (1 - a)·picture + a·image; chroma
    uses the mean alpha of the luma samples it stands for.

    Raises:
        InputError: the image cannot be read.
    """

    def __init__(self, mark: Watermark, canvas: Canvas, limits: Limits = DEFAULT_LIMITS) -> None:
        image = ImageOps.exif_transpose(open_image(mark.file, limits)).convert("RGBA")
        box = mark_box(mark, image.size, canvas)
        patch = _scaled(image, box[2:])
        orientation = canvas.orientation
        width, height, _ = canvas.upright
        left, top, wide, high = stored_box(box, (width, height), orientation)
        colours, alpha = _to_stored(patch, orientation)
        alpha *= float(mark.opacity)
        drawn = _on_canvas(colours, canvas)
        self._parts = []
        for plane in planes(drawn):
            across, down = wide // plane.shape[1], high // plane.shape[0]
            thin = alpha.reshape(high // down, down, wide // across, across).mean(axis=(1, 3))
            area = (slice(top // down, (top + high) // down), slice(left // across, (left + wide) // across))
            self._parts.append((area, 1 - thin, plane * thin))

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        frame.make_writable()
        for plane, (area, kept, added) in zip(planes(frame), self._parts, strict=True):
            plane[area] = np.rint(plane[area] * kept + added)
        return frame


def mark_box(mark: Watermark, image: tuple[int, int], canvas: Canvas) -> Box:
    """Where the watermark lies on the upright canvas, on even pixels; made smaller if it is too high."""
    width, height, shape = canvas.upright
    margin = mark.margin * width
    wide = mark.width * width
    # One pixel is `shape` times as wide as it is high.
    high = wide * shape * image[1] / image[0]
    room_across, room_down = width - 2 * margin, height - 2 * margin * shape
    scale = min(Fraction(1), room_down / high, room_across / wide)
    size = even(wide * scale), even(high * scale)
    left, top = {
        "top-left": (margin, margin * shape),
        "top-right": (width - margin - size[0], margin * shape),
        "bottom-left": (margin, height - margin * shape - size[1]),
        "bottom-right": (width - margin - size[0], height - margin * shape - size[1]),
        "center": (Fraction(width - size[0], 2), Fraction(height - size[1], 2)),
    }[mark.position]
    return _even_place(left, width - size[0]), _even_place(top, height - size[1]), *size


def stored_box(box: Box, upright: tuple[int, int], orientation: Orientation) -> Box:
    """The same rectangle on the picture as stored, of one on the upright picture of that size."""
    left, top, width, height = box
    if -1 in {orientation.a, orientation.c}:
        left = upright[0] - left - width
    if -1 in {orientation.b, orientation.d}:
        top = upright[1] - top - height
    return (top, left, height, width) if orientation.swaps_sides else (left, top, width, height)


def _to_stored(
    patch: npt.NDArray[np.float64], orientation: Orientation
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Colours (height, width, 3) and alpha (height, width) turned the way pictures are stored."""
    if -1 in {orientation.a, orientation.c}:
        patch = patch[:, ::-1]
    if -1 in {orientation.b, orientation.d}:
        patch = patch[::-1]
    if orientation.swaps_sides:
        patch = patch.transpose(1, 0, 2)
    return np.ascontiguousarray(np.rint(patch[..., :3]), np.uint8), patch[..., 3] / 255


def _scaled(image: Image.Image, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """RGBA samples at `size`; what is transparent takes the mean colour, so that no fringe shows at the edges."""
    samples = np.asarray(image.convert("RGBa").resize(size, Image.Resampling.LANCZOS), np.float64)
    alpha = samples[..., 3:]
    mean = samples[..., :3].sum(axis=(0, 1)) / max(alpha.sum(), 1) * 255
    straight = np.where(alpha > 0, samples[..., :3] * 255 / np.maximum(alpha, 1), mean)
    return np.concatenate([np.clip(straight, 0, 255), alpha], axis=2)


def _on_canvas(colours: npt.NDArray[np.uint8], canvas: Canvas) -> av.VideoFrame:
    height, width, _ = colours.shape
    small = Canvas(width=width, height=height, pixel_format=canvas.pixel_format, colour=canvas.assumed_colour)
    return Placer(small)(av.VideoFrame.from_ndarray(colours, format="rgb24"))


def _even_place(place: Fraction, most: int) -> int:
    return min(max(round(place / 2) * 2, 0), most)
