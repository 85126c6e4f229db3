"""The folder in which the processes of one group count together: a worker with its pool, or gunicorn with its workers.

prometheus_client keeps one file of numbers a process there, and adds them up when it is asked
(https://prometheus.github.io/client_python/multiprocess/). It decides to do so by a variable, when it is first
imported: `prepare` has to come before that, in the process from which the others are forked.

Pools replace their processes for ever. So what the dead have counted is put into one file, and their own are removed:
counters go on, what only the living count goes with them, and the folder stays small.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "cutwork-metrics-"
_DEAD = "dead"
"""Stands in a file's name where a process's number would."""


def prepare() -> Path:
    """Make this process's own empty folder and name it to those that are forked; a folder of a dead group goes."""
    base = Path(tempfile.gettempdir())
    folder = base / f"{_PREFIX}{os.getpid()}"
    if os.environ.get(VARIABLE) == str(folder) and folder.is_dir():
        return folder
    for old in base.glob(f"{_PREFIX}*"):
        number = old.name.removeprefix(_PREFIX)
        if old == folder or not (number.isdigit() and is_alive(int(number))):
            shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(mode=0o700)
    os.environ[VARIABLE] = str(folder)
    return folder


def remove() -> None:
    """Remove this process's folder, if it has one."""
    folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{os.getpid()}"
    if os.environ.get(VARIABLE) == str(folder):
        shutil.rmtree(folder, ignore_errors=True)


def files(folder: Path) -> list[Path]:
    """Return the files that hold numbers; one that a process makes in this moment is still empty."""
    found = []
    for path in sorted(folder.glob("*.db")):
        try:
            if path.stat().st_size:
                found.append(path)
        except FileNotFoundError:
            continue
    return found


def gather(folder: Path) -> None:
    """Put what dead processes have counted into one file a kind, and remove theirs.

    Only one process may do so at a time, the one that also reads the folder: between the two steps numbers are there
    twice.
    """
    kinds: dict[str, list[Path]] = {}
    for path in files(folder):
        kind, _, owner = path.stem.rpartition("_")
        if owner.isdigit() and not is_alive(int(owner)):
            kinds.setdefault(kind, []).append(path)
    for kind, dead in kinds.items():
        if not kind.startswith("gauge_live"):
            _merge(folder / f"{kind}_{_DEAD}.db", dead, largest=kind == "gauge_max")
        for path in dead:
            path.unlink()


def is_alive(pid: int) -> bool:
    """Whether a process of that number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _merge(target: Path, dead: Iterable[Path], *, largest: bool) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # reads the variable on import

    sums: dict[str, float] = {}
    for path in [target, *dead] if target.exists() else dead:
        for key, value, _, _ in _values(path):
            sums[key] = max(sums.get(key, value), value) if largest else sums.get(key, 0.0) + value
    # Beside its place first: it appears whole.
    made = target.with_suffix(".new")
    made.unlink(missing_ok=True)
    numbers: Any = MmapedDict(str(made))  # type: ignore[no-untyped-call]
    for key, value in sums.items():
        numbers.write_value(key, value, 0.0)
    numbers.close()
    made.replace(target)


def _values(path: Path) -> Iterator[tuple[str, float, float, int]]:
    """Key, value, time and place of each number in a file."""
    from prometheus_client.mmap_dict import MmapedDict

    found: Iterator[tuple[str, float, float, int]] = MmapedDict.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]
    return found
