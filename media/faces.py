"""Where faces are in a picture.

One protocol, `Detector`, so that whatever looks for faces can be another one tomorrow; today it is the frontal detector
of dlib: histograms of oriented gradients (Dalal and Triggs, CVPR 2005) against five poses, whose templates are part of
the library. It tells that there is a face, never whose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from media.errors import InputError

Picture = npt.NDArray[np.uint8]
"""RGB of shape (height, width, 3), upright."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face: `box` is left, top, right, bottom (half-open) in pixels of the picture, from the brows to the chin.

    `score` grows with confidence, and is above 0.
    """

    box: tuple[int, int, int, int]
    score: float

    @property
    def area(self) -> int:
        """Pixels of the box."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


class Detector(Protocol):
    """Finds faces, in one thread."""

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces of a picture, the most confident first."""
        ...


class _Frontal:
    """dlib's detector: faces of 80 pixels and more, from the front or turned by up to some 30°."""

    def __init__(self, library: Any) -> None:
        self._library = library.get_frontal_face_detector()

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces, their boxes cut off at the picture's border."""
        height, width = picture.shape[:2]
        boxes, scores, _ = self._library.run(np.ascontiguousarray(picture), 0, 0.0)
        found = [
            Face(
                (max(0, box.left()), max(0, box.top()), min(width, box.right() + 1), min(height, box.bottom() + 1)),
                float(score),
            )
            for box, score in zip(boxes, scores, strict=True)
        ]
        return sorted((face for face in found if face.area), key=lambda face: -face.score)


@lru_cache(maxsize=1)
def detector() -> Detector:
    """Return the detector of this process, loaded when it is first needed.

    Raises:
        InputError: no_face_detector, where the library is not installed.
    """
    try:
        import dlib
    except ImportError:
        raise InputError(
            "no_face_detector", "No face detector is installed here (cutwork[faces]): use the gravity smart."
        ) from None
    return _Frontal(dlib)
