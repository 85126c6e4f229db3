"""What beat tells of services: an old answer is none."""

import time

import pytest
from prometheus_client import CollectorRegistry

from core.settings import get_settings
from tasks.state import State


def services(state):
    registry = CollectorRegistry()
    registry.register(state)
    return {
        sample.labels["service"]: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "cutwork_service_up"
    }


@pytest.mark.parametrize(("every_s", "kept_s"), [("10", 55), ("100", 295)])
def test_old_answers_are_left_out(database, monkeypatch, tmp_path, every_s, kept_s):
    monkeypatch.setenv("METRICS_EVERY_S", every_s)
    monkeypatch.setenv("STORAGE_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr("tasks.state.queues.depths", lambda names: dict.fromkeys(names, 0))
    get_settings.cache_clear()
    state = State()
    assert services(state) == {}
    began = time.monotonic()
    state.ask()
    told = {"database": 1, "broker": 1, "events": 0, "storage": 1}
    assert services(state) == told
    monkeypatch.setattr("time.monotonic", lambda: began + kept_s)
    assert services(state) == told
    monkeypatch.setattr("time.monotonic", lambda: began + kept_s + 60)
    assert services(state) == {}
