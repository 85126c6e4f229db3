"""An exact edit on the system's own workers, in a process of its own: `python -m bench.fleet SOURCE START-END WORKERS`.

Starts Valkey, one light worker and so many encode workers of one process and one encoder thread each, on SQLite and a
folder; prints what the trim cost as JSON. All other settings are the defaults.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import psutil

from bench.source import CACHE
from tests.services import valkey
from tests.services.process import serving

_TIMEOUT = 1800.0


def main() -> None:
    """Run the edit and print its row."""
    source, span, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    start, end = (Fraction(text) for text in span.split("-"))
    with tempfile.TemporaryDirectory(dir=CACHE) as name, ExitStack() as stack:
        folder = Path(name)
        port = stack.enter_context(valkey.running(folder))
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
            "BROKER_URL": f"redis://127.0.0.1:{port}/0",
            "STORAGE_DIR": str(folder / "storage"),
            "SCRATCH_DIR": str(folder),
            "WORKER_PROCESSES": "1",
            "ENCODE_THREADS": "1",
        }
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"], check=True, capture_output=True, timeout=60
        )
        trees = _workers(stack, folder, workers)
        print(json.dumps(_edit(source, start, end, trees)))


def _workers(stack: ExitStack, folder: Path, count: int) -> list[psutil.Process]:
    """Start the workers one after the other, each once it is ready."""
    started = []
    for number in range(count + 1):
        # Each needs a name of its own, as workers on one machine do.
        command = [sys.executable, "-m", "celery", "--app", "tasks.app", *_arguments(number)]
        log = folder / f"worker{number}.log"
        process = stack.enter_context(serving(command, log=log, ready=lambda log=log: b"ready." in log.read_bytes()))
        started.append(psutil.Process(process.pid))
    return started


def _arguments(number: int) -> list[str]:
    from tasks.__main__ import worker

    arguments = worker("encode" if number else "light")
    arguments[arguments.index("--hostname") + 1] = f"worker{number}@bench"
    return arguments


def _edit(source: Path, start: Fraction, end: Fraction, trees: list[psutil.Process]) -> dict[str, Any]:
    from core import accounts, jobs, states
    from core.models import Job
    from pipelines import edit, submit
    from pipelines.edit_schema import EditSchema

    account, asset_id = accounts.default_account().id, _asset(source)

    def run(keep: tuple[Fraction, Fraction]) -> Job:
        request = {
            "input": asset_id,
            "keep": [{"start": str(float(keep[0])), "end": str(float(keep[1]))}],
            "mode": "exact",
            "preview": False,
        }
        job = submit.submit(account, edit.plan(account, EditSchema().load(request)))
        deadline = time.monotonic() + _TIMEOUT
        while (job := jobs.get(account, job.id)).status not in states.TERMINAL:
            assert time.monotonic() < deadline, "the edit did not end"
            # Times are taken by the database; who asks it often takes from the workers what is measured.
            time.sleep(0.5)
        assert job.status == states.SUCCEEDED, job.error
        return job

    # The first edit is short: it probes the source, and every worker has loaded the engine before time is taken.
    run((start, start + 2))
    before = _cpu(trees)
    job = run((start, end))
    used = _cpu(trees) - before
    trim = next(stage for stage in job.stages if stage.name == "trim")
    return {
        "wall_s": _seconds(job.created_at, trim.finished_at),
        "cpu_s": round(used, 2),
        "segments": sum(stage.kind == "segment" for stage in job.stages),
        "frames": (trim.result or {})["frames"],
        "written": _saved(job),
    }


def _asset(source: Path) -> str:
    """Register the recording as if it had been uploaded."""
    from core import accounts
    from core.db import transaction
    from core.models import Asset
    from core.settings import get_settings
    from core.storage import storage_from

    key = "assets/upl_bench/source"
    storage_from(get_settings()).put_file(key, source, content_type="video/mp4")
    with transaction() as session:
        asset = Asset(
            account_id=accounts.default_account().id,
            filename=source.name,
            content_type="video/mp4",
            size=source.stat().st_size,
            sha256="0" * 64,
            storage_key=key,
        )
        session.add(asset)
    return asset.id


def _saved(job: Any) -> str:
    """Copy the result to where the caller can look at it."""
    from core import artifacts
    from core.db import reading
    from core.settings import get_settings
    from core.storage import storage_from

    digest = next(stage.digest for stage in job.stages if stage.name == "publish")
    with reading() as session:
        key = artifacts.find(session, [digest])[digest].files["video.mp4"]["key"]
    target = Path(sys.argv[4])
    with storage_from(get_settings()).open(key) as file, target.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    return str(target)


def _cpu(trees: list[psutil.Process]) -> float:
    """User and system seconds of the workers and of the processes of their pools, also of those that were replaced."""
    members = [one for tree in trees for one in (tree, *tree.children(recursive=True))]
    # A process counts what its children have used once they have ended.
    return sum(sum(one.cpu_times()[:4]) for one in members)


def _seconds(start: datetime, end: datetime | None) -> float:
    assert end is not None
    return round((end - start) / timedelta(seconds=1), 2)


if __name__ == "__main__":
    main()
