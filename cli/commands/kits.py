"""`cutwork kits`: how an account's films look, under a name."""

from __future__ import annotations

from typing import Any

import click

from cli import tables, work
from cli.brand import TITLE, Brand
from cli.brand_options import brand_options, read_brand
from cli.client import Json
from cli.config import Config, common_options, pass_config

_OF_THE_SERVER = {"id", "created_at", "updated_at"}


@click.group()
def kits() -> None:
    """Keep how films look (logo, cards, colours, watermark) under a name; edits take it by --kit.

    What an edit says itself goes before what its kit says. Changes of a kit touch only edits that are started later.

    \b
    Examples:
      cutwork kits create House --logo logo.png --title-accent "#f07838" --title-font serif
      cutwork kits create Course --intro "text:Linear algebra" --title-template band \\
          --transition dissolve --watermark logo.png --watermark-position bottom-right
      cutwork kits list
      cutwork kits update kit_01k9x3… --outro outro.mp4 --without watermark
      cutwork edit lecture.mp4 --keep 15:00-45:00 --kit kit_01k9x3… -o cut.mp4
    """


@kits.command("list")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@common_options
@pass_config
def list_kits(config: Config, limit: int) -> None:
    """List brand kits, newest first."""
    found = config.api().pages("/v1/brand-kits", limit)
    if config.json:
        config.print_json({"data": found})
    elif found:
        config.out.print(tables.kits(found))
    else:
        config.say("No brand kits yet. Create one: cutwork kits create House --logo logo.png")


@kits.command()
@click.argument("kit_id", metavar="KIT")
@common_options
@pass_config
def show(config: Config, kit_id: str) -> None:
    """Show a brand kit with all that it says."""
    _show(config, config.api().get(f"/v1/brand-kits/{kit_id}"))


@kits.command()
@click.argument("name")
@brand_options
@common_options
@pass_config
def create(config: Config, /, name: str, **options: Any) -> None:
    """Create a brand kit called NAME; the options are those of `cutwork edit`.

    Files are uploaded and become assets of yours; an asset's id (ast_…) may stand in their place.

    \b
    Example:
      cutwork kits create House --logo logo.png --intro "text:Algebra|Lecture 7" --title-accent "#f07838"
    """
    brand = _brand(options)
    api = config.api()
    document = brand.kit_document(lambda source: work.as_asset(config, api, source))
    _show(config, api.create("/v1/brand-kits", {"name": name, **document}))


@kits.command()
@click.argument("kit_id", metavar="KIT")
@click.option("--name", metavar="TEXT", help="What it is called from now on.")
@click.option(
    "--without", type=click.Choice(tables.KIT_PARTS), multiple=True, help="Leave this out; may come several times."
)
@brand_options
@common_options
@pass_config
def update(config: Config, /, kit_id: str, name: str | None, without: tuple[str, ...], **options: Any) -> None:
    """Change a brand kit; what is not named stays, and what is named is replaced as a whole.

    \b
    Examples:
      cutwork kits update kit_01k9x3… --title-accent "#2060c0"
      cutwork kits update kit_01k9x3… --name "House, dark" --title-background "#000000" --without watermark
    """
    brand = _brand(options)
    api = config.api()
    known = api.get(f"/v1/brand-kits/{kit_id}")
    kept = {part: value for part, value in known.items() if part not in _OF_THE_SERVER and part not in without}
    said = brand.kit_document(lambda source: work.as_asset(config, api, source))
    both = sorted(set(said) & set(without))
    if both:
        raise click.UsageError(f"{both[0]} is both given and left out")
    _show(config, api.put(f"/v1/brand-kits/{kit_id}", kept | said | ({"name": name} if name else {})))


@kits.command()
@click.argument("kit_id", metavar="KIT")
@common_options
@pass_config
def delete(config: Config, kit_id: str) -> None:
    """Delete a brand kit; its assets stay, and edits that were started keep what they had."""
    config.api().delete(f"/v1/brand-kits/{kit_id}")
    if config.json:
        config.print_json({"id": kit_id, "deleted": True})
    else:
        config.out.print(f"{kit_id} is deleted.", markup=False)


def _brand(options: dict[str, Any]) -> Brand:
    brand = read_brand(options)
    titles = [source for source in (brand.intro, brand.outro) if source and source.startswith(TITLE)]
    if brand.look.get("template") and not titles:
        raise click.UsageError("--title-template goes with a drawn title: --intro text:TITLE or --outro text:TITLE")
    if brand.card_duration and not (brand.intro or brand.outro):
        raise click.UsageError("--card-duration goes with --intro or --outro")
    return brand


def _show(config: Config, kit: Json) -> None:
    if config.json:
        config.print_json(kit)
        return
    config.out.print(tables.kits([kit]))
    config.out.print()
    config.out.print(tables.kit_parts(kit))
    config.say(f"An edit takes it by --kit {kit['id']}")
