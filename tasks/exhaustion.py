"""A worker whose host ran out of disk, of open files or of memory: its stage, and the file, are not at fault.

What a stage raises because of that is trouble that passes: another worker may have room. And a worker with next to no
room for scratch folders takes no stage at all; a disk that is full fails each within moments, so that one such worker
would soon have failed all that wait.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import bootsteps

from core.errors import TransientError
from core.settings import get_settings
from media.errors import InputError, MediaError
from tasks.stages import STAGES

CODE = "worker_exhausted"
LOOK_EVERY_S = 2.0
_FULL = "The disk of a worker is full: give SCRATCH_DIR more room, or let fewer processes share it."
_FILES = "A worker has as many files open as it may: raise the limit of its process (ulimit -n)."
_SAYS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EMFILE: _FILES,
    errno.ENFILE: "The host of a worker has as many files open as it may: raise fs.file-max.",
    errno.EIO: "A disk of a worker cannot be read or written: look at the log of its host's kernel.",
    errno.ENOMEM: "The host of a worker has no memory left: give it more, or run fewer processes on it.",
}
_log = structlog.get_logger(__name__)


@contextmanager
def told() -> Iterator[None]:
    """Raise TransientError `worker_exhausted` for what the block raises because the host ran out of something."""
    try:
        yield
    except (OSError, MediaError) as error:
        message = _message(error)
        if message is None:
            raise
        _log.warning("worker exhausted", reason=message)
        raise TransientError(CODE, message) from error


def _message(error: OSError | MediaError) -> str | None:
    """What is to be done, when an exhausted host is behind an error; the engine knows FFmpeg's alone."""
    cause: BaseException | None = error
    while cause is not None:
        # FFmpeg calls some damage to a file an error of reading it.
        damage = isinstance(error, InputError) and isinstance(cause, OSError) and cause.errno == errno.EIO
        if isinstance(cause, OSError) and not damage and cause.errno in _SAYS:
            return _SAYS[cause.errno]
        cause = cause.__cause__
    return None


def check_room() -> None:
    """Raise TransientError `worker_exhausted` when less is free for scratch folders than `SCRATCH_MIN_FREE_MB`."""
    settings = get_settings()
    if not settings.scratch_min_free_mb:
        return
    try:
        with told():
            free = shutil.disk_usage(settings.scratch_dir or tempfile.gettempdir()).free
    except FileNotFoundError as error:
        raise TransientError(CODE, "The folder SCRATCH_DIR of a worker is not there: make it, or mount it.") from error
    if free < settings.scratch_min_free_mb << 20:
        raise TransientError(CODE, _FULL)


class RoomWatch(bootsteps.StartStopStep):
    """Part of a worker's consumer: leaves stages in their queues while there is no room for them.

    What the worker runs besides, such as webhooks, needs none and goes on.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None
        # A connection that is made anew does not consume what the one before had left.
        self._left: list[str] = []

    def start(self, consumer: Any) -> None:
        """Look now, before the first message comes, and every few seconds."""
        self._look(consumer)
        self._timer = consumer.timer.call_repeatedly(LOOK_EVERY_S, self._look, (consumer,))

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - the interface of a step
        """Look no more; the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, consumer: Any) -> None:
        try:
            check_room()
        except TransientError as error:
            self._leave(consumer, error.message)
        else:
            self._take(consumer)

    def _leave(self, consumer: Any, reason: str) -> None:
        taken = [name for name in consumer.app.amqp.queues.consume_from if name in STAGES]
        if taken:
            _log.warning("worker takes no stages", reason=reason)
        for name in taken:
            # First the note: the connection may break in between.
            self._left.append(name)
            consumer.cancel_task_queue(name)

    def _take(self, consumer: Any) -> None:
        if self._left:
            _log.info("worker takes stages again")
        while self._left:
            consumer.add_task_queue(self._left[-1])
            self._left.pop()
