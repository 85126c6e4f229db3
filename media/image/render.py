"""From one image to several: decode, operate, then size and write each output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from media.image import encode
from media.image.colour import Profile
from media.image.decode import Frame, ImageFile, open_image
from media.image.operations import Effect, Operation
from media.image.plan import Output, Plan, make_plan
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, no_progress


@dataclass(frozen=True, slots=True)
class Made:
    """A file, and its facts as JSON."""

    path: Path
    media: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What was made, by the outputs' names."""

    files: dict[str, Made]
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON: `{"outputs": {name: media}}`."""
        return {"outputs": {name: made.media for name, made in self.files.items()}}


def render(
    source: BinaryIO,
    folder: Path,
    outputs: Sequence[Output],
    operations: Sequence[Operation] = (),
    *,
    profile: Profile = "srgb",
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = no_progress,
) -> ImageResult:
    """Apply the operations in their order, and write every output into `folder`.

    Colours are worked on in sRGB, or as they are with `profile="keep"`, where each output then carries the profile.

    Raises:
        InputError: as `open_image` and `ImageFile.still`; region_outside, unsupported_text, text_too_large,
            too_large_for_format; too_many_pixels also for what an operation or output would make.
    """
    file = open_image(source, limits)
    plan = make_plan(file, operations, outputs, limits)
    notices = Notices()
    rendering = _Rendering(file, plan, profile, notices)
    shared = None if plan.moves else rendering.still()
    files = {}
    for number, output in enumerate(plan.outputs):
        frames = _animation(rendering, output) if shared is None else [_sized(shared, output, notices)]
        if file.animated and len(frames) == 1:
            notices.add("first_frame_only", f"{output.encoding.format} does not move: it shows the first frame.")
        path = folder / output.filename
        exif = encode.kept(file.exif, output.metadata)
        encode.write(path, frames, output.encoding, exif=exif, loop=file.loop)
        files[output.name] = Made(path, _facts(path, frames, output.encoding.format))
        on_progress(Fraction(number + 1, len(outputs)))
    return ImageResult(files, tuple(notices))


class _Rendering:
    """The operations on one image; a still is worked on once for all outputs, an animation anew for each, since all
    its frames at once would need too much memory."""

    def __init__(self, file: ImageFile, plan: Plan, profile: Profile, notices: Notices) -> None:
        self._file = file
        self._plan = plan
        self._profile: Profile = profile
        self._notices = notices

    def still(self) -> Frame:
        frame = self._file.still(profile=self._profile, scale=self._plan.scale, notices=self._notices)
        return next(apply(iter([frame]), self._plan.operations, self._notices))

    def frames(self, output: Output) -> Iterator[Frame]:
        steps = [*self._plan.operations, output.resize] if output.resize else self._plan.operations
        return apply(self._file.moments(profile=self._profile, notices=self._notices), steps, self._notices)


def apply(frames: Iterator[Frame], operations: Sequence[Operation], notices: Notices) -> Iterator[Frame]:
    """Each frame after all operations, whose effects are made from the first."""
    effects: list[Effect] = []
    for number, frame in enumerate(frames):
        image = frame.image
        for place, operation in enumerate(operations):
            if number == 0:
                effects.append(operation.effect(image, notices))
            image = effects[place](image)
        yield replace(frame, image=image)


def _animation(rendering: _Rendering, output: Output) -> list[Frame]:
    frames = rendering.frames(output)
    return list(frames) if output.encoding.format in encode.ANIMATES else [next(frames)]


def _sized(frame: Frame, output: Output, notices: Notices) -> Frame:
    return next(apply(iter([frame]), [output.resize], notices)) if output.resize else frame


def _facts(path: Path, frames: Sequence[Frame], format_: str) -> dict[str, Any]:
    image: Image.Image = frames[0].image
    return {
        "kind": "image",
        "container": format_,
        "size": path.stat().st_size,
        "width": image.width,
        "height": image.height,
        "frames": _written(path) if len(frames) > 1 else 1,
    }


def _written(path: Path) -> int:
    """How many frames a file has: writers make one of those that are the same, and GIF leaves out the shortest."""
    with Image.open(path) as made:
        return int(getattr(made, "n_frames", 1))


def decode_overlay(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """The picture of an `Overlay`: the first frame of an image, in sRGB.

    Raises:
        InputError: as `open_image` and `ImageFile.still`.
    """
    return open_image(source, limits).still().image
