"""The operations on a picture, one small file each."""

from media.image.operations.adjust import Adjust
from media.image.operations.base import Effect, Operation
from media.image.operations.blur import Blur
from media.image.operations.corners import RoundCorners
from media.image.operations.crop import Crop
from media.image.operations.flip import Flip
from media.image.operations.grayscale import Grayscale
from media.image.operations.overlay import Overlay
from media.image.operations.pad import Background, Pad
from media.image.operations.pixelate import Pixelate
from media.image.operations.region import Region
from media.image.operations.resize import Resize
from media.image.operations.rotate import Rotate
from media.image.operations.sharpen import Sharpen
from media.image.operations.text import Text

__all__ = [
    "Adjust",
    "Background",
    "Blur",
    "Crop",
    "Effect",
    "Flip",
    "Grayscale",
    "Operation",
    "Overlay",
    "Pad",
    "Pixelate",
    "Region",
    "Resize",
    "Rotate",
    "RoundCorners",
    "Sharpen",
    "Text",
]
