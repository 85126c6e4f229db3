"""Tone mapping of HDR by a table that is made once: a cube of colours, as FFmpeg's filter `lut3d` reads it.

FFmpeg's scaler maps well, by what a source says of the display that it was made on. But it works out a fine table for
each graph anew, which takes five seconds of a processor, more than a part of a proxy takes besides. Here 36,000 colours
are sent through it once, and what becomes of them is kept on the machine for whoever needs the same.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.sidedata.sidedata import Type

Colours = npt.NDArray[np.float64]

FORMAT = "gbrp12le"
"""In which pictures are looked up."""
_POINTS = 33
"""Along each side of the cube; between them the filter interpolates."""
_WIDE = _POINTS * _POINTS
_TOP = 65535
_VERSION = 1
_MOST = 64
"""Tables that are kept, half a megabyte each: what sources say of their light differs."""
_KEPT = (Type.MASTERING_DISPLAY_METADATA, Type.CONTENT_LIGHT_LEVEL)


def cube(frame: av.VideoFrame, primaries: int, transfer: int) -> Path:
    """Return the file of the table from the colours of `frame`, which are HDR and tagged, to SDR ones.

    `primaries` and `transfer` are code points of H.273; it leads from RGB to RGB, both in full range.
    """
    path = _folder() / f"{_key(frame, primaries, transfer)}.cube"
    try:
        # Those that were not used for longest go first.
        os.utime(path)
    except FileNotFoundError:
        _write(path, _mapped(frame, primaries, transfer))
        for old in _by_age(path.parent)[_MOST:]:
            old.unlink(missing_ok=True)
    return path


def argument(path: Path) -> str:
    """The path as an option of a filter, in whose syntax some characters have a meaning."""
    return "".join(f"\\{letter}" if letter in "\\:'" else letter for letter in str(path))


def _by_age(folder: Path) -> list[Path]:
    """The tables, those that were used last first."""
    aged = []
    for path in folder.glob("*.cube"):
        # Another process may take one away.
        with suppress(FileNotFoundError):
            aged.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(aged, reverse=True)]


def _key(frame: av.VideoFrame, primaries: int, transfer: int) -> str:
    """What the table depends on: colours on both sides, and what the source says of its light."""
    told = [bytes(frame.side_data[kind]) if kind in frame.side_data else b"-" for kind in _KEPT]
    codes = (_VERSION, frame.color_primaries, frame.color_trc, primaries, transfer, av.library_versions["libswscale"])
    return hashlib.sha256(repr((codes, told)).encode()).hexdigest()[:32]


def _folder() -> Path:
    """A folder of this user alone, which outlives the process."""
    folder = Path(tempfile.gettempdir()) / f"cutwork-tables-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        # Somebody else has made it, and could change what is in it.
        return Path(tempfile.mkdtemp(prefix="cutwork-tables-"))
    return folder


def _mapped(frame: av.VideoFrame, primaries: int, transfer: int) -> Colours:
    """What becomes of the cube's colours, of shape (points³, 3), red changing fastest, from 0 to 1."""
    colours = _through(frame, [("scale", f"{_WIDE}:{_POINTS}:out_range=full"), ("format", "gbrp16le")])
    colours.make_writable()
    steps = np.round(np.linspace(0, _TOP, _POINTS)).astype("<u2")
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    # Planes are green, blue, red; the picture carries on what the frame says of its light.
    for plane, values in zip(colours.planes, (green, blue, red), strict=True):
        rows = np.zeros((_POINTS, plane.line_size // 2), "<u2")
        rows[:, :_WIDE] = values.reshape(_POINTS, _WIDE)
        plane.update(rows.tobytes())
    wanted = f"out_primaries={primaries}:out_transfer={transfer}:out_range=full:intent=perceptual"
    made = _through(colours, [("scale", wanted), ("format", "gbrp16le")])
    planes = [np.frombuffer(memoryview(plane), "<u2").reshape(_POINTS, -1)[:, :_WIDE].ravel() for plane in made.planes]
    return np.stack([planes[2], planes[0], planes[1]], axis=1) / _TOP


def _through(frame: av.VideoFrame, steps: list[tuple[str, str]]) -> av.VideoFrame:
    graph = Graph()
    base = frame.time_base or Fraction(1, 1000)
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
    graph.link_nodes(source, *(graph.add(*step) for step in steps), graph.add("buffersink")).configure()
    graph.vpush(frame)
    return graph.vpull()


def _write(path: Path, colours: Colours) -> None:
    """Write a table in the format of Adobe's Cube LUT Specification 1.0, whole or not at all."""
    with ExitStack() as undo:
        handle, name = tempfile.mkstemp(dir=path.parent)
        undo.callback(Path(name).unlink, missing_ok=True)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"LUT_3D_SIZE {_POINTS}\n")
            np.savetxt(file, colours, fmt="%.5f")
        # Others may have written the same meanwhile.
        Path(name).replace(path)
