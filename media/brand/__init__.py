"""Brand: intro, outro, transitions and watermark. `brand` is the stage, the rest is what it is asked with."""

from media.brand.render import brand
from media.brand.result import BrandResult
from media.brand.spec import (
    BrandSpec,
    Card,
    ImageCard,
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
    "TitleCard",
    "Transition",
    "VideoCard",
    "Watermark",
    "brand",
    "card_from_file",
]
