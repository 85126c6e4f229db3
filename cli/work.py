"""What several commands do: make a source an asset, see a job through, fetch what it made."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path, PurePath

import click

from cli import events, tables
from cli.brand import is_address, is_asset
from cli.client import Api, Json
from cli.config import Config
from cli.download import fetch_output
from cli.errors import JobCanceledError, JobFailedError, RefusedError
from cli.progress import Display, display
from cli.upload import upload

SECOND_THOUGHTS_S = 3


def as_asset(config: Config, api: Api, source: str) -> str:
    """Return the asset id of a path, which is uploaded, or of an id, which is taken as it is."""
    return source if is_asset(source) else str(send(config, api, Path(source))["id"])


def as_input(config: Config, api: Api, source: str) -> str | Json:
    """Return what a job starts from: like `as_asset`, or an address that the server fetches itself."""
    return {"url": source} if is_address(source) else as_asset(config, api, source)


def send(config: Config, api: Api, path: Path) -> Json:
    """Upload a file with its progress shown; return the asset."""
    with display(config).transfer(path.name, path.stat().st_size) as on_bytes:
        return upload(api, path, journals=config.journals, on_bytes=on_bytes)


def see_through(config: Config, api: Api, job: Json, *, outlives_us: bool = True) -> Json:
    """Show the job until it ends; return its last document, with fresh addresses.

    Ctrl-C leaves the job running and says how to come back to it, and a second one cancels it, unless its server ends
    with us. Raises JobFailedError, JobCanceledError.
    """
    try:
        with display(config).job(job["id"]) as report:
            report(job)
            for newer in events.follow(api, job["id"]):
                report(newer)
                job = newer
    except KeyboardInterrupt:
        if outlives_us:
            _leave(config, api, job["id"])
        raise
    if job["status"] == "failed":
        raise JobFailedError({**(job.get("error") or {}), "job": job["id"]})
    if job["status"] == "canceled":
        raise JobCanceledError(f"{job['id']} was canceled")
    return api.get(f"/v1/jobs/{job['id']}")


def _leave(config: Config, api: Api, job_id: str) -> None:
    try:
        config.err.print(f"{job_id} goes on. Come back to it: cutwork job {job_id} --wait", markup=False)
        config.err.print("Ctrl-C again cancels it.", markup=False)
        time.sleep(SECOND_THOUGHTS_S)
    except KeyboardInterrupt:
        try:
            api.post(f"/v1/jobs/{job_id}/cancel")
        except RefusedError as error:
            config.err.print(f"{job_id}: {error.message}", markup=False)
        else:
            config.err.print(f"{job_id} is canceled.", markup=False)


def output(job: Json, name: str) -> Json:
    """Return one output of a job; raises click.UsageError when it has none of that name."""
    for one in job["outputs"]:
        if one["name"] == name:
            return dict(one)
    there = ", ".join(one["name"] for one in job["outputs"]) or "none"
    raise click.UsageError(f"{job['id']} has no output {name!r}; it has {there}")


def fetch_video(job: Json, target: Path, show: Display) -> list[tuple[str, Path]]:
    """Write the finished video to `target`; return what was written, as `(name, path)`."""
    fetch_output(output(job, "video"), target, display=show)
    return [("video", target)]


def fetch_previews(job: Json, folder: Path, show: Display) -> list[tuple[str, Path]]:
    """Write the preview and what stands beside it to `folder`; return what was written.

    They keep plain names (`sprite.jpg`, `thumbnails.vtt`), since the track names the sheet that lies beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for one in job["outputs"]:
        if one["name"] != "video":
            target = folder / f"{one['name']}{PurePath(one.get('filename') or '').suffix}"
            fetch_output(one, target, display=show)
            written.append((one["name"], target))
    return written


def print_job(config: Config, job: Json, written: Sequence[tuple[str, Path]] = ()) -> None:
    """Print a job, and the files that were fetched from it."""
    if config.json:
        config.print_json({**job, "files": {name: str(path) for name, path in written}} if written else job)
        return
    config.out.print(tables.jobs([job]))
    config.out.print()
    config.out.print(tables.stages(job))
    for warning in job.get("warnings") or []:
        config.out.print(f"warning: {warning.get('message') or warning.get('code')}", style="yellow", markup=False)
    if job.get("error"):
        config.out.print(f"error: {job['error']['message']}", style="red", markup=False)
    if written:
        config.out.print()
        config.out.print(tables.files(written))
    elif job["outputs"]:
        config.out.print()
        config.out.print(tables.outputs(job))
    if job.get("streams"):
        config.out.print()
        config.out.print(tables.streams(job))
