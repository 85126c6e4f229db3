"""The model of leases, with those who recover on purpose: a user who retries, workers that stop, processes that die."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core import states
from core.errors import ConflictError
from pipelines import handover, submit
from tests.core.rows import DIAMOND
from tests.pipelines.lease_model import ANY, MOODS, LeaseModel, _key, _pick
from tests.pipelines.lease_world import Work, look


class RecoveryModel(LeaseModel):
    """Beside what happens by itself: `POST …/retry`, a graceful stop, and a main process that misses a child."""

    @precondition(lambda self: any(job["status"] in states.TERMINAL for job in self.sight.jobs.values()))
    @rule(which=ANY, start=st.sampled_from([None, *(stage.name for stage in DIAMOND)]), mood=MOODS)
    def retry(self, which, start, mood):
        """A job that has ended begins again, and keeps what is done."""
        before = look()
        job_id, row = _pick(sorted(before.jobs.items()), which)
        planned = {stage.name for stage in self.stages}
        try:
            self._sending(mood, submit.retry, row["account_id"], job_id, start if start in planned else None)
        except ConflictError:
            assert row["status"] not in {states.FAILED, states.CANCELED}, "a job that had failed refused its retry"
            return
        assert row["status"] in {states.FAILED, states.CANCELED}, "a job that had not failed began again"
        after = look()
        assert after.jobs[job_id]["epoch"] > row["epoch"], "a retry left the old messages valid"
        for (owner, name), stage in after.stages.items():
            if owner == job_id and name in planned:
                done = stage["digest"] in after.artifacts
                assert (stage["status"] == states.SUCCEEDED) == done, "a retry undid finished work"
                assert done or (stage["attempt"], stage["lease_owner"]) == (0, None), "a retry kept an old attempt"
        # What the others see of a job that ended holds again from here.
        self.sight = after
        self.expanded -= {key for key in self.expanded if key[0] == job_id}
        self.expanded |= {
            (job_id, stage["part_of"]) for key, stage in after.stages.items() if _is_part(key, job_id, stage)
        }

    @precondition(lambda self: self.busy)
    @rule(which=ANY, mood=MOODS)
    def stop(self, which, mood):
        """A worker is told to go; what it ran goes on elsewhere, and its process notices later."""
        work, before = self._taken_back(which, mood, handover.hand_over)
        if before is None:
            return
        stage = look().stages[_key(work)]
        assert stage["status"] == states.QUEUED, "what a stopping worker ran was not handed over"
        assert stage["attempt"] == before["attempt"] - 1, "a graceful stop cost an attempt"
        self.frozen.append(work)

    @precondition(lambda self: self.busy)
    @rule(which=ANY, mood=MOODS)
    def die(self, which, mood):
        """A process crashes, and its main process sees it at once."""
        work, before = self._taken_back(which, mood, handover.recover)
        if before is not None:
            stage = look().stages[_key(work)]
            assert stage["status"] in {states.QUEUED, states.FAILED}, "what a dead process ran was not taken back"
            assert stage["attempt"] == before["attempt"], "a crash was not counted"
        self._forget_ended()

    def _taken_back(self, which, mood, take_back) -> tuple[Work, dict | None]:
        """Let somebody take back what a process runs; also return its row as it was, None when it held none."""
        work = self._let_go(which)
        before, rightful = look(), self._rightful(work)
        self._sending(mood, take_back, work.lease.owner.removesuffix("x"))
        if not rightful:
            assert look() == before, "a zombie's end changed something"
            self.frozen.append(work)
            return work, None
        del self.holders[_key(work)]
        return work, before.stages[_key(work)]


class SmallRecoveryModel(RecoveryModel):
    """The same on jobs of one stage, where more happens to each."""

    stages = DIAMOND[:1]


def _is_part(key: tuple[str, str], job_id: str, stage: dict) -> bool:
    return key[0] == job_id and stage["part_of"] is not None
