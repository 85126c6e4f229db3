"""Checks of workers, versions and settings."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version

from admin.check_services import SKEW_S
from admin.findings import Finding, fault, ok, warning
from admin.workers import ask
from core import backlog
from core.errors import CutworkError, TransientError
from core.settings import get_settings
from tasks.control import COMMAND
from tasks.stages import POOLS, STAGES

_LEAST_FREE = 10 * 2**30


def workers() -> Iterator[Finding]:
    """Whether each pool has a worker, all of this version, with clocks that agree."""
    began = time.time()
    try:
        told = ask(COMMAND)
    except TransientError:
        return  # The broker's own check tells.
    elapsed = time.time() - began
    for pool in POOLS:
        mine = [name for name in told if name.partition("@")[0] == pool]
        advice = f"Start one: python -m tasks worker {pool}"
        yield (
            ok(f"workers: {pool}", f"{len(mine)} answer")
            if mine
            else fault(f"workers: {pool}", "none answers within two seconds", advice)
        )
    yield from _versions({name: str(one["version"]) for name, one in told.items()})
    stages = {stage.name: stage.version for stage in STAGES.values()}
    other = sorted(name for name, one in told.items() if one["stages"] != stages)
    if other:
        yield warning("stages", f"{', '.join(other)} have other stages", "End the upgrade: results differ by worker.")
    skew = max((abs(float(one["time"]) - began) for one in told.values()), default=0.0)
    if skew > SKEW_S + elapsed:
        yield warning("clocks of workers", f"up to {skew:.0f} s from here", "Keep hosts together by NTP.")


def _versions(found: dict[str, str]) -> Iterator[Finding]:
    mine = version("cutwork")
    other = {name: one for name, one in found.items() if one != mine}
    if other:
        listed = ", ".join(f"{name} {one}" for name, one in sorted(other.items()))
        yield warning("versions", f"{mine} here, but {listed}", "End the upgrade, or take it back.")
    elif found:
        yield ok("versions", f"all {mine}")


def recovery() -> Iterator[Finding]:
    """Whether lost work is taken back."""
    state = backlog.read()
    expired = sum(queue.expired for queue in state.queues.values())
    oldest = max(((queue.oldest_s, name) for name, queue in state.queues.items()), default=(0.0, ""))
    if expired:
        advice = "Look whether beat and a maintenance worker run, and for `repair failed` in its log."
        yield warning("leases", f"{expired} have run out", advice)
    else:
        yield ok("leases", f"{sum(queue.held for queue in state.queues.values())} held, none has run out")
    if oldest[0] > get_settings().redeliver_after_s * 10:
        yield warning("queues", f"a stage waits in {oldest[1]} for {oldest[0]:.0f} s", "Add workers: docs/scaling.md.")


def here() -> Iterator[Finding]:
    """This host: its settings and its disk."""
    settings = get_settings()
    try:
        _ = settings.signing_secret
    except CutworkError as error:
        yield fault("settings", error.message, "Set SECRET_KEY, or SECRET_KEY_FILE.")
    else:
        yield ok("settings", f"PUBLIC_URL is {settings.public_url}")
    scratch = str(settings.scratch_dir or tempfile.gettempdir())
    try:
        free = shutil.disk_usage(scratch).free
    except OSError as error:
        yield fault("scratch", f"{scratch}: {error.strerror}", "Make it, or set SCRATCH_DIR.")
        return
    advice = "Stages keep what they write there: as much as the longest result of each process."
    detail = f"{scratch}: {free / 2**30:.0f} GiB free"
    yield ok("scratch", detail) if free > _LEAST_FREE else warning("scratch", detail, advice)
