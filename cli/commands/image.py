"""`cutwork image`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from cli import picture, work
from cli.brand import check_source
from cli.client import Json
from cli.config import Config, common_options, pass_config
from cli.download import check_target, fetch_output, output_target
from cli.progress import display

FORMATS = ("webp", "jpeg", "png", "avif", "gif")
_ENDINGS = {".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".avif": "avif", ".gif": "gif"}
_ORDER = "cutwork.order"
_NAME = "image"


class Operation(click.ParamType[Json]):
    """Text that a function makes an operation of a request."""

    def __init__(self, name: str, read: Callable[[str], Json]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        """Return the operation."""
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Ordered(click.Command):
    """A command that remembers in which order its options were typed, each time that they were."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as ever, and keep the order in the context."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


def operation(
    name: str, metavar: str, read: Callable[[str], Json], text: str, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that adds an operation each time it is given."""
    kind = Operation(metavar, read)
    return click.option(f"--{name}", f"op_{name}", metavar=metavar, type=kind, multiple=True, help=text, **more)


@click.command(cls=Ordered)
@click.argument("image", metavar="IMAGE")
@operation(
    "crop", "SHAPE", picture.crop, "Keep 16:9, 800x600, 50%x50% or 800x600+10+20; 16:9@face, @smart, @top … say where."
)
@operation(
    "resize",
    "SIZE",
    picture.resize,
    "Fit into 1600, x900 or 1600x900; 1600x900@cover fills it, @contain, @fill; @cover:face, :smart, :top … say where.",
)
@operation("rotate", "DEGREES", picture.rotate, "Turn clockwise.")
@operation("flip", "horizontal|vertical", picture.flip, "Mirror.")
@operation("brightness", "FACTOR", picture.adjust("brightness"), "1 is as it was, 1.2 brighter.")
@operation("contrast", "FACTOR", picture.adjust("contrast"), "1 is as it was, 1.2 harder.")
@operation("saturation", "FACTOR", picture.adjust("saturation"), "1 is as it was, 0 is grey.")
@operation("gamma", "FACTOR", picture.adjust("gamma"), "1 is as it was, above 1 lifts the shadows.")
@operation("sharpen", "AMOUNT", picture.sharpen, "0.8 is usual.")
@operation("blur", "RADIUS", picture.blur, "Pixels; 12@10%,10%,50%,50% blurs a region: X,Y,WIDTH,HEIGHT.")
@operation("pixelate", "BLOCK", picture.pixelate, "Pixels of a block; 16@120,80,200,100 hides a region.")
@operation("text", "TEXT", picture.words, "Write over the picture; TEXT@top-left says where (else bottom).")
@operation("overlay", "FILE", picture.overlay, "Lay an image over it; FILE@top-right says where (else bottom-right).")
@operation("pad", "LENGTH", picture.pad, "Room on all sides, in pixels or %; 5%:#ffffff gives it a colour.")
@operation("background", "COLOR", picture.background, "A colour behind what is transparent.")
@operation("round", "RADIUS", picture.corners, "Round corners, in pixels or %; 50% makes a circle of a square.")
@operation("op", "JSON", picture.any_operation, "Any operation in the API's own words, with all its options.")
@click.option("--grayscale", "op_grayscale", is_flag=True, help="Take the colours out.")
@click.option("--text-size", metavar="LENGTH", help="Height of letters, in pixels or % of the height (default 5%).")
@click.option("--text-color", metavar="COLOR", help="Of letters (default #ffffff).")
@click.option("--text-plate", metavar="COLOR", help="Behind letters; #00000080 is half transparent.")
@click.option("--overlay-width", metavar="LENGTH", help="In pixels or % of the width (default 25%).")
@click.option("--overlay-opacity", metavar="0…1", help="How much it covers (default 1).")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: what -o ends in, else webp.")
@click.option("--quality", type=click.IntRange(1, 100), help="Of webp, jpeg and avif (default 80, 82, 60).")
@click.option("--lossless", is_flag=True, help="Write webp or avif without loss.")
@click.option("--widths", metavar="W,W,…", help="One file for each width, none enlarged; they are called w400, w800 …")
@click.option("--metadata", type=click.Choice(["strip", "keep", "keep-gps"]), help="EXIF tags (default strip).")
@click.option("--profile", type=click.Choice(["srgb", "keep"]), help="Convert colours to sRGB (default) or keep them.")
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Where to write; a folder for several files, made if need be.",
)
@click.option("--detach", is_flag=True, help="Start the job and leave; `cutwork job ID --wait` comes back to it.")
@common_options
@pass_config
@click.pass_context
def image(ctx: click.Context, config: Config, /, image: str, **options: Any) -> None:
    """Edit IMAGE, a file (it is uploaded) or an asset's id, and write it in other sizes and formats.

    Operations are done in the order in which they are typed. Lengths are pixels (120) or shares (25%). JPEG, PNG, WebP,
    GIF, TIFF, BMP, AVIF and HEIC are read; animations stay animated in WebP, GIF and AVIF. Pictures are turned upright,
    colours become sRGB, and where a picture was taken is never written unless you ask for it.

    \b
    Examples:
      cutwork image photo.heic --resize 1600 -o photo.webp
      cutwork image photo.jpg --crop 16:9@smart --widths 400,800,1600 --format avif -o web/
      cutwork image photo.jpg --crop 1:1@face --resize 512 --round 50% -o avatar.png
      cutwork image photo.jpg --resize 1200x630@cover:smart -o card.jpg
      cutwork image shot.png --pixelate 16@120,80,200,100 --text "Draft@top-right" -o draft.png
      cutwork image photo.jpg --brightness 1.1 --saturation 1.2 --overlay logo.png@bottom-right -o out.jpg
      cutwork image clip.gif --resize 320 -o clip.webp
      cutwork image photo.jpg --op '{"op": "blur", "radius": 8, "region": {"width": "100%", "height": "20%"}}'
    """
    operations = _operations(ctx.meta[_ORDER], options)
    outputs = _outputs(options)
    _check(image, operations, outputs, options)
    if len(outputs) > 1 and options["output"]:
        options["output"].mkdir(parents=True, exist_ok=True)
    api, show = config.api(), display(config)
    body: Json = {"input": work.as_asset(config, api, image), "outputs": outputs}
    body["operations"] = [
        step | {"asset": work.as_asset(config, api, step["asset"])} if "asset" in step else step for step in operations
    ]
    if options["profile"]:
        body["profile"] = options["profile"]
    job = api.create("/v1/jobs/image", body)
    if options["detach"]:
        config.say(f"{job['id']} is on its way. Come back to it: cutwork job {job['id']} --wait")
        config.print_json(job) if config.json else config.out.print(job["id"], markup=False)
        return
    job = work.see_through(config, api, job)
    written = []
    for output in job["outputs"] if options["output"] else []:
        target = output_target(output, options["output"]) if options["output"].is_dir() else options["output"]
        fetch_output(output, target, display=show)
        written.append((output["name"], target))
    work.print_job(config, job, written)


def _operations(order: Sequence[str], options: dict[str, Any]) -> list[Json]:
    """The operations as typed: click collects each option's values, `order` says how they were mixed."""
    grey = [picture.grayscale()] if options["op_grayscale"] else []
    left = {name: list(values) for name, values in (options | {"op_grayscale": grey}).items() if name.startswith("op_")}
    found = [left[name].pop(0) for name in order if left.get(name)]
    extras = {
        "text": {"size": options["text_size"], "color": options["text_color"], "plate": options["text_plate"]},
        "overlay": {"width": options["overlay_width"], "opacity": options["overlay_opacity"]},
    }
    return [
        step | {name: value for name, value in extras.get(step["op"], {}).items() if value is not None}
        for step in found
    ]


def _outputs(options: dict[str, Any]) -> list[Json]:
    target: Path | None = options["output"]
    ending = _ENDINGS.get(target.suffix.lower()) if target and not target.is_dir() else None
    made: Json = {"name": _NAME, "format": options["format_"] or ending or "webp"}
    made |= {name: options[name] for name in ("quality", "metadata") if options[name]}
    made |= {"lossless": True} if options["lossless"] else {}
    if options["widths"] is None:
        return [made]
    widths = [part.strip() for part in options["widths"].split(",")]
    if not all(width.isdecimal() and int(width) for width in widths):
        raise click.UsageError(f"--widths {options['widths']!r}: write whole numbers, as 400,800,1600")
    return [made | {"name": f"w{int(width)}", "width": int(width)} for width in dict.fromkeys(widths)]


def _check(image: str, operations: Sequence[Json], outputs: Sequence[Json], options: dict[str, Any]) -> None:
    check_source(image)
    for step in operations:
        if "asset" in step:
            check_source(step["asset"])
    target: Path | None = options["output"]
    if options["detach"] and target:
        raise click.UsageError("--detach does not wait for a file to write: leave -o out")
    if target is None or target.is_dir():
        return
    if len(outputs) > 1 and (target.exists() or target.suffix):
        raise click.UsageError(f"{target} is no folder; several files need one")
    if len(outputs) > 1:
        return
    if target.suffix.lower() not in _ENDINGS and not options["format_"]:
        raise click.UsageError(f"{target}: say which --format to write, or end the name in {', '.join(_ENDINGS)}")
    check_target(target)
