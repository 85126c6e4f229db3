"""Diagrams of docs/images.md: rules that no drawn picture can show."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from media.image import focus

_FINE = 4
_SIZE = 420, 200
_GROUND, _INK, _FACE, _ROOM, _KEPT = "#f4ecdc", "#203040", "#cb3e3a", "#e0a040", "#2c7c6c"
_FACES: Sequence[focus.Area] = ((216, 76, 264, 124), (306, 92, 346, 132))
_WINDOWS = (200, 200), (112, 200)


def face_rule() -> Image.Image:
    """Two people in a wide picture: a window that holds both, and a narrow one about the larger face.

    Boxes of faces are red, with their room yellow, and what is kept is green: placed by the rule itself.
    """
    gap = 12
    made = Image.new("RGB", (_SIZE[0] * len(_WINDOWS) + gap, _SIZE[1]), "white")
    for number, window in enumerate(_WINDOWS):
        made.paste(_panel(window), (number * (_SIZE[0] + gap), 0))
    return made


def _panel(window: tuple[int, int]) -> Image.Image:
    large = Image.new("RGB", (_SIZE[0] * _FINE, _SIZE[1] * _FINE), _GROUND)
    pen = ImageDraw.Draw(large)
    for left, top, right, bottom in _FACES:
        width, height = right - left, bottom - top
        _shape(pen.ellipse, (left, top - 0.4 * height, right, bottom + 0.1 * height), fill=_INK)
        _shape(pen.ellipse, (left - 0.6 * width, bottom + 0.2 * height, right + 0.6 * width, 420), fill=_INK)
    for box in _FACES:
        _shape(pen.rectangle, focus.with_room(box, _SIZE), outline=_ROOM, width=2 * _FINE)
        _shape(pen.rectangle, box, outline=_FACE, width=2 * _FINE)
    x, y = focus.around(_FACES, _SIZE, window)
    _shape(pen.rectangle, (x, y, x + window[0] - 1, y + window[1] - 1), outline=_KEPT, width=4 * _FINE)
    return large.reduce(_FINE)


def _shape(draw: object, area: focus.Area, **style: object) -> None:
    assert callable(draw)
    draw([side * _FINE for side in area], **style)


DIAGRAMS = {"gravity-face": face_rule}
"""What is drawn, by the name of its file."""
