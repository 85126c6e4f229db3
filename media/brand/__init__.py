"""Brand: what goes around and over a video. `brand` is the stage, the rest is what it is asked with."""

from media.brand.render import brand
from media.brand.result import BrandResult
from media.brand.spec import (
    BrandSpec,
    Card,
    ImageCard,
    LowerThird,
    TitleCard,
    Transition,
    VideoCard,
    Watermark,
    card_from_file,
)

__all__ = [
    "BrandResult",
    "BrandSpec",
    "Card",
    "ImageCard",
    "LowerThird",
    "TitleCard",
    "Transition",
    "VideoCard",
    "Watermark",
    "brand",
    "card_from_file",
]
