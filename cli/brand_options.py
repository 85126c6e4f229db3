"""The options that say how a film looks: those of an edit and of a brand kit are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cli.brand import Brand, Seconds
from cli.config import Command

POSITIONS = ("top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right")
TRANSITIONS = ("cut", "dissolve", "fade", "wipe", "slide", "crossfade")
DIRECTIONS = ("left", "right", "up", "down")
TEMPLATES = ("plain", "center", "bar", "split", "frame", "band")
LOOK = ("template", "background", "color", "accent", "font")
WATERMARK = ("position", "opacity", "width", "margin", "margin_y", "start", "end", "fade_in", "fade_out")

_OPTIONS = (
    click.option("--intro", metavar="FILE|text:TITLE", help="Clip, image or drawn title before the video."),
    click.option("--intro-title", metavar="TEXT", help="The same as --intro text:TEXT."),
    click.option("--outro", metavar="FILE|text:TITLE", help="Clip, image or drawn title after the video."),
    click.option("--outro-title", metavar="TEXT", help="The same as --outro text:TEXT."),
    click.option(
        "--card-duration", metavar="TIME", type=Seconds(), help="How long an image or a title stays (default 4)."
    ),
    click.option(
        "--title-template", type=click.Choice(TEMPLATES), help="How drawn titles are laid out (default plain)."
    ),
    click.option("--title-background", metavar="#RRGGBB", help="Ground of drawn titles and lower thirds."),
    click.option("--title-color", metavar="#RRGGBB", help="Colour of their text."),
    click.option("--title-accent", metavar="#RRGGBB", help="Colour of their rules, bars and bands."),
    click.option("--title-font", type=click.Choice(["sans", "serif"]), help="Their font (default sans)."),
    click.option("--logo", metavar="FILE", help="Image that stands on drawn titles and lower thirds."),
    click.option("--watermark", metavar="FILE", help="Image over the video."),
    click.option("--watermark-position", type=click.Choice(POSITIONS), help="Where it stands (default top-right)."),
    click.option("--watermark-opacity", metavar="0…1", help="How much it covers (default 0.8)."),
    click.option("--watermark-width", metavar="0…1", help="Its width, as a share of the picture's (default 0.12)."),
    click.option("--watermark-margin", metavar="0…1", help="Room beside it, as a share of the width (default 0.03)."),
    click.option("--watermark-margin-y", metavar="0…1", help="Room above or below it, if that is another."),
    click.option(
        "--watermark-start", metavar="TIME", type=Seconds(), help="When it appears, in the cut without intro."
    ),
    click.option("--watermark-end", metavar="TIME", type=Seconds(), help="When it goes (default: at the end)."),
    click.option(
        "--watermark-fade-in", metavar="TIME", type=Seconds(), help="How long it takes to appear (default 0)."
    ),
    click.option("--watermark-fade-out", metavar="TIME", type=Seconds(), help="How long it takes to go (default 0)."),
    click.option("--transition", type=click.Choice(TRANSITIONS), help="How intro, video and outro meet."),
    click.option("--transition-duration", metavar="TIME", type=Seconds(), help="How long they meet (default 0.5)."),
    click.option("--transition-direction", type=click.Choice(DIRECTIONS), help="Where a wipe or slide moves (left)."),
)


def brand_options(command: Command) -> Command:
    """Add the options, in the order in which `--help` shows them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_brand(options: Mapping[str, Any], **more: Any) -> Brand:
    """Read them, and `more` of the brand; raises click.UsageError when they contradict each other."""
    sources: dict[str, Any] = {}
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
        logo=options["logo"],
        look={name: options[f"title_{name}"] for name in LOOK},
        **more,
    )
    brand.check()
    return brand
