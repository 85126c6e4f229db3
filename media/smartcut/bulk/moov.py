"""The index of a file whose samples were laid beside the muxer, some of which it knows nothing of: its tables get the
places and lengths that samples really have, and the rows of those runs.

Only tables of samples change (`stbl`), and the mean rates of bits that were reckoned from them. Durations do not: the
muxer takes them from the times of a track's first and last sample, and runs lie between those.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from media import boxes, tables
from media.errors import EngineError
from media.tables import Flags, Ints

_PARENTS = {b"moov", b"trak", b"mdia", b"minf"}
_KNOWN = {b"stsd", b"stts", b"ctts", b"stss", b"stsz", b"stsc", b"stco", b"co64", b"sgpd", b"sbgp"}
_NAMES = {b"co64": b"stco"}
_INSIDE = {b"mp4a": 36, b"avc1": 86, b"hvc1": 86}
"""Bytes before the boxes inside a sample entry, with its own header (12.1.3, 12.2.3)."""
_DECODER_CONFIG = 4


@dataclass(frozen=True, slots=True)
class Run:
    """Samples that stand in a track behind the first `at` of those that the muxer knows: when each is decoded and
    shown, in ticks since the first one of the track is decoded, and where it lies in the file."""

    at: int
    decoded: Ints
    shown: Ints
    keys: Flags
    places: Ints
    sizes: Ints


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of a track that the muxer knows of: where each of them lies in the file, and its length; and the runs
    that it does not know of, in order."""

    places: Ints
    sizes: Ints
    runs: Sequence[Run]


def of_each_track(moov: bytes) -> Iterator[tuple[int, Samples]]:
    """The number of each track of an index, and where its samples lie by it.

    Raises:
        EngineError: `bad_layout` when the index is not as the muxer writes it.
    """
    with _as_known():
        data = io.BytesIO(moov)
        for trak in boxes.children(data, next(boxes.walk(data, 0, len(moov)))):
            if trak.kind == b"trak":
                stbl = trak
                for kind in (b"mdia", b"minf", b"stbl"):
                    stbl = next(box for box in boxes.children(data, stbl) if box.kind == kind)
                found = _tables(moov[stbl.content : stbl.end])
                sizes = tables.sizes(found[b"stsz"])
                yield _number(moov[trak.content : trak.end]), Samples(tables.places(found, sizes), sizes, [])


def with_samples(moov: bytes, samples: Mapping[int, Samples]) -> bytes:
    """Return an index in which the tracks, by their numbers, have other samples and the same times.

    Raises:
        EngineError: `bad_layout` when the index is not as the muxer writes it.
    """
    with _as_known():
        return b"".join(_rebuilt(moov, _Joiner(samples)))


@contextmanager
def _as_known() -> Iterator[None]:
    try:
        yield
    except (struct.error, ValueError, KeyError, IndexError, StopIteration) as error:
        raise EngineError("bad_layout", "The index of the finished file is not as its muxer writes it.") from error


def _rebuilt(data: bytes, joiner: _Joiner) -> Iterator[bytes]:
    for box in boxes.walk(io.BytesIO(data), 0, len(data)):
        content = data[box.content : box.end]
        if box.kind in _PARENTS:
            if box.kind == b"trak":
                joiner.track = _number(content)
            yield tables.box(box.kind, b"".join(_rebuilt(content, joiner)))
        elif box.kind == b"stbl":
            yield tables.box(b"stbl", joiner.joined(content))
        else:
            if box.kind == b"mdhd":
                joiner.scale = struct.unpack_from(">I", content, 20 if content[0] == 1 else 12)[0]
            yield data[box.start : box.end]


def _number(trak: bytes) -> int:
    tkhd = next(box for box in boxes.walk(io.BytesIO(trak), 0, len(trak)) if box.kind == b"tkhd")
    return int(struct.unpack_from(">I", trak, tkhd.content + (20 if trak[tkhd.content] == 1 else 12))[0])


def _tables(stbl: bytes) -> dict[bytes, bytes]:
    return {box.kind: stbl[box.content : box.end] for box in boxes.walk(io.BytesIO(stbl), 0, len(stbl))}


class _Joiner:
    """Goes through the tracks: `track` is the number of the current one, `scale` ticks of it are a second."""

    def __init__(self, samples: Mapping[int, Samples]) -> None:
        self._samples = samples
        self.track, self.scale = 0, 1

    def joined(self, stbl: bytes) -> bytes:
        """The tables of the current track."""
        found, samples = _tables(stbl), self._samples[self.track]
        if not found.keys() <= _KNOWN or len(tables.sizes(found[b"stsz"])) != len(samples.sizes):
            raise ValueError("other tables, or other samples, than were expected")
        if not len(samples.sizes):
            return stbl
        made = self._with_runs(found, samples)
        # Places are made anew, in the one table or the other.
        kept = {_NAMES.get(kind, kind): tables.box(kind, content) for kind, content in found.items()}
        return b"".join((kept | made)[kind] for kind in _order(kept, made))

    def _with_runs(self, found: Mapping[bytes, bytes], samples: Samples) -> dict[bytes, bytes]:
        runs, count = samples.runs, len(samples.sizes)
        at = np.repeat([run.at for run in runs], [len(run.sizes) for run in runs]).astype(np.int64)
        lasts = tables.spread(found[b"stts"])
        decoded = np.concatenate([[0], np.cumsum(lasts[:-1])]).astype(np.int64)
        late = tables.spread(found[b"ctts"], ">i4") if b"ctts" in found else np.zeros(count, np.int64)
        keys, sizes, places = tables.keys(found, count), samples.sizes, samples.places
        if runs:
            sizes = np.insert(sizes, at, np.concatenate([run.sizes for run in runs]))
            places = np.insert(places, at, np.concatenate([run.places for run in runs]))
            late = np.insert(late, at, np.concatenate([run.shown - run.decoded for run in runs]))
            keys = np.insert(keys, at, np.concatenate([run.keys for run in runs]))
            decoded = np.insert(decoded, at, np.concatenate([run.decoded for run in runs]))
            lasts = np.diff(decoded, append=decoded[-1] + lasts[-1])
        if (lasts < 0).any():
            raise ValueError("runs that do not follow each other")
        chunks, offsets = tables.chunk_boxes(places, sizes)
        made = {
            b"stsd": tables.box(b"stsd", _rated(found[b"stsd"], int(sizes.sum()) * 8 * self.scale, int(lasts.sum()))),
            b"stts": tables.spread_box(b"stts", lasts),
            b"stsz": tables.sizes_box(sizes),
            b"stsc": chunks,
            b"stco": offsets,
        }
        # A muxer that saw only keyframes, or nothing reordered, has left these out.
        if not keys.all():
            made[b"stss"] = tables.keys_box(keys)
        if late.any() or b"ctts" in found:
            made[b"ctts"] = tables.spread_box(b"ctts", late)
        if b"sbgp" in found:
            made[b"sbgp"] = tables.box(b"sbgp", _grouped(found[b"sbgp"], at))
        return made


def _order(kept: Iterable[bytes], made: Iterable[bytes]) -> list[bytes]:
    """The muxer's order of tables; those that it has left out come behind the times of decoding."""
    order = list(kept)
    at = order.index(b"stts") + 1
    order[at:at] = [kind for kind in (b"stss", b"ctts") if kind in made and kind not in order]
    return order


def _grouped(sbgp: bytes, at: Ints) -> bytes:
    """Samples put in are of the group of the one before them (8.9.2)."""
    head = 12 if sbgp[0] == 1 else 8
    pairs = np.frombuffer(sbgp, ">u4", offset=head + 4).reshape(-1, 2).astype(np.int64)
    groups = np.repeat(pairs[:, 1], pairs[:, 0])
    groups = np.insert(groups, at, groups[np.maximum(at - 1, 0)])
    return sbgp[:head] + tables.spread_box(b"sbgp", groups)[12:]


def _rated(stsd: bytes, bits: int, duration: int) -> bytes:
    """Sample entries with the mean rate of bits of all samples: in `btrt` (8.5.2.2), and in the decoder's configuration
    of an `esds` (ISO/IEC 14496-1, 7.2.6.6)."""
    mean = min(bits // duration, 0xFFFFFFFF) if duration else 0
    data = bytearray(stsd)
    inside = _INSIDE.get(bytes(stsd[12:16]), len(stsd))
    for box in boxes.walk(io.BytesIO(stsd), 8 + inside, len(stsd)):
        if box.kind == b"btrt":
            _set_rates(data, box.content + 4, mean)
        elif box.kind == b"esds":
            _set_rates(data, _config(stsd, box.content) + 5, mean)
    return bytes(data)


def _set_rates(data: bytearray, at: int, mean: int) -> None:
    most, before = struct.unpack_from(">II", data, at)
    struct.pack_into(">II", data, at, max(most, mean), mean if before else 0)


def _config(data: bytes, content: int) -> int:
    """Where the decoder's configuration begins: in the descriptor of the stream, behind its identifier."""
    at = content + 4
    for skip in (3, 0):
        if not skip and data[at] != _DECODER_CONFIG:
            raise ValueError("no configuration of the decoder")
        at += 1
        while data[at] & 0x80:
            at += 1
        at += 1 + skip
    return at
