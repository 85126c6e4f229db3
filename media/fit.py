"""Fit any decoded frame to one size and pixel format."""

from __future__ import annotations

import av
from av.filter import Graph
from av.video.reformatter import Colorspace, VideoReformatter


class Fitter:
    """Callable that returns frames of `width` × `height` in `pixel_format`; a frame that fits is returned as it is.

    A frame at most one pixel too wide or too high (4:2:0 needs even sides) loses that row or column; any other size is
    scaled. Colours keep their matrix; RGB becomes BT.709.
    """

    def __init__(self, width: int, height: int, pixel_format: str) -> None:
        self._size = (width, height)
        self._format = pixel_format
        self._reformatter = VideoReformatter()
        self._crop: tuple[tuple[int, int, str], Graph] | None = None

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        if (frame.width, frame.height) != self._size and self._is_near(frame):
            frame = self._cropped(frame)
        if (frame.width, frame.height) == self._size and frame.format.name == self._format:
            return frame
        return self._reformatter.reformat(
            frame,
            *self._size,
            format=self._format,
            dst_colorspace=Colorspace.ITU709 if frame.format.is_rgb else None,
        )

    def _is_near(self, frame: av.VideoFrame) -> bool:
        return 0 <= frame.width - self._size[0] <= 1 and 0 <= frame.height - self._size[1] <= 1

    def _cropped(self, frame: av.VideoFrame) -> av.VideoFrame:
        key = (frame.width, frame.height, frame.format.name)
        if self._crop is None or self._crop[0] != key:
            self._crop = (key, self._graph(frame))
        graph = self._crop[1]
        graph.vpush(frame)
        return graph.vpull()

    def _graph(self, frame: av.VideoFrame) -> Graph:
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        crop = graph.add("crop", f"{self._size[0]}:{self._size[1]}:0:0")
        graph.link_nodes(source, crop, graph.add("buffersink")).configure()
        return graph
