"""The system's own Celery application with all its machinery, whose stages do nothing.

Start a worker as Celery says: `celery --app bench.noop worker`. Stages bear the names of the registry, so routes,
queues and limits are the real ones; only their work is not there.
"""

from __future__ import annotations

from bench.bare import NAMES
from tasks.app import celery_app as ours
from tasks.base import stage
from tasks.context import StageContext

__all__ = ["ours"]


def nothing(ctx: StageContext) -> None:
    """Do nothing."""
    ctx.store({}, result={})


# The modules of the real stages are not loaded; what beat and the stages call is.
ours.conf.imports = ("pipelines.maintenance",)
for _name in NAMES:
    stage(_name)(nothing)
