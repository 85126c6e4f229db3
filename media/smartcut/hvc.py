"""HEVC sources and edges under one `hvcC` (ISO/IEC 14496-15, 8.3.3), told apart by their parameter sets' identifiers.

Copying may begin at any random access point: its type is changed to one that is followed by no leading pictures, a
CRA picture becomes a BLA picture, and the leading pictures are left out.
"""

from __future__ import annotations

from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from media.smartcut import hevc, nal
from media.smartcut.bulk.plain import Units
from media.smartcut.codec import Kind, Picture
from media.smartcut.errors import NotCuttable

PARAMETER_SETS = {hevc.VPS, hevc.SPS, hevc.PPS}
_IDS = 16
# The preset quantises more coarsely than others at the same rate factor.
_CRF_OFFSET = -2
_PROFILES = {"yuv420p": "main", "yuv420p10le": "main10"}


class Hvc:
    """The codec of an HEVC stream; see `media.smartcut.codec.Codec`.

    Raises:
        NotCuttable: missing_headers, too_many_headers.
    """

    tag = "hvc1"
    units = Units.told_by(
        lambda first: first >> 1 & 63,
        kept=set(range(64)) - PARAMETER_SETS - {hevc.AUD},
        slices=set(range(hevc.LAST_SLICE + 1)),
    )

    def __init__(self, extradata: bytes) -> None:
        self.length_size, units = headers(extradata)
        self._headers = {
            number: [unit for unit in units if hevc.kind(unit) == number] for number in sorted(PARAMETER_SETS)
        }
        if not all(self._headers.values()):
            raise NotCuttable("missing_headers", "The source does not declare its parameter sets up front.")
        self._known = {unit for units in self._headers.values() for unit in units}
        parsed = [hevc.parse_sps(unit) for unit in self._headers[hevc.SPS]]
        self._source = parsed[0]
        self.pixels = max(sps.pixels for sps in parsed)
        pps = {hevc.pps_ids(unit)[0] for unit in self._headers[hevc.PPS]}
        sps = {parameters.id for parameters in parsed}
        vps = {hevc.vps_id(unit) for unit in self._headers[hevc.VPS]}
        self._pps_id = _free(hevc.PPS_IDS, pps)
        self._sps_id, self._vps_id = _free(range(1, _IDS), sps), _free(range(1, _IDS), vps)

    def picture(self, data: bytes) -> Picture:
        """See `Codec.picture`."""
        units, found = [], Kind.OTHER
        for unit in nal.split(data, self.length_size):
            number = hevc.kind(unit)
            if number in PARAMETER_SETS:
                if bytes(unit) not in self._known:
                    raise NotCuttable("headers_change", "The parameter sets of the source change on the way.")
                continue
            if number == hevc.AUD:
                continue
            if number in hevc.ENTRIES:
                found = Kind.ENTRY
            elif number in hevc.LEADING:
                found = Kind.LEADING
            units.append(unit)
        if all(hevc.kind(unit) > hevc.LAST_SLICE for unit in units):
            raise NotCuttable("damaged_pictures", "A packet of the source holds no picture.")
        return Picture(found, nal.rejoin(data, self.length_size, units))

    def entry(self, picture: Picture) -> bytes:
        """See `Codec.entry`."""
        return nal.join(_entered(unit) for unit in nal.split(bytes(picture.sample), nal.LENGTH_SIZE))

    def open_encoder(self, encoder: VideoCodecContext, crf: int) -> None:
        """See `Codec.open_encoder`: no reordering; nothing that puts sizes into slice headers, nor looks ahead."""
        profile = _PROFILES.get(encoder.pix_fmt or "")
        encoder.options = {
            "preset": "ultrafast",
            "crf": str(crf + _CRF_OFFSET),
            "x265-params": "bframes=0:rc-lookahead=1:keyint=600:open-gop=0:info=0:wpp=0:repeat-headers=0:hrd=0"
            + ":log-level=none"
            + (f":pools={encoder.thread_count}" if encoder.thread_count else ""),
        } | ({"profile": profile} if profile else {})
        encoder.flags |= Flags.global_header
        encoder.open()

    def extradata(self, encoder_headers: bytes) -> bytes:
        """See `Codec.extradata`."""
        arrays = {number: list(units) for number, units in self._headers.items()}
        for unit in nal.split(encoder_headers, None):
            match hevc.kind(unit):
                case hevc.VPS:
                    arrays[hevc.VPS].append(hevc.renumbered_vps(unit, self._vps_id))
                case hevc.SPS:
                    own = hevc.parse_sps(unit)
                    made = hevc.renumbered_sps(unit, own, self._source, self._sps_id, self._vps_id)
                    arrays[hevc.SPS].append(made)
                case hevc.PPS:
                    arrays[hevc.PPS].append(hevc.renumbered_pps(unit, self._pps_id, self._sps_id))
        return _hvcc(self._source, arrays)

    def edge(self, data: bytes) -> bytes:
        """See `Codec.edge`: slices alone."""
        slices = (unit for unit in nal.split(data, None) if hevc.kind(unit) <= hevc.LAST_SLICE)
        return nal.join(hevc.renumbered_slice(unit, self._pps_id) for unit in slices)


def _entered(unit: bytes) -> bytes:
    number = hevc.kind(unit)
    if number == hevc.IDR_W_RADL:
        return hevc.with_kind(unit, hevc.IDR_N_LP)
    if number in hevc.ENTRIES and number != hevc.IDR_N_LP:
        return hevc.with_kind(unit, hevc.BLA_N_LP)
    return unit


def _free(numbers: range, used: set[int]) -> int:
    free = [number for number in numbers if number not in used]
    if not free:
        raise NotCuttable("too_many_headers", "The source leaves no identifier free for other parameter sets.")
    return free[-1]


def headers(extradata: bytes) -> tuple[int | None, list[bytes]]:
    """The size of the length before each NAL unit (None: start codes), and the units of an `hvcC` or of Annex B."""
    if extradata[:1] != b"\1":
        return None, nal.split(extradata, None)
    units = []
    position = 23
    for _ in range(extradata[22]):
        count = int.from_bytes(extradata[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            size = int.from_bytes(extradata[position : position + 2], "big")
            units.append(extradata[position + 2 : position + 2 + size])
            position += 2 + size
    return (extradata[21] & 3) + 1, units


def _hvcc(source: hevc.SequenceParameters, arrays: dict[int, list[bytes]]) -> bytes:
    head = bytes([1]) + source.profile + b"\xf0\x00\xfc"
    head += bytes([0xFC | source.chroma_format, 0xF8 | source.luma_bits - 8, 0xF8 | source.chroma_bits - 8])
    head += b"\0\0" + bytes([source.layers << 3 | source.nested << 2 | nal.LENGTH_SIZE - 1, len(arrays)])
    for number, units in arrays.items():
        head += bytes([0x80 | number]) + len(units).to_bytes(2, "big")
        head += b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    return head
