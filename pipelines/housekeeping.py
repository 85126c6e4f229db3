"""Housekeeping by hand: `python -m pipelines.housekeeping --dry-run`. Beat does the same by itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from core.db import unhurried
from core.errors import TransientError
from core.housekeeping import (
    artifacts,
    deliveries,
    events,
    idempotency,
    leases,
    multiparts,
    objects,
    scratch,
    sessions,
    uploads,
)
from core.housekeeping.report import Removed, Tally
from core.log import configure_logging
from core.settings import get_settings
from core.storage import Storage, storage_from
from core.telemetry import metrics
from pipelines import inspect
from tasks.stages import STAGES, visibility_timeout_s


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of leftovers: `sweep` takes whether this is a dry run, and yields what it removes."""

    name: str
    summary: str
    sweep: Callable[[bool], Iterator[Removed]]


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="uploads",
            summary="uploads never completed within UPLOAD_TTL_S, with their parts",
            sweep=lambda dry_run: uploads.sweep(_storage(), dry_run=dry_run),
        ),
        Kind(
            name="artifacts",
            summary="results that no job has needed for ARTIFACT_TTL_DAYS, with their files",
            sweep=lambda dry_run: artifacts.sweep(
                _storage(), ttl_days=get_settings().artifact_ttl_days, facts_of=inspect.NAME, dry_run=dry_run
            ),
        ),
        Kind(
            name="objects",
            summary="files in storage that no row names, older than ORPHAN_GRACE_S",
            sweep=lambda dry_run: objects.sweep(_storage(), grace_s=get_settings().orphan_grace_s, dry_run=dry_run),
        ),
        Kind(
            name="multiparts",
            summary="multipart uploads that nobody will complete, older than ORPHAN_GRACE_S",
            sweep=lambda dry_run: multiparts.sweep(_storage(), grace_s=get_settings().orphan_grace_s, dry_run=dry_run),
        ),
        Kind(
            name="events",
            summary="live events in Redis that would stay for ever: they get their end, EVENTS_TTL_S",
            sweep=lambda dry_run: events.sweep(ttl_s=get_settings().events_ttl_s, dry_run=dry_run),
        ),
        Kind(
            name="leases",
            summary="stages held though nobody can hold them: repaired, and logged as errors",
            sweep=lambda dry_run: leases.sweep(dry_run=dry_run),
        ),
        Kind(
            name="idempotency",
            summary="idempotency keys that are a day old",
            sweep=lambda dry_run: idempotency.sweep(dry_run=dry_run),
        ),
        Kind(
            name="deliveries",
            summary="webhook deliveries that ended more than WEBHOOK_TTL_DAYS ago",
            sweep=lambda dry_run: deliveries.sweep(ttl_days=get_settings().webhook_ttl_days, dry_run=dry_run),
        ),
        Kind(
            name="sessions",
            summary="sign-ins, failed logins and invitations whose time is over",
            sweep=lambda dry_run: sessions.sweep(dry_run=dry_run),
        ),
        Kind(
            name="scratch",
            summary="temporary folders on this host whose worker was killed",
            sweep=lambda dry_run: scratch.sweep(
                get_settings().scratch_dir, stages=STAGES, older_s=visibility_timeout_s(), dry_run=dry_run
            ),
        ),
    )
}

for _kind in KINDS:
    metrics.SWEPT.labels(_kind)
    metrics.SWEPT_BYTES.labels(_kind)


def run(name: str, *, dry_run: bool = False, tell: Callable[[Removed], None] = lambda _: None) -> Tally:
    """Sweep one kind, `tell` of each thing as it goes, and return the sum.

    Raises TransientError when the database, the storage or Redis is away; the next run takes up what is left.
    """
    tally = Tally()
    with unhurried():
        for item in KINDS[name].sweep(dry_run):
            tally.add(item)
            if not dry_run:
                metrics.SWEPT.labels(name).inc()
                metrics.SWEPT_BYTES.labels(name).inc(item.size)
            tell(item)
    return tally


def main() -> int:
    """Sweep the kinds that were asked for; a line each. Returns 1 when one could not be finished."""
    asked = _parser().parse_args()
    verb = "would remove" if asked.dry_run else "removed"
    failed = False
    for name in asked.only:
        try:
            tally = run(name, dry_run=asked.dry_run, tell=_print if asked.list else lambda _: None)
        except TransientError as error:
            failed = True
            print(f"{name:<11} not finished: {error.message}", file=sys.stderr)
        else:
            print(f"{name:<11} {verb} {tally.count}, {tally.size} bytes")
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, KINDS))
    kinds = "\n".join(f"  {kind.name:<{width}}  {kind.summary}" for kind in KINDS.values())
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.housekeeping",
        description="Remove what nobody needs any more, and print a line a kind: how many, and how many bytes.\n\n"
        f"kinds:\n{kinds}",
        epilog="Beat does all of this by itself (docs/stages.md says how often, docs/settings.md how long things are\n"
        "kept). It is safe to run at any time, beside workers and beside beat, and to interrupt.\n\n"
        "examples:\n"
        "  python -m pipelines.housekeeping --dry-run          what would go\n"
        "  python -m pipelines.housekeeping --dry-run --list   each thing by name\n"
        "  python -m pipelines.housekeeping --only objects,multiparts\n"
        "  ARTIFACT_TTL_DAYS=7 python -m pipelines.housekeeping --only artifacts",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")
    parser.add_argument("--only", type=_kinds, default=list(KINDS), metavar="KIND,…", help="not all kinds, but these")
    parser.add_argument("--list", action="store_true", help="print the name and size of each thing as well")
    return parser


def _kinds(text: str) -> list[str]:
    names = text.split(",")
    unknown = _unknown(names)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no such kind; there are {', '.join(KINDS)}")
    return names


def _unknown(names: Iterable[str]) -> list[str]:
    return [repr(name) for name in names if name not in KINDS]


def _print(item: Removed) -> None:
    print(f"  {item.name} {item.size}")


def _storage() -> Storage:
    return storage_from(get_settings())


if __name__ == "__main__":
    configure_logging(json=get_settings().log_json)
    sys.exit(main())
