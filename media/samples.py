"""Sound between FFmpeg's frames and arrays.

FFmpeg ends a frame's list of planes with a null pointer only where it has fewer than eight. PyAV counts up to that
pointer and would read and write beyond the list of a planar frame of eight channels or more; in packed frames there is
one plane, whatever the number of channels. So many channels therefore go through packed frames.
"""

from __future__ import annotations

import av
import numpy as np

from media.types import Samples

MAX_CHANNELS = 8
_PLANAR_CHANNELS = 7


def float_format(channels: int) -> str:
    """The format of frames with so many channels that `to_array` takes: 32-bit floats, planar where that is safe."""
    return "fltp" if channels <= _PLANAR_CHANNELS else "flt"


def to_array(frame: av.AudioFrame) -> Samples:
    """The samples of a frame in `float_format`, of shape (channels, count)."""
    array = frame.to_ndarray().astype(np.float32, copy=False)
    if frame.format.is_planar:
        return array
    return np.ascontiguousarray(array.reshape(-1, frame.layout.nb_channels).T)


def to_frame(samples: Samples, layout: str) -> av.AudioFrame:
    """A frame with samples of shape (channels, count), in the layout of that many channels; without rate and time."""
    name = float_format(samples.shape[0])
    array = samples if name == "fltp" else samples.T.reshape(1, -1)
    return av.AudioFrame.from_ndarray(np.ascontiguousarray(array, np.float32), name, layout)
