"""Which part of a picture matters: where a window of a given size goes by a gravity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from media import faces
from media.image.lengths import Gravity
from media.image.saliency import best_window
from media.image.scaling import resample
from media.types import Notices

LOOKED_AT = 1024
"""Pixels of the longer side that faces are looked for on: those of a twelfth of it and more are found."""

_ABOVE, _BESIDE, _BELOW = 0.6, 0.3, 0.4
"""Room around a face, as shares of its box: hair above the brows, ears, and the neck."""

Area = tuple[float, float, float, float]


def window(image: Image.Image, width: int, height: int, gravity: Gravity, notices: Notices) -> tuple[int, int]:
    """The top left corner of the `width` × `height` window that a “smart” or “face” gravity keeps, in pixels.

    Faces count with room around them. All of them are kept if they fit; else the largest, in the middle. Where there is
    none the window is the smart one, with the notice `no_face`.
    Raises InputError `no_face_detector`.
    """
    if gravity == "face":
        found = _faces(image)
        if found:
            return around(found, image.size, (width, height))
        notices.add("no_face", "No face was found: the part was chosen as by the gravity smart.")
    return best_window(image, width, height)


def _faces(image: Image.Image) -> list[Area]:
    """The boxes of the faces in pixels of the picture, the largest first."""
    scale = min(1.0, LOOKED_AT / max(image.size))
    small = resample(image, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    plain = Image.new("RGB", small.size, "gray")
    plain.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    found = faces.detector().detect(np.asarray(plain))
    across, down = image.width / small.width, image.height / small.height
    return [
        (face.box[0] * across, face.box[1] * down, face.box[2] * across, face.box[3] * down)
        for face in sorted(found, key=lambda face: -face.area)
    ]


def around(boxes: Sequence[Area], whole: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The corner of the window of a size that holds all of the boxes, or else the first; within the picture.

    It lies about the middle of what fits of these: all with their room, all, the first with its room, the first.
    """
    roomy = [with_room(box, whole) for box in boxes]
    wishes = [_union(roomy), _union(boxes), roomy[0], boxes[0]]
    left, top, right, bottom = next((area for area in wishes if _fits(area, size)), boxes[0])
    x, y = round((left + right - size[0]) / 2), round((top + bottom - size[1]) / 2)
    return min(max(0, x), whole[0] - size[0]), min(max(0, y), whole[1] - size[1])


def with_room(box: Area, whole: tuple[int, int]) -> Area:
    """A face's box with room for hair, ears and neck, cut off at the picture's border."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    return (
        max(0, left - _BESIDE * width),
        max(0, top - _ABOVE * height),
        min(whole[0], right + _BESIDE * width),
        min(whole[1], bottom + _BELOW * height),
    )


def _union(areas: Iterable[Area]) -> Area:
    lefts, tops, rights, bottoms = zip(*areas, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _fits(area: Area, size: tuple[int, int]) -> bool:
    return area[2] - area[0] <= size[0] and area[3] - area[1] <= size[1]
