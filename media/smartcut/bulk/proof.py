"""Proof, from the finished file, that runs of samples lie in it as they were read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

import numpy as np

from media.smartcut.bulk.batch import fold
from media.smartcut.bulk.carry import Carried
from media.smartcut.errors import failed
from media.smartcut.index import Table


def check_carried(
    file: BinaryIO, made: Mapping[int, Table], carried: Sequence[Carried], *, on_work: Callable[[], None]
) -> None:
    """Check that the index of the finished file has each sample where it was written, and that the bytes there are
    those that were read. `made` are its tracks, numbered as in `Carried`.

    Raises:
        NotCuttable: certificate_failed.
    """
    for batch in carried:
        on_work()
        for number, (first, places, sizes) in batch.tracks.items():
            table, to = made[number], first + len(sizes)
            same = len(table.places) >= to and np.array_equal(table.places[first:to], places)
            if not same or not np.array_equal(table.sizes[first:to], sizes):
                raise failed("copied samples are not where they were written")
        data = np.frombuffer(os.pread(file.fileno(), batch.length, batch.start), np.uint8)
        if len(data) != batch.length or fold(data) != batch.sum:
            raise failed("copied samples are not as they were read")
