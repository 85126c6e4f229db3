"""What will be made of an image, settled before a pixel is decoded: every size, and how small it may be decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from media.errors import InputError
from media.image import encode
from media.image.decode import ImageFile, too_many_pixels
from media.image.focus import LOOKED_AT
from media.image.operations import Crop, Flip, Operation, Resize, Rotate
from media.types import Limits

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file to make: `resize` comes after all operations; without one it has their size."""

    name: str
    encoding: encode.Encoding = field(default_factory=encode.Encoding)
    resize: Resize | None = None
    metadata: encode.Metadata = "strip"

    @property
    def filename(self) -> str:
        """The file's name in the folder."""
        return f"{self.name}.{encode.EXTENSIONS[self.encoding.format]}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps with their sizes made exact. `scale` is the share of its size below which the source must not be
    decoded; `moves` says whether all frames of an animation are needed."""

    operations: Sequence[Operation]
    outputs: Sequence[Output]
    scale: Fraction
    moves: bool


def make_plan(file: ImageFile, operations: Sequence[Operation], outputs: Sequence[Output], limits: Limits) -> Plan:
    """Settle what will be made.

    Raises:
        InputError: too_many_pixels (of a picture on the way, or of all frames of an output), region_outside.
    """
    size, whole = (file.width, file.height), Fraction(1)
    steps: list[Operation] = []
    scale: Fraction | None = None
    for operation in operations:
        if isinstance(operation, Resize):
            scale = operation.scale(*size) if scale is None else scale
            steps.append(_exact(operation, size))
        else:
            # Only what means the same on a smaller picture may come before the resize that decides.
            scale = scale if _is_scale_free(operation) else scale or whole
            steps.append(operation)
        size = _checked(operation.size(*size), limits)
    if scale is None:
        scale = max(output.resize.scale(*size) if output.resize else whole for output in outputs)
    if any(getattr(step, "gravity", None) == "face" for step in (*operations, *(one.resize for one in outputs))):
        # Faces are looked for on a picture of that size, if the source has it.
        scale = max(scale, min(whole, Fraction(LOOKED_AT, max(file.width, file.height))))
    finals = [_exact_output(output, size) for output in outputs]
    for output in finals:
        _check_output(file, output, size, limits)
    moves = file.animated and any(output.encoding.format in encode.ANIMATES for output in outputs)
    return Plan(steps, finals, scale, moves)


def _exact(resize: Resize, size: Size) -> Resize:
    """The same with its size said outright: of a source that is decoded smaller it might come out a pixel off."""
    if resize.width and resize.height and resize.fit != "inside":
        return resize
    width, height = resize.size(*size)
    return Resize(width=width, height=height, fit="fill", upscale=True)


def _exact_output(output: Output, size: Size) -> Output:
    return replace(output, resize=_exact(output.resize, size)) if output.resize else output


def _check_output(file: ImageFile, output: Output, size: Size, limits: Limits) -> None:
    made = _checked(output.resize.size(*size), limits) if output.resize else size
    frames = file.frames if output.encoding.format in encode.ANIMATES else 1
    if frames > 1 and frames * made[0] * made[1] > limits.max_animation_pixels:
        raise InputError("too_many_pixels", f"All frames of {output.name} together would have too many pixels.")


def _checked(size: Size, limits: Limits) -> Size:
    if size[0] * size[1] > limits.max_image_pixels:
        raise too_many_pixels(limits)
    return size


def _is_scale_free(operation: Operation) -> bool:
    right_angle = isinstance(operation, Rotate) and operation.angle % 90 == 0
    return right_angle or isinstance(operation, Flip) or (isinstance(operation, Crop) and operation.aspect is not None)
