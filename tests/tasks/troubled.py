"""A worker whose stages hang, crash and eat memory: `celery --app tests.tasks.troubled worker --queues …`.

They stand in a registry of this process alone; jobs of them are made as rows, and the reconciler here sends them.
"""

import os
import signal
import time

from tasks.app import celery_app as app
from tasks.base import stage
from tasks.stages import STAGES, Stage

__all__ = ["app"]


def _add(name: str, **changes: int) -> None:
    entry = {"soft_limit_s": 20, "hard_limit_s": 30} | changes
    STAGES[name] = Stage(name=name, summary="For a test", pool="encode", weight=1, **entry)


_add("hang", soft_limit_s=1, hard_limit_s=2)
_add("deaf", soft_limit_s=600, hard_limit_s=610)
_add("slow", soft_limit_s=1, hard_limit_s=20)
_add("crash")
_add("hog")
_add("fine")


def wait_for_ever(ctx):
    """Never return, and hear nothing, as a library may that waits for something."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGQUIT})
    time.sleep(600)


for name in ("hang", "deaf"):
    stage(name)(wait_for_ever)


@stage("slow")
def slow(ctx):
    """Take too long in Python."""
    time.sleep(600)


@stage("crash")
def crash(ctx):
    """Die as a library does that is given a bad file."""
    os.kill(os.getpid(), signal.SIGSEGV)


@stage("hog")
def hog(ctx):
    """Ask for more memory than a stage may use, though there is as much address space."""
    bytearray(3 << 30)
    ctx.store({}, result={})


@stage("fine")
def fine(ctx):
    """Give other processes time to fail beside this one."""
    for _ in range(5):
        time.sleep(0.1)
        ctx.progress(0)
    ctx.store({}, result={})


# Celery reads its configuration now at the earliest: queues and limits are those of the registry with these stages,
# which have no modules of their own.
app.conf.imports = ("pipelines.maintenance", "pipelines.handover")
