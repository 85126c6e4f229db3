"""How much memory a stage may use, and how it is known that it wanted more."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.settings import get_settings
from media.errors import EngineError, MediaError
from tasks.stages import Stage

_STATUS = Path("/proc/self/status")
_NEAR = 0.9


@contextmanager
def bounded(stage: Stage) -> Iterator[None]:
    """Bound the address space of this process while its block runs a stage of the encode pool.

    Raises MemoryError for what the block raises because of that, too: the engine takes FFmpeg's ENOMEM for a damaged
    file or a failed encode, as it must not know of bounds.
    """
    bound = get_settings().encode_memory_mb << 20
    if not bound or stage.pool != "encode" or sys.platform != "linux":
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    hard = before[1]
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    # Only the soft limit: the process itself lifts it again.
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    try:
        yield
    except MediaError as error:
        if _is_exhaustion(error, bound):
            raise MemoryError from error
        raise
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _is_exhaustion(error: MediaError, bound: int) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        # A thread whose stack found no room is EAGAIN.
        if isinstance(cause, MemoryError | BlockingIOError):
            return True
        cause = cause.__cause__
    # x264 tells of an allocation that failed by its general error alone.
    return isinstance(error, EngineError) and _peak() > _NEAR * bound


def _peak() -> int:
    """The most address space that this process has had, in bytes."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmPeak:"))
    return int(line.split()[1]) << 10
