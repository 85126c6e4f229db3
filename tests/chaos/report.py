"""The figures of a run: a table for people, one line of JSON for machines."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.chaos.fleet import ROOT

_MEDIAN_S, _MOST_S = 20, 40
_SHARE = 0.9


def show(figures: dict[str, Any], broken: list[str], given_up: list[str]) -> None:
    """Print the table, then what was broken, then the JSON line."""
    console = Console(width=110, highlight=False)
    table = Table(title=f"Chaos, seed {figures['seed']}", box=box.SIMPLE_HEAD)
    table.add_column("What")
    table.add_column("How often", justify="right")
    for kind, count in sorted(figures["faults"].items()):
        table.add_row(f"fault: {kind}", str(count))
    for status, count in sorted(figures["jobs"].items()):
        table.add_row(f"jobs {status}", str(count))
    resumed = figures["resumption_s"]
    for name, value in (
        ("faults in all", sum(figures["faults"].values())),
        ("faults that found nothing to strike", sum(figures["faults_idle"].values())),
        ("storage requests struck", figures["storage_requests_struck"]),
        ("requests that the client repeated", figures["requests_repeated"]),
        ("processes started again", figures["processes_restarted"]),
        ("processes that ended by themselves", figures["processes_that_ended_by_themselves"]),
        ("jobs accepted by a 202", figures["accepted"]),
        ("jobs refused at once by a 422", figures["refused"]),
        ("jobs that used up a stage's attempts", figures["given_up"]),
        ("outputs equal to the undisturbed run", figures["outputs_compared"]),
        ("stages run again", figures["stages_rerun"]),
        ("stages taken from a stopped process", figures["zombies"]),
        ("commits whose process was witnessed", figures["commits_witnessed"]),
        ("kill to resumption, cases", resumed["count"]),
        ("killed and not claimed again", resumed["not_claimed_again"]),
        ("kill to taken back, median s", figures["taken_back_s"]["median"]),
        ("kill to taken back, max s", figures["taken_back_s"]["max"]),
        ("kill to resumption, median s", resumed["median"]),
        ("kill to resumption, max s", resumed["max"]),
        ("seconds until quiet", figures["settled_s"]),
        ("orphans that the housekeeping swept", figures["orphans_swept"]),
        ("promises broken", figures["broken"]),
    ):
        table.add_row(name, str(value))
    console.print(table)
    for line in given_up:
        console.print(f"attempts used up: {line}", markup=False)
    for line in broken:
        console.print(f"BROKEN {line}", markup=False)
    print(json.dumps(figures))


def missed(figures: dict[str, Any], faults: int) -> list[str]:
    """The goals that a run with this many faults asked for has not met; goals are for default settings."""
    resumed, struck = figures["resumption_s"], sum(figures["faults"].values())
    goals = {
        f"{_SHARE:.0%} of {faults} faults struck, not {struck}": struck >= faults * _SHARE,
        f"median resumption under {_MEDIAN_S} s, not {resumed['median']}": (resumed["median"] or 0) < _MEDIAN_S,
        f"resumption under {_MOST_S} s at most, not {resumed['max']}": (resumed["max"] or 0) < _MOST_S,
    }
    return [goal for goal, met in goals.items() if not met]


def circumstances() -> dict[str, Any]:
    """What the figures depend on."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False)
    return {"cutwork": found.stdout.strip() or None, "cores": os.cpu_count(), "load_1min": round(os.getloadavg()[0], 1)}
