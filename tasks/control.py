"""What a worker answers an operator beside Celery's own questions."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any

from celery.worker.control import inspect_command

from tasks.stages import STAGES

COMMAND = "cutwork"


@inspect_command(name=COMMAND)
def tell(_state: Any, **_: Any) -> dict[str, Any]:
    """Which version the worker is, which stages of which version it runs, and its clock."""
    stages = {stage.name: stage.version for stage in STAGES.values()}
    return {"version": version("cutwork"), "stages": stages, "time": time.time()}
