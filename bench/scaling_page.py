"""Writes docs/scaling.md from the measurements, the model and the chart: `python -m bench.scaling_page`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench.day import Day, jobs_a_day
from bench.results import FOLDER
from bench.scaling import USE, Mix, chart, constants, costs, limits, pods

PAGE = Path("docs/scaling.md")
_MEASURED = constants()
_SERVICES = _MEASURED["services"]
_COST = costs(_MEASURED)
_MIX = Mix()
_ENCODE, _LIGHT = chart("encode"), chart("light")
_HEAD = json.loads((FOLDER / "capacity.json").read_text())[0]
_ASKED = {
    "stages_per_s": "stages a second",
    "database_cpus": "processors of PostgreSQL",
    "transactions_per_s": "transactions a second, reads included",
    "wal_mb_per_s": "MB of write-ahead log a second",
    "broker_cpus": "processors of Redis",
    "redis_commands_per_s": "commands of Redis a second",
    "rows_gb_per_day": "GB of rows a day",
}


def _stages() -> str:
    lines = [
        f"| `{name}` | {cost.fixed_s:g} | {cost.per_s:.4f} | {_MEASURED[name]['memory_mb']} |"
        for name, cost in _COST.items()
    ]
    return "\n".join(lines)


def _pods() -> str:
    lines = []
    for hours in (1, 10, 100, 1000):
        encode, light = (
            pods(hours, name, _MIX, _COST, pool.cores) for name, pool in (("encode", _ENCODE), ("light", _LIGHT))
        )
        lines.append(f"| {hours:,} | {encode:,} | {light:,} |")
    return "\n".join(lines)


def _days() -> str:
    days = (
        ("100 film hours an hour", 1.0, _MIX),
        ("the same, half of it exact", 1.0, Mix(exact=0.5)),
        ("the same, with 70 % of the pods", 0.7, _MIX),
        ("the same, with half of the pods", 0.5, _MIX),
    )
    return "\n".join(_day(*day) for day in days)


def _day(label: str, share: float, mix: Mix) -> str:
    pools = {}
    for name, pool in (("light", _LIGHT), ("encode", _ENCODE)):
        most = pods(100, name, mix, _COST, pool.cores)
        pools[name] = replace(pool, most=max(pool.least, round(most * share) if name == "encode" else most))
    report = Day(pools, mix, _COST, seed=1).run(jobs_a_day(100, mix))
    waits = f"{report.wait('encode', 0.5):,.0f} s | {report.wait('encode', 0.95):,.0f} s"
    hours = f"{pools['encode'].most} | {report.pod_hours['encode']:,.0f}"
    return f"| {label} | {len(report.times):,} | {hours} | {waits} | {report.handed_over} |"


def _limits() -> str:
    found = limits(1e6, 4, _SERVICES)
    return "\n".join(f"| `{name}` | {value:,.1f} | {_ASKED[name]} |" for name, value in found.items())


def render() -> str:
    """Return the page as Markdown."""
    return f"""# Scaling

How many pods for how much film, where the next limit is, and why to believe it. The constants were measured by
`python -m bench.capacity` ({_HEAD["date"]}, {_HEAD["cores"]} cores of {_HEAD["cpu"]}, with other work on the machine, which makes processor
seconds dearer); the model is `bench/scaling.py`; `tests/bench/test_scaling.py` checks it by a day of
arrivals against the chart's autoscaling rules, and that this page, which `python -m bench.scaling_page` writes, is not stale. Measure your own: `cutwork_stage_output_seconds_total` over
`cutwork_stage_cpu_seconds_total` on the dashboard *encode fleet* is the first table, upside down.

## What work costs

1080p30 H.264 with AAC: processor seconds whatever the film, and for each second of it, and the memory of the process:

| stage | fixed, CPU s | CPU s for a second of film | MB |
|---|---|---|---|
{_stages()}

A smart cut costs its edges and its certificate, hardly more for more film (rows of `bench/trim.py`); `trim-exact` is divided
over `ENCODE_WIDTH` processes. The proxy, which previews are cut from, is the dearest part of a usual job, but made only once
for a recording, and costs by its length (here taken to be 5/3 of what is kept); `"preview": false` leaves both out. An intro
or outro costs some 120 s for half an hour (`bench/brand.py`: sound is encoded anew), a watermark as much as `trim-exact`.

## How many pods

    pods = jobs a second × CPU seconds of a job ÷ (processors of a pod × {USE})

for each pool: what a job of the usual mix costs follows from the table above, and {USE} leaves room for what comes unevenly.
With the chart's requests ({_ENCODE.cores:g} processors a pod of `encode`, {_LIGHT.cores:g} of `light`) and jobs of {_MIX.film_s / 60:.0f} minutes, {_MIX.exact:.0%} of them
cut exactly, all with previews, {_MIX.cached:.0%} answered from cache:

| hours of film in the busiest hour | encode | light |
|---|---|---|
{_pods()}

Set `workers.pools.encode.autoscaling.maxReplicas` to it. The encoder's memory is bounded by a pod's limit, not by this.

## A day, simulated

`python -m bench.day` replays a day: few jobs at night, 1.8 times the mean at noon, lengths that vary, pods that take 90 s to
start, the autoscaler's look every {_ENCODE.look_s} s, its tolerance, its speeds and its quiet time ({_ENCODE.quiet_s} s) as the chart sets
them, and pods that are told to go while they encode ({_ENCODE.grace_s} s of grace, then the stage begins anew elsewhere).

| what comes | jobs | most encode pods | pod hours | wait, median | 95 % | stages begun anew |
|---|---|---|---|---|---|---|
{_days()}

The grace does what it is for: pods that go end their stages first. What waits and what runs both count for the
autoscaler (`keda.countRunning`); by waiting stages alone it would stop the pods that work.

## Where the next limit is

What a stage costs besides its own work, with all rows, leases, events and messages: {_SERVICES["transactions_per_stage"]:g} transactions (reads included),
{_SERVICES["wal_bytes_per_stage"]:,} bytes of write-ahead log and {_SERVICES["database_cpu_ms_per_stage"]:g} ms of processor in PostgreSQL; {_SERVICES["redis_commands_per_stage"]:g} commands and {_SERVICES["broker_cpu_ms_per_stage"]:g} ms in
Redis; {_SERVICES["table_bytes_per_job"]:,} bytes of rows and {_SERVICES["broker_bytes_per_waiting_job"]:,} bytes of Redis a job (its message and its live events). A running stage
renews its lease every `HEARTBEAT_S`: two transactions a second for each process that works.

A million jobs a day of four stages, three times the mean in the busiest hour:

| what | value | |
|---|---|---|
{_limits()}

1. **Connections come first.** Each busy process holds two of PostgreSQL's; from some 100 encode pods on put PgBouncer
   (transaction mode) before it, or raise `max_connections`. And raise `HEARTBEAT_S`: at 1,000 running stages the default
   is 2,000 transactions a second, more than the stages' own.
2. **Then the database.** It takes one large server with a fast log disk, not several. The log grows with every commit:
   `synchronous_commit` must stay on. Rows are kept for ever: partition `job_stages` by month, or delete old jobs.
3. **The broker is far from its limit.** One Redis serves some 100,000 commands a second on one processor. An account's
   further jobs wait in the database, so that a flood of one costs the broker nothing (`MAX_RUNNING_JOBS`).
4. **The bucket.** S3 takes 3,500 writes and 5,500 reads a second for each prefix
   (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html). Results lie under 256 prefixes; a
   film of 30 minutes is read by some 10 to 130 ranges and written in parts of 8 MiB, some 120 for each of `trim` and
   `publish`. A million such jobs a day would be 3,000 writes a second on the average, spread over the prefixes.
5. **Processors before all of that.** A million jobs of 30 minutes are 500,000 hours of film a day, {pods(500_000 / 24 * 1.8, "encode", _MIX, _COST, _ENCODE.cores):,} pods of
   `encode` in the busiest hour.

A million *small* jobs (images, short cuts) is another thing: there the system's own cost counts, {_SERVICES["database_cpu_ms_per_stage"]:g} ms of database
and about 20 ms of worker a stage ([reliability](reliability.md), *What it costs*).
"""


if __name__ == "__main__":
    PAGE.write_text(render())
