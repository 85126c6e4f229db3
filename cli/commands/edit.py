"""`cutwork edit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import work
from cli.brand import Brand, LowerThird, Seconds, check_source, is_address
from cli.client import Json
from cli.config import Config, common_options, pass_config
from cli.download import check_target
from cli.progress import display
from cli.times import parse_range

POSITIONS = ("top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right")
TRANSITIONS = ("cut", "dissolve", "fade", "wipe", "slide", "crossfade")
DIRECTIONS = ("left", "right", "up", "down")
TEMPLATES = ("plain", "center", "bar", "split", "frame", "band")
LOOK = ("template", "background", "color", "accent", "font")
WATERMARK = ("position", "opacity", "width", "margin", "margin_y", "start", "end", "fade_in", "fade_out")


class Keep(click.ParamType[Json]):
    """A range to keep, as `{"start", "end"}`."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        """Return the range of `START-END`."""
        try:
            return parse_range(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("video", metavar="VIDEO")
@click.option(
    "--keep",
    metavar="START-END",
    type=Keep(),
    multiple=True,
    required=True,
    help="What to keep; may come several times, in the order of the result.",
)
@click.option("--intro", metavar="FILE|text:TITLE", help="Clip, image or drawn title before the video.")
@click.option("--intro-title", metavar="TEXT", help="The same as --intro text:TEXT.")
@click.option("--outro", metavar="FILE|text:TITLE", help="Clip, image or drawn title after the video.")
@click.option("--outro-title", metavar="TEXT", help="The same as --outro text:TEXT.")
@click.option("--card-duration", metavar="TIME", type=Seconds(), help="How long an image or a title stays (default 4).")
@click.option("--title-template", type=click.Choice(TEMPLATES), help="How drawn titles are laid out (default plain).")
@click.option("--title-background", metavar="#RRGGBB", help="Ground of drawn titles and lower thirds.")
@click.option("--title-color", metavar="#RRGGBB", help="Colour of their text.")
@click.option("--title-accent", metavar="#RRGGBB", help="Colour of their rules, bars and bands.")
@click.option("--title-font", type=click.Choice(["sans", "serif"]), help="Their font (default sans).")
@click.option("--logo", metavar="FILE", help="Image that stands on drawn titles and lower thirds.")
@click.option(
    "--lower-third",
    metavar="START-END=NAME|ROLE",
    type=LowerThird(),
    multiple=True,
    help="Name over the picture for a while, in the time of the cut; may come several times.",
)
@click.option("--loudness", type=click.Choice(["-14", "-16", "-23"]), help="LUFS to bring the sound to (EBU R 128).")
@click.option("--kit", metavar="KIT", help="Brand kit (kit_…) that says what is left open.")
@click.option("--title", metavar="TEXT", help="The result's title: names the download, and comes back with the job.")
@click.option("--watermark", metavar="FILE", help="Image over the video.")
@click.option("--watermark-position", type=click.Choice(POSITIONS), help="Where it stands (default top-right).")
@click.option("--watermark-opacity", metavar="0…1", help="How much it covers (default 0.8).")
@click.option("--watermark-width", metavar="0…1", help="Its width, as a share of the picture's (default 0.12).")
@click.option("--watermark-margin", metavar="0…1", help="Room beside it, as a share of the width (default 0.03).")
@click.option("--watermark-margin-y", metavar="0…1", help="Room above or below it, if that is another.")
@click.option("--watermark-start", metavar="TIME", type=Seconds(), help="When it appears, in the cut without intro.")
@click.option("--watermark-end", metavar="TIME", type=Seconds(), help="When it goes (default: at the end).")
@click.option("--watermark-fade-in", metavar="TIME", type=Seconds(), help="How long it takes to appear (default 0).")
@click.option("--watermark-fade-out", metavar="TIME", type=Seconds(), help="How long it takes to go (default 0).")
@click.option("--transition", type=click.Choice(TRANSITIONS), help="How intro, video and outro meet.")
@click.option("--transition-duration", metavar="TIME", type=Seconds(), help="How long they meet (default 0.5).")
@click.option("--transition-direction", type=click.Choice(DIRECTIONS), help="Where a wipe or slide moves (left).")
@click.option(
    "--mode",
    type=click.Choice(["smart", "exact", "copy"]),
    help="smart copies what it can and encodes the edges (default), exact encodes all, copy snaps to keyframes.",
)
@click.option("--no-preview", is_flag=True, help="Make no preview, poster and sprite sheet.")
@click.option("--no-brand", is_flag=True, help="Leave intro, outro and watermark out, even when they are given.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to write the video.")
@click.option("--previews", metavar="DIR", type=click.Path(path_type=Path), help="Where to write the previews.")
@click.option("--webhook-url", metavar="URL", help="Address that is told when the job ends (see `cutwork webhooks`).")
@click.option("--detach", is_flag=True, help="Start the job and leave; `cutwork job ID --wait` comes back to it.")
@common_options
@pass_config
def edit(config: Config, /, video: str, keep: tuple[Json, ...], **options: Any) -> None:
    """Cut, brand, preview and publish VIDEO: a file (it is uploaded), an asset's id, or a URL (the server fetches it).

    Ranges are half-open: the frame at START is in, the frame at END is not. Times are seconds or a clock. Files are
    uploaded once; the same edit again is answered from cache.

    \b
    Examples:
      cutwork edit lecture.mp4 --keep 15:00-45:00 -o cut.mp4
      cutwork edit lecture.mp4 --keep 0-2:30 --keep 1:02:03.5- -o cut.mp4
      cutwork edit lecture.mp4 --keep 900- --intro "text:Linear algebra|Lecture 7" \\
          --outro outro.mp4 --transition crossfade --watermark logo.png -o cut.mp4
      cutwork edit https://example.com/lecture.mp4 --keep 15:00-45:00 -o cut.mp4
      cutwork edit ast_01k9x3… --keep 15:00-45:00 --detach --json
    """
    brand = _brand(options)
    _check(video, brand, options)
    api, show = config.api(), display(config)
    body: Json = {"input": work.as_input(config, api, video), "keep": list(keep), "preview": not options["no_preview"]}
    if brand is not None:
        body["brand"] = brand.document(lambda source: work.as_asset(config, api, source))
    if options["mode"]:
        body["mode"] = options["mode"]
    if options["webhook_url"]:
        body["webhook_url"] = options["webhook_url"]
    if options["title"]:
        body["filename"] = f"{options['title'].replace('/', '-')}.mp4"
        body["metadata"] = {"title": options["title"]}
    job = api.create("/v1/jobs/edit", body)
    if options["detach"]:
        config.say(f"{job['id']} is on its way. Come back to it: cutwork job {job['id']} --wait")
        _print_started(config, job)
        return
    job = work.see_through(config, api, job)
    written = work.fetch_video(job, options["output"], show) if options["output"] else []
    if options["previews"]:
        written += work.fetch_previews(job, options["previews"], show)
    work.print_job(config, job, written)


def _brand(options: dict[str, Any]) -> Brand | None:
    """Read the branding options; raises click.UsageError when they contradict each other."""
    sources = {}
    for name in ("intro", "outro"):
        if options[name] and options[f"{name}_title"]:
            raise click.UsageError(f"--{name} and --{name}-title say the same thing twice; give one of them")
        title = options[f"{name}_title"]
        sources[name] = f"text:{title}" if title else options[name]
    brand = Brand(
        **sources,
        card_duration=options["card_duration"],
        watermark=options["watermark"],
        watermark_options={name: options[f"watermark_{name}"] for name in WATERMARK},
        transition=options["transition"],
        transition_duration=options["transition_duration"],
        transition_direction=options["transition_direction"],
        kit=options["kit"],
        logo=options["logo"],
        look={name: options[f"title_{name}"] for name in LOOK},
        lower_thirds=options["lower_third"],
        loudness=None if options["loudness"] is None else int(options["loudness"]),
    )
    brand.check()
    return None if options["no_brand"] else brand


def _check(video: str, brand: Brand | None, options: dict[str, Any]) -> None:
    if not is_address(video):
        check_source(video)
    if brand is None and options["transition"]:
        raise click.UsageError("--transition has nothing to go over to with --no-brand")
    if options["detach"] and (options["output"] or options["previews"]):
        raise click.UsageError("--detach does not wait for a video to write: leave -o and --previews out")
    if options["previews"] and options["no_preview"]:
        raise click.UsageError("--previews and --no-preview contradict each other")
    if options["output"]:
        check_target(options["output"])


def _print_started(config: Config, job: Json) -> None:
    if config.json:
        config.print_json(job)
    else:
        config.out.print(job["id"], markup=False)
