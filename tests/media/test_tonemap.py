"""HDR by a kept table: as FFmpeg's scaler maps it, made once, by what the source says of its light."""

from __future__ import annotations

import os
from fractions import Fraction

import av
import numpy as np
import pytest
from av.filter import Graph

from media import tonemap
from media.encode import Colour
from media.frames import Canvas, Placer, tag

SIZE = (320, 180)
HLG = Colour(9, 18, 9)


def picture(colour: Colour = HLG) -> av.VideoFrame:
    """Soft colours at every brightness, as of a landscape, in ten bits."""
    canvas = np.empty((SIZE[1] * 3 // 2, SIZE[0]), np.uint16)
    across, down = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    canvas[: SIZE[1]] = 64 + 876 * (0.8 * across + 0.2 * down)
    blue, red = (512 + 90 * np.sin(turn * np.pi * (across + down))[::2, ::2] for turn in (2, 3))
    canvas[SIZE[1] :] = np.concatenate([blue.ravel(), red.ravel()]).reshape(-1, SIZE[0])
    frame = av.VideoFrame.from_ndarray(canvas, format="yuv420p10le")
    tag(frame, colour)
    return frame


def scaled(frame: av.VideoFrame) -> np.ndarray:
    """What the scaler makes of it by itself."""
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    kinds = "out_color_matrix=1:out_range=limited:out_primaries=1:out_transfer=1:intent=perceptual"
    steps = [graph.add("scale", kinds), graph.add("format", "yuv420p"), graph.add("buffersink")]
    graph.link_nodes(source, *steps).configure()
    graph.vpush(frame)
    return graph.vpull().to_ndarray().astype(float)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where tables are kept: empty at first, and with a name that filters would not take as it is."""
    place = tmp_path / "a:b'c"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place / f"cutwork-tables-{os.getuid()}"


def test_the_table_maps_as_the_scaler_does_and_is_made_once(folder, monkeypatch) -> None:
    wanted = scaled(picture())
    placed = Placer(Canvas(width=SIZE[0], height=SIZE[1]))(picture()).to_ndarray().astype(float)
    assert 10 * np.log10(255**2 / ((placed - wanted) ** 2).mean()) > 45
    assert np.abs(placed - wanted).max() <= 6
    [table] = folder.iterdir()
    assert (table.suffix, folder.stat().st_mode & 0o777) == (".cube", 0o700)

    def again(*_):
        raise AssertionError("the table is there")

    monkeypatch.setattr(tonemap, "_mapped", again)
    smaller = Placer(Canvas(width=160, height=90), scaling="fast_bilinear")(picture())
    assert (smaller.width, smaller.color_primaries, smaller.color_trc) == (160, 1, 1)
    assert abs(smaller.to_ndarray()[:90].mean() - wanted[:180].mean()) < 1.5
    # Another source, or another target, has a table of its own.
    with pytest.raises(AssertionError, match="the table is there"):
        Placer(Canvas(width=160, height=90))(picture(Colour(9, 16, 9)))


def test_old_tables_go(folder, monkeypatch) -> None:
    monkeypatch.setattr(tonemap, "_MOST", 2)
    grey = np.full((tonemap._POINTS**3, 3), 0.5)
    monkeypatch.setattr(tonemap, "_mapped", lambda *_: grey)
    frame = picture()
    first, second, third = (tonemap.cube(frame, 1, transfer) for transfer in (1, 6, 14))
    assert not first.exists()
    # The one that is used again stays.
    for number, path in enumerate((second, third)):
        os.utime(path, (number, number))
    assert tonemap.cube(frame, 1, 6) == second
    tonemap.cube(frame, 1, 1)
    assert (first.exists(), second.exists(), third.exists()) == (True, True, False)
