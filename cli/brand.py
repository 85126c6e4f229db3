"""Read what an intro, an outro and a watermark shall be, and make it the `brand` of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from cli.client import Json
from cli.times import decimal, parse_range, parse_time
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
    kit: str | None = None
    logo: str | None = None
    look: Mapping[str, str | None] = field(default_factory=dict)
    lower_thirds: Sequence[Json] = ()
    loudness: int | None = None

    def check(self) -> None:
        """Refuse what makes no sense before anything is uploaded. Raises click.UsageError."""
        for source in (self.intro, self.outro):
            if source is not None:
                check_source(source, title=True)
        for source in (self.watermark, self.logo):
            if source is not None:
                check_source(source)
        if self.watermark is None and _given(**self.watermark_options):
            names = ", ".join(f"--watermark-{name.replace('_', '-')}" for name in _given(**self.watermark_options))
            raise click.UsageError(f"{names} need --watermark")
        if self.transition_duration and self.transition in {None, "cut"}:
            raise click.UsageError("--transition-duration needs a --transition that takes a while")
        if self.transition_direction and self.transition not in {"wipe", "slide"}:
            raise click.UsageError("--transition-direction needs --transition wipe or slide")

    def document(self, to_asset: ToAsset) -> Json | None:
        """Return the request's `brand`, or None when nothing was asked for; `to_asset` makes a path an id."""
        brand: Json = {}
        for name, source in (("intro", self.intro), ("outro", self.outro)):
            if source is not None:
                brand[name] = self._clip(source, to_asset)
        if self.transition:
            brand["transition"] = _given(
                type=self.transition, duration=self.transition_duration, direction=self.transition_direction
            )
        if self.watermark:
            brand["watermark"] = {"asset": to_asset(self.watermark)} | _given(**self.watermark_options)
        if self.lower_thirds:
            looks = {name: value for name, value in _given(**self.look).items() if name != "template"}
            brand["lower_thirds"] = [third | looks for third in self.lower_thirds]
        if self.logo:
            brand["logo"] = to_asset(self.logo)
        if self.kit:
            brand["kit"] = self.kit
        if self.loudness is not None:
            brand["loudness"] = self.loudness
        return brand or None

    def kit_document(self, to_asset: ToAsset) -> Json:
        """Return the same as the fields of a brand kit: the colours and the font are the whole kit's."""
        template = self.look.get("template")
        cards = replace(self, look={"template": template}).document(to_asset) or {}
        return cards | {name: value for name, value in _given(**self.look).items() if name != "template"}

    def _clip(self, source: str, to_asset: ToAsset) -> Json:
        if source.startswith(TITLE):
            title, subtitle = _words(source.removeprefix(TITLE))
            return _given(title=title, subtitle=subtitle, duration=self.card_duration) | _given(**self.look)
        return _given(asset=to_asset(source), duration=self.card_duration)


class LowerThird(click.ParamType[Json]):
    """A lower third on the command line: `START-END=Name|Role`."""

    name = "lower third"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Json:
        """Return it as the API wants it."""
        time, found, words = value.partition("=")
        title, subtitle = _words(words)
        if not found or not title:
            self.fail(f"{value!r} is not a lower third: write START-END=Name|Role", param, ctx)
        try:
            span = parse_range(time)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if "end" not in span:
            self.fail(f"{value!r} does not say when it goes: write START-END=Name|Role", param, ctx)
        return {"start": span["start"], "end": span["end"]} | _given(title=title, subtitle=subtitle)


def _words(text: str) -> tuple[str, str | None]:
    title, _, subtitle = text.partition("|")
    return title.strip(), subtitle.strip() or None


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


def is_address(source: str) -> bool:
    """Tell an address from a path and an id."""
    return source.startswith(("https://", "http://"))


class Seconds(click.ParamType[str]):
    """A time on the command line, handed on as a decimal string of seconds."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return decimal seconds of a clock or a number."""
        try:
            return decimal(parse_time(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
