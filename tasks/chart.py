"""Writes what the Helm chart derives from the code, `helm/files/*.json`: `python -m tasks.chart`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from core.settings import Settings
from tasks.stages import PERIODIC, POOLS, PROCESSES, STAGES, Pool, queues

FOLDER = Path(__file__).parent.parent / "helm" / "files"
# Their addresses may hold passwords.
_ADDRESSES = {"database_url", "broker_url", "redis_url"}


def render() -> dict[str, str]:
    """Return each file's name and text: the pools with their queues, and the names of the settings."""
    files = {"stages.json": {"pools": {pool: _pool(pool) for pool in POOLS}}, "settings.json": _settings()}
    return {name: json.dumps(content, indent=2) + "\n" for name, content in files.items()}


def _pool(pool: Pool) -> dict[str, Any]:
    limits = [stage.hard_limit_s for stage in STAGES.values() if stage.pool == pool]
    if pool == "maintenance":
        limits = [task.limit_s for task in PERIODIC.values()]
    return {
        "queues": queues(pool),
        "processes": PROCESSES[pool],
        "longest_s": max(limits),
        # Housekeeping takes turns, so more of it would wait.
        "scales": pool != "maintenance",
    }


def _settings() -> dict[str, list[str]]:
    """Names by where they may stand: in a ConfigMap, or in a Secret only."""
    names: dict[str, list[str]] = {"plain": [], "secret": []}
    for name, field in Settings.model_fields.items():
        secret = name in _ADDRESSES or SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))
        names["secret" if secret else "plain"].append(name.upper())
    return names


if __name__ == "__main__":
    for name, text in render().items():
        (FOLDER / name).write_text(text)
