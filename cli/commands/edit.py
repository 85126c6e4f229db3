"""`cutwork edit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import work
from cli.brand import Brand, LowerThird, check_source, is_address
from cli.brand_options import brand_options, read_brand
from cli.client import Json
from cli.config import Config, common_options, pass_config
from cli.download import check_target
from cli.progress import display
from cli.times import parse_range


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
@brand_options
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
@click.option(
    "--mode",
    type=click.Choice(["smart", "exact", "copy"]),
    help="smart copies what it can and encodes the edges (default), exact encodes all, copy snaps to keyframes.",
)
@click.option("--no-preview", is_flag=True, help="Make no preview, and nothing that stands beside it.")
@click.option(
    "--hls",
    metavar="SIZES",
    is_flag=False,
    flag_value="",
    help="Make the result a stream too, in sizes such as 360,720 or in the usual ones.",
)
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
    if options["hls"] is not None:
        body["hls"] = {"ladder": _sizes(options["hls"])} if options["hls"] else True
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


def _sizes(text: str) -> list[int]:
    """Read `360,720`; raises click.UsageError."""
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--hls {text}: write the sizes as 360,720") from None


def _brand(options: dict[str, Any]) -> Brand | None:
    """Read the branding options; raises click.UsageError when they contradict each other."""
    loudness = None if options["loudness"] is None else int(options["loudness"])
    brand = read_brand(options, kit=options["kit"], lower_thirds=options["lower_third"], loudness=loudness)
    if brand.transition and not (brand.intro or brand.outro or brand.kit):
        raise click.UsageError("--transition needs --intro or --outro to go over to")
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
