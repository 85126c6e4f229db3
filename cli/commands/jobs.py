"""`cutwork jobs`, `cutwork job`, `cutwork cancel`, `cutwork retry`, `cutwork download`."""

from __future__ import annotations

from pathlib import Path

import click

from cli import tables, work
from cli.client import Api, Json
from cli.config import Config, common_options, pass_config
from cli.download import check_target, download, fetch_output, output_target
from cli.progress import Display, display


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@common_options
@pass_config
def jobs(config: Config, limit: int) -> None:
    """List jobs, newest first.

    \b
    Examples:
      cutwork jobs
      cutwork jobs -n 100 --json
    """
    found = config.api().pages("/v1/jobs", limit)
    if config.json:
        config.print_json({"data": found})
    elif found:
        config.out.print(tables.jobs(found))
    else:
        config.say("No jobs yet. Start one: cutwork edit VIDEO --keep 15:00-45:00 -o cut.mp4")


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Show progress until the job ends; the exit code says how it did.")
@common_options
@pass_config
def job(config: Config, job_id: str, wait: bool) -> None:
    """Show a job: its stages, outputs, warnings and error.

    With --wait the exit code is 0 when it succeeded, 4 when it failed, 5 when it was canceled; without, it is 0.

    \b
    Examples:
      cutwork job job_01k9x3…
      cutwork job job_01k9x3… --wait --json
    """
    api = config.api()
    document = api.get(f"/v1/jobs/{job_id}")
    if wait:
        document = work.see_through(config, api, document)
    work.print_job(config, document)


@click.command()
@click.argument("job_id", metavar="ID")
@common_options
@pass_config
def cancel(config: Config, job_id: str) -> None:
    """Cancel a job that is queued or running.

    One that has ended already is refused (exit code 3).

    \b
    Example:
      cutwork cancel job_01k9x3…
    """
    document = config.api().post(f"/v1/jobs/{job_id}/cancel")
    if config.json:
        config.print_json(document)
    else:
        config.out.print(f"{document['id']} is {document['status']}.", markup=False)


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--from", "start", metavar="STAGE", help="Begin this stage and those after it anew.")
@click.option("--wait", is_flag=True, help="Show progress until the job ends; the exit code says how it did.")
@common_options
@pass_config
def retry(config: Config, job_id: str, start: str | None, wait: bool) -> None:
    """Queue a job again that failed or was canceled.

    What is done is kept and not done again. With --from a long stage forgets also the pieces of it that are done. A job
    that runs or has succeeded is refused (exit code 3).

    \b
    Examples:
      cutwork retry job_01k9x3…
      cutwork retry job_01k9x3… --from brand --wait
    """
    api = config.api()
    document = api.post(f"/v1/jobs/{job_id}/retry", {"from": start} if start else None)
    if wait:
        work.print_job(config, work.see_through(config, api, document))
    elif config.json:
        config.print_json(document)
    else:
        config.out.print(f"{document['id']} is {document['status']}.", markup=False)


@click.command("download")
@click.argument("source", metavar="ID")
@click.argument("names", metavar="[NAME…]", nargs=-1)
@click.option("-o", "--output", metavar="PATH", type=click.Path(path_type=Path), help="File, or folder, to write to.")
@click.option("--all", "everything", is_flag=True, help="Every output of the job.")
@common_options
@pass_config
def fetch(config: Config, source: str, names: tuple[str, ...], output: Path | None, everything: bool) -> None:
    """Download a job's outputs (the video if no NAME is given), or an asset.

    Files are checked against their SHA-256 and appear only when they are complete. Without -o they keep the names that
    the server gives them, in this folder.

    \b
    Examples:
      cutwork download job_01k9x3… -o cut.mp4
      cutwork download job_01k9x3… poster sprite thumbnails -o previews/
      cutwork download job_01k9x3… --all -o results/
      cutwork download ast_01k9x3…
    """
    if names and everything:
        raise click.UsageError("--all fetches every output: leave the names out")
    api, show = config.api(), display(config)
    if source.startswith("ast_"):
        written = _fetch_asset(api, source, names, output, show)
    else:
        written = _fetch_outputs(api.get(f"/v1/jobs/{source}"), names, output, everything, show)
    if config.json:
        config.print_json({"files": {name: str(path) for name, path in written}})
    else:
        config.out.print(tables.files(written))


def _fetch_asset(
    api: Api, asset_id: str, names: tuple[str, ...], output: Path | None, show: Display
) -> list[tuple[str, Path]]:
    if names:
        raise click.UsageError("an asset is one file and has no named outputs")
    asset = api.get(f"/v1/assets/{asset_id}")
    target = _target(output, {"name": asset_id, **asset})
    download(
        api.redirect(f"/v1/assets/{asset_id}/download"),
        target,
        display=show,
        sha256=asset["sha256"],
        size=asset["size"],
    )
    return [(asset_id, target)]


def _fetch_outputs(
    job: Json, names: tuple[str, ...], output: Path | None, everything: bool, show: Display
) -> list[tuple[str, Path]]:
    chosen = job["outputs"] if everything else [work.output(job, name) for name in names or ("video",)]
    if len(chosen) > 1 and output is not None:
        output.mkdir(parents=True, exist_ok=True)
    targets = [_target(output, one) for one in chosen]
    for one, target in zip(chosen, targets, strict=True):
        fetch_output(one, target, display=show)
    return [(one["name"], target) for one, target in zip(chosen, targets, strict=True)]


def _target(output: Path | None, document: Json) -> Path:
    target = output if output is not None and not output.is_dir() else output_target(document, output or Path())
    check_target(target)
    return target
