"""Two Celery applications whose tasks do nothing: the system's own, with all its machinery, and a bare one beside it.

Start a worker of each as Celery says: `celery --app bench.noop:ours worker`, `celery --app bench.noop:bare worker`.
Stages bear the names of the registry, so routes, queues and limits are the real ones; only their work is not there.
"""

from __future__ import annotations

from functools import lru_cache

import redis
from celery import Celery
from kombu import Queue

from core.settings import get_settings
from tasks.app import celery_app as ours
from tasks.base import stage
from tasks.context import StageContext
from tasks.stages import STAGES

__all__ = ["BARE", "DONE", "bare", "ours"]

BARE = "bare."
DONE = "bench:done"
_NAMES = ("probe", "trim", "preview", "brand", "publish")


def nothing(ctx: StageContext) -> None:
    """Do nothing."""
    ctx.store({}, result={})


# The modules of the real stages are not loaded; what beat and the stages call is.
ours.conf.imports = ("pipelines.maintenance",)
for _name in _NAMES:
    stage(_name)(nothing)

bare = Celery("bare", set_as_current=False)
bare.config_from_object("celeryconfig")
bare.conf.update(
    imports=(),
    beat_schedule={},
    task_default_queue=f"{BARE}publish",
    task_queues=[Queue(BARE + name) for name in _NAMES],
    task_routes={BARE + name: {"queue": BARE + name} for name in _NAMES},
    task_annotations={
        BARE + name: {"soft_time_limit": STAGES[name].soft_limit_s, "time_limit": STAGES[name].hard_limit_s}
        for name in _NAMES
    },
)


def _step(job: str) -> None:
    """Do nothing."""


def _last(job: str) -> None:
    """Tell that the chain is done, as an event tells it of a job."""
    _redis().rpush(DONE, job)


for _name in _NAMES:
    bare.task(name=BARE + _name)(_last if _name == "publish" else _step)


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    return redis.Redis.from_url(get_settings().events_url)
