"""The Celery application: every process that sends or runs a stage shares this one."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging

from core.log import configure_logging
from core.settings import get_settings

celery_app = Celery("cutwork")
celery_app.config_from_object("celeryconfig")
# By name: only a worker loads them.
celery_app.steps["worker"].update(
    ("tasks.stop:GracefulStop", "tasks.exporter:MetricsExporter", "tasks.alive:SignOfLife")
)
celery_app.steps["consumer"].add("tasks.exhaustion:RoomWatch")


@celeryd_init.connect
@setup_logging.connect
def _use_our_logs(**_: Any) -> None:
    configure_logging(json=get_settings().log_json)
    # That a message came and what became of it: stages say that themselves, with their job.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)


@beat_init.connect
def _watch_beat(**_: Any) -> None:
    from tasks import alive

    alive.watch_beat()
