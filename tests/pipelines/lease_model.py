"""A model of all that may happen to leases and epochs, for hypothesis to search: see `LeaseModel`."""

from __future__ import annotations

import itertools
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import delete

from core import leases, parts, states
from core.db import transaction
from core.errors import ConflictError
from core.leases import Lease
from core.models import Artifact, Job, JobStage
from core.parts import PartPlan
from core.refusals import SOON_S, Later, Refused
from pipelines import canvas, reconciler, submit
from tasks.stages import STAGES
from tests.core.rows import DIAMOND, make_job
from tests.pipelines.lease_world import LEASE_S, Broker, Clock, Killed, Message, Sight, Work, look, replaced

ATTEMPTS = 2
WORKERS = 3
JOBS = 3
# Of them so many may be at work; the test sets it.
RUNNING_JOBS = 2
LIVE = (states.QUEUED, states.RUNNING)
# After this many rounds of 70 s (a lost message is sent again after 60) without a fault every job must have ended.
ROUND_S, ROUNDS = 70, 20
MOODS = st.sampled_from(["well", "well", "well", "away", "deaf", "killed before", "killed after"])
# An ended job hides what else might have happened to it.
SELDOM = st.sampled_from([False, False, False, True])
ANY = st.integers(0, 30)


class LeaseModel(RuleBasedStateMachine):
    """Workers, a reconciler and a user against the real leases, jobs, canvas and reconciler, on real rows.

    The broker may deliver a message late, twice, in any order or never; a worker may die or freeze at any point and go
    on later; a process may be killed before or after it sent a canvas. Beside the rows the model keeps who rightfully
    holds each stage, and every answer of the code is compared with it.
    """

    stages = DIAMOND

    def __init__(self) -> None:
        super().__init__()
        self._outer_error = sys.exc_info()[1]
        self.clock, self.broker = Clock(), Broker()
        self.busy: list[Work] = []
        self.frozen: list[Work] = []
        self.holders: dict[tuple[str, str], Work] = {}
        self.expanded: set[tuple[str, str]] = set()
        self.owners = itertools.count()
        self.sight = Sight({}, {}, {})
        self._world = ExitStack()
        self._world.enter_context(replaced(self.clock, self.broker))
        capped = {name: replace(stage, attempts=ATTEMPTS) for name, stage in STAGES.items()}
        self._world.enter_context(patch.dict(STAGES, capped))
        with transaction() as session:
            for table in (JobStage, Job, Artifact):
                session.execute(delete(table))

    # The API and its user.

    @initialize(mood=MOODS)
    def first(self, mood):
        self._submit("", mood)

    @precondition(lambda self: len(self.sight.jobs) < JOBS)
    @rule(salt=st.sampled_from(["", "", "other "]), mood=MOODS)
    def submit(self, salt, mood):
        self._submit(salt, mood)

    def _submit(self, salt, mood):
        job = make_job(self.stages, salt=salt)
        self._sending(mood, canvas.dispatch, job)

    @precondition(lambda self: any(job["status"] not in states.TERMINAL for job in self.sight.jobs.values()))
    @rule(which=ANY, really=SELDOM, mood=MOODS)
    def cancel(self, which, really, mood):
        if not really:
            return
        row = _pick(sorted(self.sight.jobs.items()), which)[1]
        try:
            self._sending(mood, submit.cancel, row["account_id"], row["id"])
        except ConflictError:
            assert row["status"] in states.TERMINAL, "a live job refused its cancel"
        else:
            assert row["status"] not in states.TERMINAL, "a job that had ended was canceled"
        self._forget_ended()

    # The broker.

    @precondition(lambda self: self.broker.queue)
    @rule(which=ANY, everything=st.booleans())
    def lose(self, which, everything):
        self.broker.queue = [] if everything else _without(self.broker.queue, which)

    @precondition(lambda self: self.broker.known)
    @rule(which=ANY)
    def redeliver(self, which):
        """Any message that any canvas held: one that was done long ago, or a chord's body before its time."""
        self.broker.queue.append(_pick(self.broker.known, which))

    # Workers.

    @precondition(lambda self: self.broker.queue and len(self.busy) < WORKERS)
    @rule(which=ANY)
    def deliver(self, which):
        message = _pick(self.broker.queue, which)
        self.broker.queue = _without(self.broker.queue, which)
        self.busy += filter(None, [self._receive(message)])

    def _receive(self, message: Message) -> Work | None:
        job_id, epoch, name = message.args
        lease = Lease(job_id, name, epoch, f"owner-{next(self.owners)}/x")
        before, key = look(), (job_id, name)
        answer = leases.claim(lease, seconds=LEASE_S, attempts=ATTEMPTS)
        if answer is Refused.DONE:
            self.broker.done(message)
        if isinstance(answer, Later):
            self.broker.later.append(message)
            return None
        if isinstance(answer, Refused):
            self._forget_ended()
            self._tell(message, "well")
            return None
        assert before.jobs[job_id]["epoch"] == epoch, "a stale message was obeyed"
        assert before.jobs[job_id]["status"] not in states.TERMINAL, "a job that had ended was worked on"
        assert before.stages[key]["status"] != states.SUCCEEDED, "finished work was begun again"
        needs = {before.stages[job_id, need]["status"] for need in answer.needs}
        assert needs <= {states.SUCCEEDED}, "a stage began before what it needs"
        assert before.stages[key]["queued_at"] <= self._in(SOON_S), "a stage that was handed back began too soon"
        other = self.holders.get(key)
        assert other is None or other.until <= self.clock.moment, "two workers hold one stage"
        self.holders[key] = work = Work(lease, message, answer.digest, self._lease_end())
        return work

    @precondition(lambda self: self.busy)
    @rule(which=ANY)
    def renew(self, which):
        work = _pick(self.busy, which)
        kept = leases.renew(work.lease, seconds=LEASE_S, progress=0.5)
        assert kept == self._rightful(work), "a renewal was answered wrongly"
        work.until = self._lease_end()
        if not kept:
            self.busy.remove(work)

    @precondition(lambda self: self.busy)
    @rule(which=ANY, answer_lost=st.booleans(), mood=MOODS)
    def commit(self, which, answer_lost, mood):
        self._commit(self._let_go(which), mood, times=2 if answer_lost else 1)

    def _commit(self, work: Work, mood: str = "well", times: int = 1) -> None:
        before, rightful = look(), self._rightful(work)
        for _ in range(times):
            made = leases.commit(work.lease, self._artifact(work))
        if not rightful:
            assert made is None, "a zombie's commit was accepted"
            assert look() == before, "a zombie's commit changed something"
            return
        # Asked again after another job made the same artifact first, the answer may be None: nothing of ours counts.
        assert made or work.digest in before.artifacts, "a rightful commit was refused"
        del self.holders[_key(work)]
        self._tell(work.message, mood)
        self.broker.done(work.message)

    def _tell(self, message: Message, mood: str) -> None:
        """A hint that something is left to send, as a stage gives it at its end."""
        self._sending(mood, reconciler.go_on, message.args[0])

    @precondition(lambda self: self.busy)
    @rule(which=ANY, count=st.integers(1, 3), mood=MOODS)
    def expand(self, which, count, mood):
        """A stage asks for parts, once: the parts themselves ask for none."""
        key = _key(_pick(self.busy, which))
        if self.sight.stages[key]["part_of"] or key in self.expanded:
            return
        work = self._let_go(which)
        source = {"source": {"asset": self.sight.jobs[key[0]]["input_asset_id"]}}
        plans = [
            PartPlan(
                name=str(number), kind="segment", version=1, params={"of": work.digest, "part": number},
                inputs=source, share=number + 1,
            )
            for number in range(count)
        ]  # fmt: skip
        before, rightful = look(), self._rightful(work)
        assert parts.expand(work.lease, plans, {"parts": count}) == rightful, "an expansion was answered wrongly"
        if not rightful:
            assert look() == before, "a zombie's expansion changed something"
            return
        del self.holders[key]
        self.expanded.add(key)
        self._tell(work.message, mood)

    @precondition(lambda self: self.busy)
    @rule(which=ANY, really=SELDOM, mood=MOODS)
    def fail(self, which, really, mood):
        if not really:
            return
        work = self._let_go(which)
        assert leases.fail(work.lease, code="bad", message="Bad.", retryable=False) == self._rightful(work)
        self._forget_ended()
        self._tell(work.message, mood)

    @precondition(lambda self: self.busy)
    @rule(which=ANY, delay_s=st.sampled_from([1, 10, 300]))
    def hand_back(self, which, delay_s):
        """As after a passing error or a graceful stop: the same message comes again."""
        work = self._let_go(which)
        rightful = self._rightful(work)
        assert leases.release(work.lease, delay_s=delay_s) == rightful
        if rightful:
            del self.holders[_key(work)]
            self.broker.queue.append(work.message)

    @precondition(lambda self: self.busy)
    @rule(which=ANY)
    def crash(self, which):
        self._let_go(which)

    @precondition(lambda self: self.busy)
    @rule(which=ANY)
    def freeze(self, which):
        """Its supervisor starts another; the frozen one still believes."""
        self.frozen.append(self._let_go(which))

    @precondition(lambda self: self.frozen)
    @rule(which=ANY)
    def thaw(self, which):
        self.busy.append(_pick(self.frozen, which))
        self.frozen = _without(self.frozen, which)

    def _let_go(self, which: int) -> Work:
        work = _pick(self.busy, which)
        self.busy = _without(self.busy, which)
        return work

    # Time and the reconciler.

    @rule(seconds=st.sampled_from([1, LEASE_S + 1, 70]))
    def wait(self, seconds):
        self.clock.advance(seconds)
        self.broker.time_passes()

    @rule(mood=MOODS)
    def reconcile(self, mood):
        self._sending(mood, reconciler.run)
        sight = look()
        for key, work in list(self.holders.items()):
            if sight.stages[key]["lease_owner"] != work.lease.owner:
                ended = sight.jobs[key[0]]["status"] in states.TERMINAL
                assert ended or work.until <= self.clock.moment, "a stage was taken from a worker that holds it"
                del self.holders[key]

    def nothing_is_undone(self):
        before, self.sight = self.sight, look()
        for key, row in before.stages.items():
            if before.jobs[key[0]]["status"] in states.TERMINAL:
                assert self.sight.stages[key] == row, "a stage of an ended job changed"
            if row["status"] == states.SUCCEEDED:
                assert self.sight.stages[key]["status"] == states.SUCCEEDED, "finished work was undone"
        for key, row in before.jobs.items():
            now = self.sight.jobs[key]
            assert now["epoch"] >= row["epoch"], "an epoch went back"
            assert now["progress"] >= row["progress"], "progress went back"
            if row["status"] in states.TERMINAL:
                assert now == row, "an ended job changed"
        for digest, row in before.artifacts.items():
            assert self.sight.artifacts.get(digest) == row, "an artifact changed"
        for digest in self.sight.artifacts.keys() - before.artifacts.keys():
            job = before.jobs[self.sight.artifacts[digest]["files"]["made"]["by"]]
            assert job["status"] not in states.TERMINAL, "an ended job made an artifact"

    def rows_agree(self):
        for (job_id, _), row in self.sight.stages.items():
            assert row["attempt"] - row["setbacks"] <= ATTEMPTS, "a stage was attempted too often"
            assert (row["lease_owner"] is not None) == (row["status"] == states.RUNNING), "a lease without work"
            if row["status"] == states.SUCCEEDED:
                assert row["digest"] in self.sight.artifacts, "a stage succeeded without an artifact"
            if self.sight.jobs[job_id]["status"] == states.SUCCEEDED:
                assert row["status"] == states.SUCCEEDED, "a job succeeded without a stage"

    def an_account_stays_in_its_bounds(self):
        """Live jobs that were admitted: the others wait in the rows, and no message of theirs exists."""
        live = [row for row in self.sight.jobs.values() if row["status"] in LIVE]
        assert sum(row["admitted_at"] is not None for row in live) <= RUNNING_JOBS, "too many jobs were admitted"
        waiting = {(row["id"], row["epoch"]) for row in live if row["admitted_at"] is None}
        assert not any(message.args[:2] in waiting for message in self.broker.known), "a waiting job was sent"

    def teardown(self) -> None:
        try:
            # What a rule found comes first.
            if sys.exc_info()[1] is self._outer_error:
                self.heal()
        finally:
            self._world.close()

    @classmethod
    @contextmanager
    def at_play(cls):
        """A model for a history that is written down."""
        model = cls()
        with model._world:
            yield model

    @invariant()
    def look_again(self) -> None:
        """What must hold after every step."""
        self.nothing_is_undone()
        self.rows_agree()
        self.an_account_stays_in_its_bounds()

    def heal(self) -> None:
        """Faults are over: whoever froze or works ends its work, everything is delivered; then every job must end."""
        for work in [*self.busy, *self.frozen]:
            self._commit(work)
        for _ in range(ROUNDS):
            while self.broker.queue:
                work = self._receive(self.broker.queue.pop(0))
                if work:
                    self._commit(work)
            self.look_again()
            if all(job["status"] in states.TERMINAL for job in self.sight.jobs.values()):
                return
            self.wait(ROUND_S)
            self.reconcile("well")
        raise AssertionError(f"a job never ends: {self.sight}")

    def _sending(self, mood: str, call, *arguments) -> None:
        """Do something that may send; of the process that does it `mood` may be the end."""
        self.broker.mood = mood
        with suppress(Killed):
            call(*arguments)
        self.broker.mood = "well"

    def _rightful(self, work: Work) -> bool:
        return self.holders.get(_key(work)) is work

    def _lease_end(self):
        return self._in(LEASE_S)

    def _in(self, seconds):
        return self.clock.moment + timedelta(seconds=seconds)

    def _artifact(self, work: Work) -> Artifact:
        files = {"made": {"by": work.lease.job_id, "owner": work.lease.owner}}
        account_id = self.sight.jobs[work.lease.job_id]["account_id"]
        return Artifact(
            digest=work.digest, account_id=account_id, stage=work.lease.stage, version=1, files=files, result={}
        )

    def _forget_ended(self) -> None:
        ended = {key for key, row in look().jobs.items() if row["status"] in states.TERMINAL}
        self.holders = {key: work for key, work in self.holders.items() if key[0] not in ended}


class SmallLeaseModel(LeaseModel):
    """The same on jobs of one stage, where more happens to each."""

    stages = DIAMOND[:1]


def _pick(choices, which):
    return choices[which % len(choices)]


def _without(choices, which):
    place = which % len(choices)
    return [*choices[:place], *choices[place + 1 :]]


def _key(work: Work) -> tuple[str, str]:
    return work.lease.job_id, work.lease.stage
