"""What the database and the broker tell, for Prometheus: asked by beat alone, so that every number is there once.

A thread asks every `METRICS_EVERY_S`; a scrape gets the last answers. What could not be asked for long is left out: an
old number would be taken for a new one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from celery.signals import after_task_publish, beat_init
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from core import backlog, db, events, quota_totals
from core.errors import TransientError
from core.settings import get_settings
from core.storage import storage_from
from core.telemetry import exporter
from tasks import queues
from tasks.exporter import port
from tasks.quota_state import QuotaState
from tasks.stages import PERIODIC, POOLS, Pool
from tasks.stages import queues as queues_of

_FRESH_S = 60.0
"""At least; where it is asked less often, three times that."""
_POOL_OF: dict[str, Pool] = {queue: pool for pool in POOLS for queue in queues_of(pool)}
_log = structlog.get_logger(__name__)


class State(Collector):
    """The last answers of database, broker, live events and storage."""

    def __init__(self) -> None:
        self._up: dict[str, tuple[float, bool]] = {}
        self._backlog: tuple[float, backlog.Backlog] | None = None
        self._messages: tuple[float, dict[str, int]] | None = None
        self._sent = dict.fromkeys(PERIODIC, 0)

    def ask(self) -> None:
        """Ask all four, each by itself."""
        storage = storage_from(get_settings())
        for name, question in {
            "database": self._ask_database,
            "broker": self._ask_broker,
            "events": events.check,
            "storage": storage.check,
        }.items():
            answers = _answers(question)
            self._up[name] = time.monotonic(), answers

    def count(self, task: str) -> None:
        """Count a message that beat has sent."""
        if task in self._sent:
            self._sent[task] += 1

    def collect(self) -> Iterator[Metric]:
        """Yield what is known and not old."""
        up = GaugeMetricFamily("cutwork_service_up", "Whether a service answers beat.", labels=["service"])
        for name, (asked, answers) in dict(self._up).items():
            if _is_fresh(asked):
                up.add_metric([name], answers)
        sent = CounterMetricFamily("cutwork_beat_sent", "Periodic tasks that beat has sent.", labels=["task"])
        for task, count in self._sent.items():
            sent.add_metric([task], count)
        yield from (up, sent)
        if self._messages and _is_fresh(self._messages[0]):
            yield _by_queue("messages", "Messages in the broker that no worker has taken.", self._messages[1])
        if self._backlog and _is_fresh(self._backlog[0]):
            yield from _of(self._backlog[1])

    def _ask_database(self) -> None:
        db.check()
        self._backlog = time.monotonic(), backlog.read()

    def _ask_broker(self) -> None:
        self._messages = time.monotonic(), queues.depths(_POOL_OF)


def _of(state: backlog.Backlog) -> Iterator[Metric]:
    found = {name: state.queues.get(name, backlog.Queue()) for name in _POOL_OF}
    yield _by_queue("ready", "Stages that wait for a worker.", {name: one.ready for name, one in found.items()})
    ages = {name: one.oldest_s for name, one in found.items()}
    yield _by_queue("oldest_seconds", "Seconds that the first of the waiting stages has waited.", ages)
    leases = GaugeMetricFamily("cutwork_leases", "Stages that run, by their lease.", labels=["queue", "state"])
    for name, one in found.items():
        leases.add_metric([name, "held"], one.held)
        leases.add_metric([name, "expired"], one.expired)
    yield leases
    jobs = GaugeMetricFamily("cutwork_jobs", "Jobs that have not ended.", labels=["state"])
    for name in ("waiting", "queued", "running"):
        jobs.add_metric([name], getattr(state, name))
    yield jobs
    yield GaugeMetricFamily("cutwork_lines_waiting", "Accounts whose jobs wait for room, by lane.", state.lines)
    yield GaugeMetricFamily("cutwork_uploads_open", "Uploads that are not complete.", state.uploads)
    yield GaugeMetricFamily("cutwork_webhooks_due", "Webhooks that are to be sent now.", state.webhooks)
    oldest = "Seconds that the first of the webhooks that are due has waited."
    yield GaugeMetricFamily("cutwork_webhooks_oldest_seconds", oldest, state.webhooks_oldest_s)


def _by_queue(name: str, about: str, values: dict[str, Any]) -> Metric:
    family = GaugeMetricFamily(f"cutwork_queue_{name}", about, labels=["queue", "pool"])
    for queue, value in values.items():
        family.add_metric([queue, _POOL_OF[queue]], value)
    return family


def _is_fresh(moment: float) -> bool:
    return time.monotonic() - moment < max(_FRESH_S, 3 * get_settings().metrics_every_s)


def _answers(question: Callable[[], None]) -> bool:
    try:
        question()
    except TransientError as error:
        _log.warning("no answer", code=error.code, reason=error.message)
        return False
    except SQLAlchemyError as error:
        # The tables may not be there yet.
        _log.warning("no answer", reason=str(error))
        return False
    return True


@beat_init.connect
def _begin(**_: Any) -> None:
    if not port():
        return
    state, quotas = State(), QuotaState()
    host = get_settings().metrics_host
    try:
        exporter.serve(host, port(), kind="beat", collectors=[state, quotas])
    except OSError as error:
        _log.warning(
            "metrics not served", port=port(), reason=str(error), advice="set METRICS_PORT to another, or to 0 for none"
        )
        return
    after_task_publish.connect(lambda sender, **_: state.count(str(sender)), weak=False)
    # Beat forks nobody, so that a thread is no danger here.
    threading.Thread(target=_ask_for_ever, args=(state,), name="state", daemon=True).start()
    if quota_totals.limits():
        threading.Thread(target=_add_up_for_ever, args=(quotas,), name="quotas", daemon=True).start()


def _ask_for_ever(state: State) -> None:
    while True:
        state.ask()
        time.sleep(get_settings().metrics_every_s)


def _add_up_for_ever(quotas: QuotaState) -> None:
    while True:
        _answers(quotas.ask)
        time.sleep(quotas.pause_s)
