"""Place any picture on a canvas: upright, whole, centred on black, in the canvas's format and colours.

A canvas describes how the pictures of one video are stored. What is placed on it may have any size, pixel shape,
rotation, pixel format and colour space. Colours are converted by FFmpeg's scaler: between SDR kinds only the matrix
and the range change; between SDR and HDR also primaries and transfer, where SDR white becomes the reference white of
ITU-R BT.2408 (203 cd/m²) and HDR is tone-mapped to SDR.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

import av
from av.filter import Graph

from media import tonemap
from media.encode import Colour
from media.orientation import Matrix, Orientation
from media.probe import display_matrix

UNSPECIFIED = 2
BT709 = Colour(primaries=1, transfer=1, matrix=1)
SRGB = Colour(primaries=1, transfer=13, matrix=0, full_range=True)
SMPTE_170M = 6
BT2020_PRIMARIES = 9
PQ, HLG = 16, 18
HD_LINES = 720
"""From this height on, players take untagged video for BT.709, below for SMPTE 170M (BT.601)."""

_WIDEST_PIXEL = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """How pictures are stored: even size, pixel format, pixel shape (width:height), colour and display matrix."""

    width: int
    height: int
    pixel_format: str = "yuv420p"
    sample_aspect: Fraction = Fraction(1)
    colour: Colour = field(default_factory=lambda: BT709)
    matrix: Matrix | None = None

    @property
    def orientation(self) -> Orientation:
        return Orientation.of(self.matrix)

    @property
    def upright(self) -> tuple[int, int, Fraction]:
        """Width, height and pixel shape after turning."""
        width, height = self.orientation.size(self.width, self.height)
        shape = 1 / self.sample_aspect if self.orientation.swaps_sides else self.sample_aspect
        return width, height, shape

    @property
    def assumed_colour(self) -> Colour:
        """The colour description with its gaps filled in as players do."""
        return assumed(self.colour, self.height, is_rgb=False)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in square pixels as seen, not below the stored resolution; even."""
        width, height, shape = self.upright
        return (even(width * shape), even(height)) if shape >= 1 else (even(width), even(height / shape))


class Placer:
    """Callable that returns a source's frames placed on a canvas; `sample_aspect` is the shape of their pixels,
    `scaling` how the scaler weighs them."""

    def __init__(
        self,
        canvas: Canvas,
        *,
        sample_aspect: Fraction = Fraction(1),
        scaling: Literal["bicubic", "fast_bilinear"] = "bicubic",
    ) -> None:
        self._canvas, self._scaling = canvas, scaling
        self._sample_aspect = sane_aspect(sample_aspect)
        self._key: object = None
        self._graph: Graph | None = None

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        tag(frame, assumed(colour_of(frame), frame.height, is_rgb=frame.format.is_rgb))
        # Not the display matrix, which holds for a whole stream: PyAV ties a frame whose side data was asked for into a
        # cycle, and such frames fill the memory until the garbage collector comes by.
        key = (frame.width, frame.height, frame.format.name, colour_of(frame))
        if self._graph is None or key != self._key:
            self._graph, self._key = self._build(frame), key
        self._graph.vpush(frame)
        placed = self._graph.vpull()
        tag(placed, self._canvas.colour)
        return placed

    def _build(self, frame: av.VideoFrame) -> Graph:
        turn = Orientation.of(display_matrix(frame))
        width, height = turn.size(frame.width, frame.height)
        shape = 1 / self._sample_aspect if turn.swaps_sides else self._sample_aspect
        outer_width, outer_height, _ = self._canvas.upright
        inner_width, inner_height = contain((width, height, shape), self._canvas.upright)
        steps = [
            *turn.filters,
            *self._scaled(frame, f"{inner_width}:{inner_height}"),
            ("format", self._canvas.pixel_format),
        ]
        if (inner_width, inner_height) != (outer_width, outer_height):
            left, top = ((outer_width - inner_width) // 4 * 2, (outer_height - inner_height) // 4 * 2)
            steps.append(("pad", f"{outer_width}:{outer_height}:{left}:{top}:black"))
        return _chain(frame, [*steps, *self._canvas.orientation.inverse.filters])

    def _scaled(self, frame: av.VideoFrame, size: str) -> list[tuple[str, str]]:
        given, wanted = colour_of(frame), self._canvas.assumed_colour
        extent = "full" if wanted.full_range else "limited"
        flags, matrix = f"flags={self._scaling}", f"out_color_matrix={wanted.matrix}:out_range={extent}"
        if not needs_mapping(given, wanted):
            return [("scale", f"{size}:{flags}:{matrix}")]
        kinds = f"out_primaries={wanted.primaries}:out_transfer={wanted.transfer}"
        if not is_hdr(given) or is_hdr(wanted):
            # Only tone mapping wants the whole picture squeezed; into more room, colours keep their place.
            intent = "perceptual" if is_hdr(given) else "relative_colorimetric"
            return [("scale", f"{size}:{flags}:{matrix}:{kinds}:intent={intent}")]
        table = tonemap.cube(frame, wanted.primaries, wanted.transfer)
        told = f"color_primaries={wanted.primaries}:color_trc={wanted.transfer}"
        return [
            ("scale", f"{size}:{flags}:out_range=full"),
            ("format", tonemap.FORMAT),
            ("lut3d", f"file={tonemap.argument(table)}:interp=tetrahedral"),
            ("setparams", told),
            ("scale", matrix),
        ]


def contain(inner: tuple[int, int, Fraction], outer: tuple[int, int, Fraction]) -> tuple[int, int]:
    """The largest even size with the shape of `inner` in `outer`; both are (width, height, pixel width:height).

    A border of two pixels or less is not worth showing: the picture is stretched over it.
    """
    aspect = inner[0] * inner[2] / inner[1]
    width, height, shape = outer
    if aspect >= width * shape / height:
        fitted = width, even(width * shape / aspect)
    else:
        fitted = even(height * aspect / shape), height
    near = [size if size - part <= 2 else part for size, part in zip((width, height), fitted, strict=True)]
    return near[0], near[1]


def even(length: Fraction | int) -> int:
    """The nearest even number, at least 2: what 4:2:0 needs."""
    return max(2, round(Fraction(length) / 2) * 2)


def sane_aspect(aspect: Fraction | None) -> Fraction:
    """A sample aspect ratio that is meant: unknown, zero and absurd ones are square."""
    if not aspect or not Fraction(1, _WIDEST_PIXEL) <= aspect <= _WIDEST_PIXEL:
        return Fraction(1)
    return Fraction(aspect)


def colour_of(frame: av.VideoFrame) -> Colour:
    """The colour description that a frame carries."""
    return Colour(frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range == 2)


def tag(frame: av.VideoFrame, colour: Colour) -> None:
    """Write a colour description on a frame."""
    frame.color_primaries, frame.color_trc = colour.primaries, colour.transfer
    frame.colorspace, frame.color_range = colour.matrix, 2 if colour.full_range else 1


def assumed(colour: Colour, height: int, *, is_rgb: bool) -> Colour:
    """The description with its gaps filled in as players do."""
    if is_rgb:
        return SRGB
    usual = BT709 if height >= HD_LINES else Colour(SMPTE_170M, SMPTE_170M, SMPTE_170M)
    return replace(
        colour,
        primaries=usual.primaries if colour.primaries in {0, UNSPECIFIED} else colour.primaries,
        transfer=usual.transfer if colour.transfer in {0, UNSPECIFIED} else colour.transfer,
        matrix=usual.matrix if colour.matrix in {0, UNSPECIFIED} else colour.matrix,
    )


def is_hdr(colour: Colour) -> bool:
    """Whether the transfer is one of ITU-R BT.2100's."""
    return colour.transfer in {PQ, HLG}


def needs_mapping(given: Colour, wanted: Colour) -> bool:
    """Whether more than the matrix differs visibly; the SDR primaries and curves are near enough to each other."""
    wide = (given.primaries == BT2020_PRIMARIES) != (wanted.primaries == BT2020_PRIMARIES)
    curve = (is_hdr(given) or is_hdr(wanted)) and given.transfer != wanted.transfer
    return wide or curve


def _chain(frame: av.VideoFrame, steps: list[tuple[str, str]]) -> Graph:
    graph = Graph()
    # A frame made by hand has no time base; any will do, times are not kept here.
    base = frame.time_base or Fraction(1, 1000)
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
    filters = [graph.add(name, arguments or None) for name, arguments in steps]
    graph.link_nodes(source, *filters, graph.add("buffersink")).configure()
    return graph
