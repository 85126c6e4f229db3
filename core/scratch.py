"""Scratch folders of running stages: gone afterwards, and known as dead when their process was killed.

Whoever works in a folder holds a lock on it (flock(2)), which the kernel lets go however the process ends. Process ids
would tell less: containers that share a disk number theirs apart.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "cutwork-"
UNNAMED = "cutwork.new-"


@contextmanager
def folder(stage: str, parent: Path | None) -> Iterator[Path]:
    """Yield an empty folder below `parent` (the system's own place when None), held while the block runs."""
    # It gets its name once it is locked: one of that name which nobody holds is dead, however young it is.
    made = Path(tempfile.mkdtemp(prefix=f"{UNNAMED}{stage}-", dir=parent))
    path = made.with_name(made.name.replace(UNNAMED, PREFIX, 1))
    with _handle(made) as handle:
        try:
            # A file system without such locks is told by age (`is_held`).
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            made.rename(path)
            yield path
        finally:
            shutil.rmtree(path if path.exists() else made)


def is_held(path: Path) -> bool | None:
    """Whether somebody works in a folder; None where the file system cannot tell. Raises FileNotFoundError."""
    with _handle(path) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return None
    return False


@contextmanager
def _handle(path: str | Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield handle
    finally:
        os.close(handle)
