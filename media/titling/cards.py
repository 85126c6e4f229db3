"""Templates of titles that fill the picture: for intros and outros of any shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from media.lettering import Block, reads_left
from media.titling.look import Look, Surface
from media.titling.scene import Element, Scene, Way, mirrored
from media.titling.setting import SAFE, Pair, cleaned, fit_pair, plate

CardTemplate = Literal["plain", "center", "bar", "split", "frame", "band"]
CARD_TEMPLATES: tuple[CardTemplate, ...] = get_args(CardTemplate)

_LOGO = Fraction(16, 100)
_OPENS = Fraction(4, 10)
"""How long plates take to open: what stands on them comes when they have."""


def card(
    template: CardTemplate, title: str, subtitle: str, look: Look, *, size: tuple[int, int], duration: Fraction
) -> Scene:
    """Lay out a card of `size` (width, height) square pixels that lasts `duration` seconds.

    Raises:
        InputError: empty_title; unsupported_text (characters that the fonts lack); text_too_long (it does not fit even
            at the smallest size).
    """
    heading, below = cleaned(title, subtitle, look.family)
    page = _Page(size, look, reads_left(heading))
    elements = _TEMPLATES[template](page, heading, below)
    if page.mirrored:
        elements = mirrored(elements, size[0])
    settled = max(element.begin + element.length for element in elements)
    return Scene(size, look.background, elements, pace=min(Fraction(1), duration / (3 * settled)))


@dataclass(frozen=True, slots=True)
class _Page(Surface):
    """What templates lay out: `left` … `height` is the safe area."""

    @property
    def left(self) -> int:
        return round(self.size[0] * SAFE)

    @property
    def top(self) -> int:
        return round(self.size[1] * SAFE)

    @property
    def width(self) -> int:
        return round(self.size[0] * (1 - 2 * SAFE))

    @property
    def height(self) -> int:
        return round(self.size[1] * (1 - 2 * SAFE))

    @property
    def thick(self) -> int:
        """Of a rule."""
        return max(2, round(self.short * Fraction(8, 1000)))

    @property
    def logo_height(self) -> int:
        """With the room below it; nothing without a logo."""
        return 0 if self.look.logo is None else round(self.short * _LOGO * Fraction(3, 2))

    def fit(self, heading: str, below: str, width: int, height: int) -> Pair:
        """Set both in a room."""
        return fit_pair(heading, below, room=(width, height), short=self.short, family=self.look.family)

    def logo(self, x: int, y: int, *, begin: Fraction = Fraction(0), centred: bool = False) -> list[Element]:
        """The logo with its left upper corner, or the middle of its upper side, at (x, y)."""
        picture = self.mark(self.look.background, width=self.width, height=round(self.short * _LOGO))
        if picture is None:
            return []
        return [Element(picture, x - picture.width // 2 if centred else x, y, begin)]

    def title(self, block: Block, x: int, y: int, begin: Fraction, way: Way = "fade", **options: Any) -> Element:
        """A title with its left upper corner at (x, y), on the background; `options` are of the element."""
        picture = self.words(block, self.look.background, align=self.flush)
        return Element(picture, x, y, begin, way, travel=_travel(block), **options)

    def subtitle(
        self, block: Block | None, x: int, y: int, begin: Fraction, way: Way = "fade", **options: Any
    ) -> list[Element]:
        """What stands below it, a little softer; nothing for none."""
        if block is None:
            return []
        picture = self.words(block, self.look.background, align=self.flush, soft=True)
        return [Element(picture, x, y, begin, way, travel=_travel(block), **options)]

    def centred(self, block: Block | None, y: int, begin: Fraction, way: Way = "fade", *, soft: bool) -> list[Element]:
        """Text in the middle; nothing for none."""
        if block is None:
            return []
        picture = self.words(block, self.look.background, align="center", soft=soft)
        return [Element(picture, (self.size[0] - block.width) // 2, y, begin, way, travel=_travel(block))]


def _travel(block: Block) -> int:
    """By the letters, not by the lines: a quarter of their size is less than the gap below them."""
    return max(block.size // 4, 2)


def _plain(page: _Page, heading: str, below: str) -> list[Element]:
    """Flush left, with a short rule that grows between title and subtitle."""
    upper, lower = page.fit(heading, below, page.width, page.height - page.logo_height)
    gap = max(3, upper.size // 3)
    total = page.logo_height + upper.height + gap + page.thick + (gap + lower.height if lower else 0)
    top = (page.size[1] - total) // 2
    head = top + page.logo_height
    rule = head + upper.height + gap
    return [
        *page.logo(page.left, top),
        Element(plate(max(upper.size * 3 // 2, 8), page.thick, page.look.accent), page.left, rule, way="across"),
        page.title(upper, page.left, head, Fraction(15, 100)),
        *page.subtitle(lower, page.left, rule + page.thick + gap, Fraction(4, 10)),
    ]


def _center(page: _Page, heading: str, below: str) -> list[Element]:
    """In the middle; the title rises, and a rule opens from its middle."""
    upper, lower = page.fit(heading, below, page.width, page.height - page.logo_height)
    gap = max(3, upper.size // 3)
    total = page.logo_height + upper.height + gap + page.thick + (gap + lower.height if lower else 0)
    middle, top = page.size[0] // 2, (page.size[1] - total) // 2
    head = top + page.logo_height
    rule, wide = head + upper.height + gap, max(upper.size * 2, 8)
    return [
        *page.logo(middle, top, centred=True),
        *page.centred(upper, head, Fraction(1, 10), "rise", soft=False),
        Element(plate(wide, page.thick, page.look.accent), middle - wide // 2, rule, Fraction(3, 10), "middle"),
        *page.centred(lower, rule + page.thick + gap, Fraction(5, 10), "rise", soft=True),
    ]


def _bar(page: _Page, heading: str, below: str) -> list[Element]:
    """A bar grows downwards, and the text comes out from behind it."""
    wide = max(page.thick * 2, 4)
    inset = wide + page.short // 20
    upper, lower = page.fit(heading, below, page.width - inset, page.height - page.logo_height)
    gap = max(2, upper.size // 4)
    total = page.logo_height + upper.height + (gap + lower.height if lower else 0)
    top, x = (page.size[1] - total) // 2, page.left + inset
    head = top + page.logo_height
    beside = page.left + wide, 0, *page.size
    return [
        Element(plate(wide, total, page.look.accent), page.left, top, way="down", length=_OPENS),
        *page.logo(x, top, begin=Fraction(1, 10)),
        page.title(upper, x, head, Fraction(35, 100), "left", clip=beside),
        *page.subtitle(lower, x, head + upper.height + gap, Fraction(5, 10), "left", clip=beside),
    ]


def _split(page: _Page, heading: str, below: str) -> list[Element]:
    """A panel in the accent colour beside the text, above it on high pictures; the logo stands on the panel."""
    wide, high = page.size
    beside = wide >= high
    panel = (round(wide * Fraction(34, 100)), high) if beside else (wide, round(high * Fraction(34, 100)))
    pad = page.left if beside else page.top
    left = panel[0] + pad if beside else page.left
    room = (wide - left - page.left, page.height if beside else high - panel[1] - 2 * pad)
    upper, lower = page.fit(heading, below, *room)
    gap = max(3, upper.size // 3)
    total = upper.height + (gap + lower.height if lower else 0)
    top = (high - total) // 2 if beside else panel[1] + (high - panel[1] - total) // 2
    elements = [Element(plate(*panel, page.look.accent), 0, 0, way="down" if beside else "across", length=_OPENS)]
    mark = page.mark(page.look.accent, width=panel[0] * 3 // 5, height=panel[1] * 2 // 5)
    if mark is not None:
        at = (panel[0] - mark.width) // 2, (panel[1] - mark.height) // 2
        elements.append(Element(mark, *at, _OPENS))
    return [
        *elements,
        page.title(upper, left, top, Fraction(3, 10), "rise"),
        *page.subtitle(lower, left, top + upper.height + gap, Fraction(45, 100), "rise"),
    ]


def _frame(page: _Page, heading: str, below: str) -> list[Element]:
    """A frame draws itself along the safe area; the text comes up in the middle."""
    inset = page.short // 12
    upper, lower = page.fit(heading, below, page.width - 2 * inset, page.height - 2 * inset - page.logo_height)
    gap = max(3, upper.size // 3)
    total = page.logo_height + upper.height + (gap + lower.height if lower else 0)
    middle, top = page.size[0] // 2, (page.size[1] - total) // 2
    head = top + page.logo_height
    across, along = plate(page.width, page.thick, page.look.accent), plate(page.thick, page.height, page.look.accent)
    right, bottom = page.left + page.width - page.thick, page.top + page.height - page.thick
    return [
        Element(across, page.left, page.top, way="across"),
        Element(along, right, page.top, Fraction(2, 10), "down"),
        Element(along, page.left, page.top, way="down"),
        Element(across, page.left, bottom, Fraction(2, 10), "across"),
        *page.logo(middle, top, begin=Fraction(3, 10), centred=True),
        *page.centred(upper, head, Fraction(4, 10), soft=False),
        *page.centred(lower, head + upper.height + gap, Fraction(55, 100), soft=True),
    ]


def _band(page: _Page, heading: str, below: str) -> list[Element]:
    """A band in the accent colour goes across, the title on it, the subtitle below."""
    upper, lower = page.fit(heading, below, page.width, page.height - page.logo_height)
    pad = upper.size // 2
    gap = max(3, upper.size // 3)
    high = upper.height + 2 * pad
    total = page.logo_height + high + (gap + lower.height if lower else 0)
    top = max((page.size[1] - total) // 2, 0)
    band = top + page.logo_height
    words = page.words(upper, page.look.accent, align=page.flush)
    return [
        Element(plate(page.size[0], high, page.look.accent), 0, band, way="across", length=_OPENS),
        *page.logo(page.left, top, begin=Fraction(2, 10)),
        Element(words, page.left, band + pad, _OPENS, "left", travel=_travel(upper)),
        *page.subtitle(lower, page.left, band + high + gap, Fraction(5, 10), "left"),
    ]


_TEMPLATES: dict[CardTemplate, Callable[[_Page, str, str], list[Element]]] = {
    "plain": _plain,
    "center": _center,
    "bar": _bar,
    "split": _split,
    "frame": _frame,
    "band": _band,
}
