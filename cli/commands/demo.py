"""`cutwork demo`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import click

from cli import tables, work
from cli.client import Api, Json
from cli.config import Config, common_options, pass_config
from cli.errors import RefusedError, StackError
from cli.progress import display
from cli.times import clock, decimal, parse_range
from cli.upload import check_file

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_S = 30
# A crossfade takes from the body at both ends: very short ones are cut hard.
CROSSFADE_FROM_S = 2


@click.command()
@click.argument("video", required=False, type=click.Path(path_type=Path))
@click.option("--keep", metavar="START-END,…", help="What to keep, else the middle half.")
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), default=Path("demo-out"), show_default=True,
    help="Where to leave what was made.",
)  # fmt: skip
@common_options
@pass_config
def demo(config: Config, /, video: Path | None, keep: str | None, out: Path) -> None:
    """Run all stages on VIDEO, or on a sample made for it, on a stack that lives for this run alone.

    \b
    Examples:
      cutwork demo
      cutwork demo lecture.mp4 --keep 15:00-45:00
    """
    ranges = _ranges(keep) if keep else None
    if video is not None:
        check_file(video)
    state = ROOT / ".cutwork"
    state.mkdir(exist_ok=True)
    source = video or _sample(config, state / "sample.mp4")
    with _stack(config, state) as home:
        config.journals = home / "uploads"
        job, written = _run(config, source, ranges, out)
    _print(config, job, written)


def _ranges(keep: str) -> list[Json]:
    try:
        return [parse_range(one) for one in keep.split(",")]
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _sample(config: Config, path: Path) -> Path:
    """Make the sample once: a moving picture with burnt-in frame numbers, and a click each second."""
    if not path.exists():
        config.say(f"Making a sample of {SAMPLE_S} s …")
        draft = path.with_name(f"draft-{os.getpid()}.mp4")
        command = [sys.executable, "-m", "media.sample", str(draft), "--seconds", str(SAMPLE_S)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        draft.replace(path)
    return path


@contextmanager
def _stack(config: Config, state: Path) -> Iterator[Path]:
    """Run a stack of our own on free ports while the block runs; of one that went wrong the logs stay."""
    home = Path(tempfile.mkdtemp(prefix="demo-", dir=state))
    config.say("Starting Cutwork …")
    command = [sys.executable, "-m", "cli", "up", "--json", "--quiet", "--auto-ports", "--with-parent"]
    # In a session of its own, since Ctrl-C is for us, who then stop it in order.
    with subprocess.Popen(
        [*command, "--home", str(home)], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        broke = True
        try:
            config.url, config.key = _address(process)
            yield home
            broke = False
        except (RefusedError, KeyboardInterrupt):
            # The user's, not the stack's: its logs say nothing of it.
            broke = False
            raise
        finally:
            _end(process)
            if broke:
                shutil.rmtree(home / "storage", ignore_errors=True)
                config.say(f"The logs are in {home / 'logs'}")
            else:
                shutil.rmtree(home)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait()


def _address(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return the API's address and key once the stack says that it is ready, or raise what it says instead."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            document = json.loads(text)
            if "api" in document:
                return str(document["api"]), str(document["key"])
            raise StackError(document["error"]["detail"], code=document["error"]["code"])
    raise StackError("the embedded stack ended without a word", code="stack_not_started")


def _run(config: Config, source: Path, ranges: list[Json] | None, out: Path) -> tuple[Json, list[tuple[str, Path]]]:
    api = config.api()
    asset = work.send(config, api, source)
    media = api.await_document(f"/v1/assets/{asset['id']}/probe")
    keep = ranges or _middle_half(config, media)
    body: Json = {"input": asset["id"], "keep": keep, "preview": True, "brand": _brand(config, source, media, keep)}
    job = work.see_through(config, api, api.create("/v1/jobs/edit", body), outlives_us=False)
    out.mkdir(parents=True, exist_ok=True)
    video = work.output(job, "video")
    show = display(config)
    written = work.fetch_video(job, out / Path(video.get("filename") or "video.mp4").name, show)
    return _with_probe(api, job), written + work.fetch_previews(job, out, show)


def _with_probe(api: Api, job: Json) -> Json:
    """Put the probe that ran when the upload was complete in the place of the one that found it cached."""
    ran = [one["stages"]["probe"] for one in api.pages("/v1/jobs", 10) if one["pipeline"] == "inspect"]
    return {**job, "stages": {**job["stages"], "probe": ran[-1]}} if ran else job


def _middle_half(config: Config, media: Json) -> list[Json]:
    if media.get("duration") is None:
        return [{"start": "0"}]
    duration = Fraction(media["duration"])
    start, end = duration / 4, duration * 3 / 4
    config.say(f"Keeping the middle half, {clock(start)} to {clock(end)}; KEEP=START-END chooses.")
    return [{"start": decimal(start), "end": decimal(end)}]


def _brand(config: Config, source: Path, media: Json, keep: list[Json]) -> Json | None:
    """A title before and after; sound alone has no picture to put one beside."""
    if media["kind"] == "audio":
        config.say("This is sound without a picture: intro and outro are left out.")
        return None
    last = keep[-1].get("end") or media.get("duration") or "0"
    long_enough = Fraction(last) - Fraction(keep[0]["start"]) >= CROSSFADE_FROM_S
    return {
        "intro": {"title": source.stem[:60], "subtitle": "cut by Cutwork", "duration": "3"},
        "outro": {"title": "Thank you", "duration": "2"},
        "transition": {"type": "crossfade", "duration": "0.5"} if long_enough else {"type": "cut"},
    }


def _print(config: Config, job: Json, written: list[tuple[str, Path]]) -> None:
    if config.json:
        config.print_json({**job, "files": {name: str(path) for name, path in written}})
        return
    config.out.print()
    config.out.print(tables.stages(job))
    config.out.print()
    config.out.print(tables.files(written))
