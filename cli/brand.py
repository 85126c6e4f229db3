"""Read what an intro, an outro and a watermark shall be, and make it the `brand` of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from cli.client import Json
from cli.times import decimal, parse_time
from cli.upload import check_file

TITLE = "text:"
ToAsset = Callable[[str], str]


@dataclass(frozen=True)
class Brand:
    """The branding options as typed; a clip is a path, an `ast_…` id, or `text:Title`."""

    intro: str | None = None
    outro: str | None = None
    card_duration: str | None = None
    watermark: str | None = None
    watermark_options: Mapping[str, str | None] = field(default_factory=dict)
    transition: str | None = None
    transition_duration: str | None = None
    transition_direction: str | None = None

    def check(self) -> None:
        """Refuse what makes no sense before anything is uploaded. Raises click.UsageError."""
        for source in (self.intro, self.outro, self.watermark):
            if source is not None:
                check_source(source, title=source is not self.watermark)
        if self.watermark is None and _given(**self.watermark_options):
            names = ", ".join(f"--watermark-{name.replace('_', '-')}" for name in _given(**self.watermark_options))
            raise click.UsageError(f"{names} need --watermark")
        if self.transition and not (self.intro or self.outro):
            raise click.UsageError("--transition needs --intro or --outro to go over to")
        if self.transition_duration and self.transition in {None, "cut"}:
            raise click.UsageError("--transition-duration needs a --transition that takes a while")
        if self.transition_direction and self.transition not in {"wipe", "slide"}:
            raise click.UsageError("--transition-direction needs --transition wipe or slide")

    def document(self, to_asset: ToAsset) -> Json | None:
        """Return the request's `brand`, or None when nothing was asked for; `to_asset` makes a path an id."""
        brand: Json = {}
        for name, source in (("intro", self.intro), ("outro", self.outro)):
            if source is not None:
                brand[name] = _clip(source, self.card_duration, to_asset)
        if self.transition:
            brand["transition"] = _given(
                type=self.transition, duration=self.transition_duration, direction=self.transition_direction
            )
        if self.watermark:
            brand["watermark"] = {"asset": to_asset(self.watermark)} | _given(**self.watermark_options)
        return brand or None


def _clip(source: str, duration: str | None, to_asset: ToAsset) -> Json:
    if source.startswith(TITLE):
        title, _, subtitle = source.removeprefix(TITLE).partition("|")
        return _given(title=title.strip(), subtitle=subtitle.strip() or None, duration=duration)
    return _given(asset=to_asset(source), duration=duration)


def _given(**values: str | None) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def check_source(source: str, *, title: bool = False) -> None:
    """Refuse what is neither an id nor a readable file (nor a title, where one may stand). Raises click.UsageError."""
    if title and source.startswith(TITLE):
        if not source.removeprefix(TITLE).partition("|")[0].strip():
            raise click.UsageError(f"{source!r} names no title: write text:Title, or 'text:Title|Subtitle'")
    elif not is_asset(source):
        check_file(Path(source))


def is_asset(source: str) -> bool:
    """Tell an `ast_…` id from a path; a file of that name wins."""
    return source.startswith("ast_") and not Path(source).exists()


class Seconds(click.ParamType[str]):
    """A time on the command line, handed on as a decimal string of seconds."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return decimal seconds of a clock or a number."""
        try:
            return decimal(parse_time(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
