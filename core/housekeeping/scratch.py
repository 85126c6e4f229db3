"""Scratch folders that killed workers left on this host."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from core import scratch
from core.housekeeping.report import Removed

_JUST_MADE_S = 60
"""A folder without its name that is this young may not be locked yet by whoever makes it."""


def sweep(folder: Path | None, *, stages: Iterable[str], older_s: float, dry_run: bool = False) -> Iterator[Removed]:
    """Remove the scratch folders of stages that nobody holds, and yield each with its bytes.

    Where the file system knows no locks, those go in which nothing was written for `older_s` seconds: let that be
    longer than any stage may run. Folders of other users are left alone.
    """
    begins, stage = ("|".join(map(re.escape, words)) for words in ((scratch.PREFIX, scratch.UNNAMED), stages))
    names = re.compile(rf"({begins})({stage})-[a-z0-9_]{{8}}")
    for path in _ours(folder or Path(tempfile.gettempdir()), names):
        try:
            dead, size = _is_dead(path, older_s), _size(path)
        except FileNotFoundError:
            # Its owner has just removed it.
            continue
        if dead:
            if not dry_run:
                shutil.rmtree(path, ignore_errors=True)
            yield Removed(str(path), size)


def _ours(folder: Path, names: re.Pattern[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if names.fullmatch(entry.name) and _is_own_folder(entry)]


def _is_own_folder(entry: os.DirEntry[str]) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _is_dead(path: Path, older_s: float) -> bool:
    held = scratch.is_held(path)
    if held is None:
        return time.time() - max(_times(path)) > older_s
    return not held and (path.name.startswith(scratch.PREFIX) or time.time() - path.stat().st_mtime > _JUST_MADE_S)


def _times(path: Path) -> Iterator[float]:
    """When the folder and each thing in it changed last, in seconds since the epoch."""
    yield path.stat().st_mtime
    for found in path.rglob("*"):
        yield found.lstat().st_mtime


def _size(path: Path) -> int:
    return sum(found.lstat().st_size for found in path.rglob("*") if not found.is_dir())
