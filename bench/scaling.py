"""The capacity model of docs/scaling.md: how many pods for so many hours of film an hour, and where the next limit is.

All constants are measured: bench/results/capacity.json, and the figures of whole jobs in the other results.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from bench.results import FOLDER

HELM = Path("helm")
USE = 0.65
"""Share of a pool's processors that is planned to be in use: the rest is for what comes unevenly."""
EFFICIENCY = 0.85
"""What several threads of one encode make of their processors."""
PARALLEL = frozenset({"segment", "trim-exact", "proxy", "brand"})
"""Stages whose encoders, or decoder and encoder, use all processors of a pod; the others use one."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What is asked for: a job's film in seconds; how many times as long its recording is; and the shares of jobs that
    are cut exactly, that have previews, that are the first of their recording, and that are answered from cache."""

    film_s: float = 1800.0
    exact: float = 0.1
    previews: float = 1.0
    recorded: float = 5 / 3
    new: float = 1.0
    cached: float = 0.05


@dataclass(frozen=True, kw_only=True)
class Pool:
    """How a pool scales, by the chart: pods from `least` to `most`, stages at once and processors of each; the rules of
    scaling down, and the grace of a pod that is to go, in seconds."""

    processes: int
    cores: float
    least: int
    most: int
    look_s: int
    quiet_s: int
    down_a_minute: int
    grace_s: int


@dataclass(frozen=True)
class Cost:
    """Processor seconds of a stage: so many whatever the film, and so many for each second of it."""

    fixed_s: float
    per_s: float

    def of(self, film_s: float) -> float:
        """Processor seconds for so much film."""
        return self.fixed_s + self.per_s * film_s


def constants() -> dict[str, dict[str, Any]]:
    """Rows of the measurements by name."""
    return {row["row"]: row for row in json.loads((FOLDER / "capacity.json").read_text())}


def costs(measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Cost]:
    """What each stage costs."""
    return {
        name: Cost(float(row["fixed_s"]), float(row["cpu_s_per_film_s"]))
        for name, row in measured.items()
        if "cpu_s_per_film_s" in row
    }


def demand(mix: Mix, cost: Mapping[str, Cost]) -> dict[str, float]:
    """Processor seconds that each pool spends on one job of the mix."""
    of = {name: one.of(mix.film_s) for name, one in cost.items()}
    trim = mix.exact * of["trim-exact"] + (1 - mix.exact) * of["trim-smart"]
    made = 1 - mix.cached
    preview = of["preview"] + mix.new * cost["proxy"].of(mix.film_s * mix.recorded)
    return {"encode": made * (trim + mix.previews * preview), "light": made * (of["probe"] + of["publish"])}


def pods(film_hours_an_hour: float, pool: str, mix: Mix, cost: Mapping[str, Cost], cores: float) -> int:
    """How many pods of a pool keep up with so many hours of film an hour, at USE of their processors."""
    jobs_a_second = film_hours_an_hour / mix.film_s
    return math.ceil(jobs_a_second * demand(mix, cost)[pool] / (cores * USE))


def chart(pool: str) -> Pool:
    """Read what the chart says of a pool: its values, merged with the defaults, and the registry's numbers."""
    values = yaml.safe_load((HELM / "values.yaml").read_text())
    registry = json.loads((HELM / "files/stages.json").read_text())["pools"][pool]
    own, common = values["workers"]["pools"].get(pool, {}), values["workers"]["defaults"]
    auto = common["autoscaling"] | own.get("autoscaling", {})
    requests = (common["resources"] | own.get("resources", {}))["requests"]
    return Pool(
        processes=own.get("processes") or common["processes"] or registry["processes"],
        cores=_cores(requests["cpu"]),
        least=auto["minReplicas"],
        most=auto["maxReplicas"],
        look_s=values["keda"]["pollingInterval"],
        quiet_s=auto["scaleDownStabilizationSeconds"],
        down_a_minute=auto["scaleDownPodsPerMinute"],
        grace_s=min(own.get("shutdownGraceSeconds") or common["shutdownGraceSeconds"], registry["longest_s"]),
    )


def _cores(quantity: str | int) -> float:
    text = str(quantity)
    return float(Fraction(text[:-1]) / 1000) if text.endswith("m") else float(text)


def limits(jobs_a_day: float, stages: float, measured: Mapping[str, Any], *, peak: float = 3.0) -> dict[str, float]:
    """What so many jobs a day of `stages` stages ask of database and broker in the busiest hour, `peak` times the mean.

    Processors, commits a second and bytes of write-ahead log a second of the database; processors and commands a second
    of Redis; and bytes of rows a day.
    """
    rate = jobs_a_day * stages / 86400 * peak
    return {
        "stages_per_s": rate,
        "database_cpus": rate * measured["database_cpu_ms_per_stage"] / 1000,
        "transactions_per_s": rate * measured["transactions_per_stage"],
        "wal_mb_per_s": rate * measured["wal_bytes_per_stage"] / 1e6,
        "broker_cpus": rate * measured["broker_cpu_ms_per_stage"] / 1000,
        "redis_commands_per_s": rate * measured["redis_commands_per_stage"],
        "rows_gb_per_day": jobs_a_day * measured["table_bytes_per_job"] / 1e9,
    }
