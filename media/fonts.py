"""The fonts, which come as Python packages under the SIL Open Font License 1.1.

| family  | fonts                                                | scripts                                        |
|---------|------------------------------------------------------|------------------------------------------------|
| `sans`  | Noto Sans 2.015, and Noto Sans Arabic 2.012          | Latin, Greek, Cyrillic, Devanagari; Arabic     |
| `serif` | Source Serif 4.004, and Noto Sans Arabic 2.012       | Latin, Greek, Cyrillic; Arabic                 |

Text is shaped by HarfBuzz (Pillow's Raqm layout); FriBiDi, a library of the system, puts text that runs from right to
left into its order.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Literal, get_args

from PIL import ImageFont, features

Family = Literal["sans", "serif"]

_NOTO_SANS = "fontpkg_noto_sans/files/NotoSans[wdth,wght].ttf"
_NOTO_SANS_ARABIC = "fontpkg_noto_sans_arabic/files/NotoSansArabic[wdth,wght].ttf"
_SOURCE_SERIF = "fontpkg_source_serif_4/files/SourceSerif4[opsz,wght].ttf"

FAMILIES: dict[Family, tuple[str, ...]] = {
    "sans": (_NOTO_SANS, _NOTO_SANS_ARABIC),
    "serif": (_SOURCE_SERIF, _NOTO_SANS_ARABIC),
}
"""Font files of a family, as `package/path`; the first that has all letters of a text is taken."""
NAMES: tuple[Family, ...] = get_args(Family)


def truetype(file: str, size: int, weight: int) -> ImageFont.FreeTypeFont:
    """A font file of the families at `size` pixels and a `weight` between 200 and 900."""
    found = ImageFont.truetype(BytesIO(_bytes(file)), size)
    # The axes come in the order of the file; all but the weight stay where they are.
    axes = found.get_variation_axes()
    found.set_variation_by_axes([weight if axis["name"] == b"Weight" else axis["default"] or 0 for axis in axes])
    return found


@lru_cache
def can_order() -> bool:
    """Whether text that runs from right to left can be put in order here."""
    return bool(features.check("raqm") and features.check("fribidi"))


@lru_cache
def _bytes(file: str) -> bytes:
    package, _, path = file.partition("/")
    return files(package).joinpath(path).read_bytes()
