"""A bare Celery application beside the system's own, with the same options and messages: its tasks do nothing.

Nothing of the system is loaded but the options, so that it logs and counts as Celery does.
"""

from __future__ import annotations

from functools import lru_cache

import redis
from celery import Celery
from kombu import Queue

from core.settings import get_settings
from tasks.stages import STAGES

BARE = "bare."
DONE = "bench:done"
NAMES = ("probe", "trim", "preview", "brand", "publish")

bare = Celery("bare", set_as_current=False)
bare.config_from_object("celeryconfig")
bare.conf.update(
    imports=(),
    beat_schedule={},
    task_default_queue=f"{BARE}publish",
    task_queues=[Queue(BARE + name) for name in NAMES],
    task_routes={BARE + name: {"queue": BARE + name} for name in NAMES},
    task_annotations={
        BARE + name: {"soft_time_limit": STAGES[name].soft_limit_s, "time_limit": STAGES[name].hard_limit_s}
        for name in NAMES
    },
)


def _step(job: str) -> None:
    """Do nothing."""


def _last(job: str) -> None:
    """Tell that the chain is done, as an event tells it of a job."""
    _redis().rpush(DONE, job)


for _name in NAMES:
    bare.task(name=BARE + _name)(_last if _name == "publish" else _step)


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    return redis.Redis.from_url(get_settings().events_url)
