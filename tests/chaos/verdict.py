"""Whether the promise was kept: from the database and the bucket alone, and the list of what was accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from core.models import Artifact
from tasks.stages import STAGES
from tests.chaos.client import Client
from tests.chaos.history import History, Hold
from tests.chaos.outcome import Ended, likeness
from tests.chaos.scenario import Scenario
from tests.chaos.workload import JobSpec

TERMINAL = {"succeeded", "failed", "canceled"}
# What a stage may say in the end when trouble used up its attempts.
_GIVEN_UP = {"worker_lost", "storage_unavailable", "database_unavailable"}
_BLOW = timedelta(seconds=10)
_FOUND = timedelta(seconds=10)
"""Who ended by itself is found out so late."""


@dataclass
class Verdict:
    """`broken` says every promise that was not kept, one line each; the rest are figures."""

    broken: list[str] = field(default_factory=list)
    jobs: Counter[str] = field(default_factory=Counter)
    given_up: list[str] = field(default_factory=list)
    compared: int = 0
    rerun: int = 0
    taken_back_s: list[float] = field(default_factory=list)
    resumed_s: list[float] = field(default_factory=list)
    unresumed: int = 0
    zombies: int = 0

    def figures(self) -> dict[str, Any]:
        """The numbers, for one JSON line."""
        return {
            "broken": len(self.broken),
            "jobs": dict(self.jobs),
            "given_up": len(self.given_up),
            "outputs_compared": self.compared,
            "stages_rerun": self.rerun,
            "taken_back_s": _spread(self.taken_back_s),
            "resumption_s": _spread(self.resumed_s) | {"not_claimed_again": self.unresumed},
            "zombies": self.zombies,
        }


def judge(
    scenario: Scenario,
    client: Client,
    ended: Mapping[str, Ended],
    history: History,
    artifacts: Sequence[Artifact],
    reference: Mapping[str, Mapping[str, str]],
) -> Verdict:
    """Compare what was promised with what is there; `reference` are outputs of an undisturbed run by likeness."""
    verdict = Verdict(jobs=Counter(job.status for job in ended.values()))
    broken = verdict.broken
    broken += [f"lost: {job_id} was accepted and is not there" for job_id in client.accepted if job_id not in ended]
    for job in ended.values():
        spec = scenario.jobs[job.number] if job.number is not None else None
        broken += _of_job(job, spec, client, verdict)
        if spec and job.status == "succeeded":
            verdict.compared += 1
            if job.outputs != reference.get(likeness(spec)):
                broken.append(f"output: {job.id} ({spec.kind} {spec.number}) differs from the undisturbed run")
    broken += [
        f"two commits: artifact {digest[:12]}: {what}"
        for digest, what in history.artifacts.items()
        if what != ["insert"]
    ]
    made = Counter(job.number for job in ended.values() if job.number is not None)
    broken += [f"made twice: request {number} made {count} jobs" for number, count in made.items() if count > 1]
    there = {artifact.digest for artifact in artifacts}
    missing = {digest for job in ended.values() for digest in job.digests} - there
    broken += [f"artifact: {digest[:12]} is missing" for digest in missing]
    broken += [f"two ends: {named} succeeded twice" for named in history.twice]
    broken += [f"zombie: {named}" for named in history.strangers]
    broken += [f"canceled: {named} changed after its job's cancel" for named in history.after_cancel]
    verdict.rerun = sum(hold.attempt > 1 for hold in history.holds)
    return verdict


def _of_job(job: Ended, spec: JobSpec | None, client: Client, verdict: Verdict) -> Iterator[str]:
    named = f"{job.id} ({spec.kind} {spec.number})" if spec else job.id
    code = job.error["code"] if job.error else None
    if job.status not in TERMINAL:
        yield f"unfinished: {named} is {job.status}"
    elif job.status == "canceled" and job.id not in client.asked_to_cancel:
        yield f"cancel: {named} is canceled, and nobody asked for it"
    elif job.status != "canceled" and job.id in client.canceled:
        yield f"cancel: {named} was canceled, and is {job.status}"
    elif job.status == "succeeded" and spec and spec.codes:
        yield f"end: {named} succeeded and should have failed"
    elif job.status == "failed" and job.error and code in _GIVEN_UP:
        stage = job.error["stage"]
        # A stage fails with its part: `trim` with `trim/video-3`.
        tried = max(count for name, count in job.attempts.items() if name.split("/")[0] == stage)
        verdict.given_up.append(f"{named}: {stage}, {code} after {tried} attempts")
        if tried < STAGES[stage].attempts:
            yield f"end: {named} gave up with {code} after {tried} attempts"
    elif job.status == "failed" and spec and code not in spec.codes:
        yield f"end: {named} failed with {code}"


def resumptions(verdict: Verdict, history: History, killed: Sequence[tuple[datetime, list[int]]]) -> None:
    """For every lease whose process was killed: the seconds from the SIGKILL to the next claim of the stage.

    In between it was taken back and sent again, and waited in its queue for a worker. A stage that nobody claimed again
    is counted apart: its job was canceled, or another job made the same artifact.
    """
    for hold in history.holds:
        moment = next((at for at, pids in sorted(killed) if hold.process in pids and _holds(hold, at)), None)
        if moment is None:
            continue
        verdict.taken_back_s += [(hold.ended - moment).total_seconds()] if hold.ended else []
        later = [other.begun for other in history.holds if _same(hold, other) and other.begun > moment]
        if later:
            verdict.resumed_s.append((min(later) - moment).total_seconds())
        else:
            verdict.unresumed += 1


def false_losses(
    verdict: Verdict,
    ended: Mapping[str, Ended],
    history: History,
    struck: Sequence[tuple[datetime, Sequence[int]]],
    surprised: Sequence[datetime],
) -> None:
    """Compare the ends as `worker_lost` with the workers that really were: `struck` says when which processes were
    killed, frozen or told to end, `surprised` when one was found that had ended by itself.

    Trouble of the database or the storage, however long, is no lost worker.
    """
    for job in ended.values():
        if not job.error or job.error["code"] != "worker_lost":
            continue
        stage = job.error["stage"]
        lost: Counter[str] = Counter()
        for hold in history.holds:
            if hold.job_id == job.id and hold.stage.split("/")[0] == stage:
                lost[hold.stage] += _is_loss(hold, struck, surprised)
        most = max(lost.values(), default=0)
        if most < STAGES[stage].attempts:
            verdict.broken.append(f"false loss: {stage} of {job.id} is worker_lost, but lost a worker {most} times")


def _is_loss(hold: Hold, struck: Sequence[tuple[datetime, Sequence[int]]], surprised: Sequence[datetime]) -> bool:
    # A process may still have begun a stage between the note and the blow.
    return any(
        hold.process in pids and hold.begun < moment + _BLOW and (hold.ended is None or hold.ended > moment)
        for moment, pids in struck
    ) or any(hold.begun < moment and (hold.ended is None or hold.ended > moment - _FOUND) for moment in surprised)


def zombies(verdict: Verdict, history: History, stopped: Sequence[tuple[datetime, Sequence[int], float]]) -> None:
    """Count the processes that woke up and found their stage taken by another."""
    for moment, pids, seconds in stopped:
        for hold in history.holds:
            if hold.process in pids and _holds(hold, moment) and hold.ended:
                woke = (hold.ended - moment).total_seconds() >= seconds
                verdict.zombies += not woke


def _spread(seconds: Sequence[float]) -> dict[str, Any]:
    middle, most = (round(median(seconds), 1), round(max(seconds), 1)) if seconds else (None, None)
    return {"count": len(seconds), "median": middle, "max": most}


def _holds(hold: Hold, moment: datetime) -> bool:
    return hold.begun < moment and (hold.ended is None or hold.ended > moment)


def _same(hold: Hold, other: Hold) -> bool:
    return (hold.job_id, hold.stage) == (other.job_id, other.stage)
