"""What the cut needs to know of a codec, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from av.video.codeccontext import VideoCodecContext

from media.smartcut.bulk.plain import Units


class Kind(Enum):
    """What a picture means to somebody who enters the stream here."""

    ENTRY = "entry"
    """Nothing decoded after it and shown after it depends on what came before, and it may follow any other picture."""
    INTRA = "intra"
    """Decoding may begin here, but what follows it refers to it in ways that only fit its own stream."""
    LEADING = "leading"
    """Decoded after an entry, shown before it, and lost when the stream is entered there."""
    OTHER = "other"


@dataclass(slots=True)
class Picture:
    """One access unit: what it is, and its NAL units as a sample of the track."""

    kind: Kind
    sample: bytes


class Codec(Protocol):
    """The parameter sets of a source, and how its packets and those of the edges become samples of one track."""

    tag: str
    """The sample entry: `avc1`, `hvc1`."""
    pixels: int
    """Of the largest frame that any of the source's parameter sets allows."""
    length_size: int | None
    """Bytes of the length before each NAL unit of the source; None where they stand behind start codes."""
    units: Units
    """Which NAL units `picture` leaves in a sample."""

    def picture(self, data: bytes) -> Picture:
        """Parse a packet of the source; a view of its bytes is enough, and spares copies.

        Raises:
            NotCuttable: `headers_change` when it brings parameter sets that differ from the stream's,
                `damaged_pictures` when there is no picture in it.
        """

    def entry(self, picture: Picture) -> bytes:
        """A picture of kind ENTRY as the sample at which copying begins; leading pictures are left out after it."""

    def open_encoder(self, encoder: VideoCodecContext, crf: int) -> None:
        """Set what is special to the codec, and open an encoder that has its geometry, format and colours. `crf` is
        the quality of a usual preset, which the one that is chosen reaches in its own way."""

    def extradata(self, encoder_headers: bytes) -> bytes:
        """One `avcC` or `hvcC` with the parameter sets of the source and those of the (opened) encoder."""

    def edge(self, data: bytes) -> bytes:
        """A packet of the encoder as a sample of the track."""


ENCODERS = {"h264": "libx264", "hevc": "libx265"}
