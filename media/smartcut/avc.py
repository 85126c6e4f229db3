"""H.264 sources and edges under one `avcC` (ISO/IEC 14496-15, 5.3.3): two families of parameter sets, told apart by
their identifiers."""

from __future__ import annotations

from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from media.smartcut import h264, nal
from media.smartcut.bulk.plain import Units
from media.smartcut.codec import Kind, Picture
from media.smartcut.errors import NotCuttable

_PROFILES = {66: "baseline", 77: "main", 100: "high", 110: "high10", 122: "high422", 244: "high444"}
_HEADERS = {h264.SPS, h264.PPS}
_SLICES = {h264.SLICE, 2, h264.IDR}
_CAPTIONS = 4
# Without a macroblock tree, which lowers the quality of what is soon gone, this gives the quality that is meant.
_CRF_OFFSET = 2
_SIMPLE = "bframes=0:ref=1:rc-lookahead=0:keyint=600"
# The fastest preset leaves out what sets the profiles apart, and x264 writes the profile of what it uses.
_MAIN, _HIGH = ":cabac=1", ":cabac=1:8x8dct=1"
_TOOLS = {66: "", 77: _MAIN} | dict.fromkeys((100, 110, 122, 244), _HIGH)
_MAX_SPS, _MAX_PPS, _SPS_IDS = 31, 255, 32


class Avc:
    """The codec of an H.264 stream; see `media.smartcut.codec.Codec`.

    Raises:
        NotCuttable: missing_headers, too_many_headers, profile_not_supported, interlaced.
    """

    tag = "avc1"
    units = Units.told_by(lambda first: first & 31, kept=set(range(32)) - _HEADERS - {h264.AUD}, slices=_SLICES)

    def __init__(self, extradata: bytes) -> None:
        self.length_size, headers = _headers(extradata)
        self._sps = [unit for unit in headers if unit[0] & 31 == h264.SPS]
        self._pps = [unit for unit in headers if unit[0] & 31 == h264.PPS]
        if not self._sps or not self._pps:
            raise NotCuttable("missing_headers", "The source does not declare its parameter sets up front.")
        self._known = {*self._sps, *self._pps}
        parsed = [h264.parse_sps(unit) for unit in self._sps]
        self._source = parsed[0]
        self.pixels = max(sps.pixels for sps in parsed)
        if any(sps.profile not in _PROFILES for sps in parsed):
            raise NotCuttable("profile_not_supported", "The H.264 profile of the source cannot be encoded here.")
        if not all(sps.frames_only for sps in parsed):
            raise NotCuttable("interlaced", "The source is coded for interlaced pictures.")
        used = {sps.id for sps in parsed} | {number for unit in self._pps for number in h264.pps_ids(unit)}
        free = [number for number in range(1, _SPS_IDS) if number not in used]
        if not free or len(self._sps) >= _MAX_SPS or len(self._pps) >= _MAX_PPS:
            raise NotCuttable("too_many_headers", "The source leaves no identifier free for other parameter sets.")
        self.edge_id = free[-1]

    def picture(self, data: bytes) -> Picture:
        """See `Codec.picture`."""
        units = []
        kind = Kind.OTHER
        intra = True
        for unit in nal.split(data, self.length_size):
            number = unit[0] & 31
            if number in _HEADERS:
                if bytes(unit) not in self._known:
                    raise NotCuttable("headers_change", "The parameter sets of the source change on the way.")
                continue
            if number == h264.AUD:
                continue
            if number == h264.IDR:
                kind = Kind.ENTRY
            elif number == h264.SLICE and intra:
                intra = h264.is_intra_slice(unit)
            units.append(unit)
        if not any(unit[0] & 31 in _SLICES for unit in units):
            raise NotCuttable("damaged_pictures", "A packet of the source holds no picture.")
        if kind is Kind.OTHER and intra:
            kind = Kind.INTRA
        return Picture(kind, nal.rejoin(data, self.length_size, units))

    def entry(self, picture: Picture) -> bytes:
        """See `Codec.entry`: an IDR picture needs no change."""
        return picture.sample

    def open_encoder(self, encoder: VideoCodecContext, crf: int) -> None:
        """See `Codec.open_encoder`: no reordering, the source's profile and level; nothing that looks ahead, which
        would spare bits at the price of time and memory, and of bytes that differ from run to run."""
        encoder.options = {
            "preset": "ultrafast",
            "tune": "psnr",
            "crf": str(crf + _CRF_OFFSET),
            "profile": _PROFILES[self._source.profile],
            "x264-params": f"sps-id={self.edge_id}:level={self._source.level}:{_SIMPLE}{_TOOLS[self._source.profile]}",
        }
        encoder.flags |= Flags.global_header
        encoder.open()

    def extradata(self, encoder_headers: bytes) -> bytes:
        """See `Codec.extradata`."""
        own = nal.split(encoder_headers, None)
        sps = [h264.restrict_like(unit, self._source) for unit in own if unit[0] & 31 == h264.SPS]
        pps = [unit for unit in own if unit[0] & 31 == h264.PPS]
        return _avcc(self._source, [*self._sps, *sps], [*self._pps, *pps])

    def edge(self, data: bytes) -> bytes:
        """See `Codec.edge`: slices, and captions that came with the frame."""
        return nal.join(unit for unit in nal.split(data, None) if _belongs(unit))


def _belongs(unit: bytes) -> bool:
    number = unit[0] & 31
    return number in {h264.SLICE, h264.IDR} or (number == h264.SEI and unit[1] == _CAPTIONS)


def _headers(extradata: bytes) -> tuple[int | None, list[bytes]]:
    if extradata[:1] != b"\1":
        return None, nal.split(extradata, None)
    units = []
    position = 5
    for mask in (31, 255):
        count = extradata[position] & mask
        position += 1
        for _ in range(count):
            size = int.from_bytes(extradata[position : position + 2], "big")
            units.append(extradata[position + 2 : position + 2 + size])
            position += 2 + size
    return (extradata[4] & 3) + 1, units


def _avcc(source: h264.SequenceParameters, sps: list[bytes], pps: list[bytes]) -> bytes:
    head = bytes([1, source.profile, source.compatibility, source.level, 0xFC | nal.LENGTH_SIZE - 1])
    body = bytes([0xE0 | len(sps)]) + _sized(sps) + bytes([len(pps)]) + _sized(pps)
    if source.profile in {66, 77}:
        return head + body
    depths = (0xFC | source.chroma_format, 0xF8 | source.luma_bits - 8, 0xF8 | source.chroma_bits - 8, 0)
    return head + body + bytes(depths)


def _sized(units: list[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
