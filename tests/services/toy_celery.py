"""A small Celery application for the tests of the nodes."""

import os

from celery import Celery
from pytest_celery.vendors.worker import tasks  # noqa: F401 - registers the ping that `ready(ping=True)` sends

app = Celery("toy", broker=os.environ.get("CELERY_BROKER_URL"), backend=os.environ.get("CELERY_RESULT_BACKEND"))
app.conf.broker_connection_retry_on_startup = True


@app.task(name="toy.add")
def add(x: int, y: int) -> int:
    return x + y


@app.task(name="toy.variable")
def variable(name: str) -> str | None:
    return os.environ.get(name)
