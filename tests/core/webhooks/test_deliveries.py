"""Deliveries as rows: written with what they tell of, claimed once, tried again, given up, swept."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from core import backlog, jobs, leases
from core.db import reading, transaction
from core.errors import ConflictError, EngineError, InputError
from core.housekeeping import deliveries as sweeping
from core.leases import Lease
from core.models import AuditEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint, now
from core.settings import get_settings
from core.telemetry import metrics
from core.webhooks import deliveries, endpoints
from core.webhooks.deliveries import Outcome
from tests.core.contention import WAITING, both
from tests.core.rows import artifact_of, make_account, make_asset, make_job, stage_plan
from tests.services.process import LONG_S, wait_until

pytestmark = pytest.mark.usefixtures("database")
GOOD, BAD = Outcome(5, 204, ""), Outcome(5, 500, "oh no")
URL = "https://example.com/hook"


@pytest.fixture
def account():
    return make_asset().account_id


def endpoint(account, *events):
    return endpoints.create(account, url=URL, description="", events=events or endpoints.ENDS)[0]


def rows(kind=WebhookDelivery):
    with reading() as session:
        return list(session.scalars(select(kind)))


def turn(**values):
    """Change every delivery, as time would."""
    with transaction() as session:
        session.execute(update(WebhookDelivery).values(**values))


def canceled_job(**more):
    job = make_job((stage_plan("probe"),), salt=str(len(rows())), **more)
    return jobs.cancel(job.account_id, job.id)


def other_secret_key(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "another-0123456789")
    get_settings.cache_clear()


def test_each_change_is_told_to_whom_it_concerns(account):
    ends, all_of_it = endpoint(account), endpoint(account, *endpoints.EVENTS)
    endpoints.update(account, endpoint(account).id, {"status": "disabled"})
    endpoint(make_account("another"))
    job = make_job((stage_plan("probe"),))
    lease = Lease(job.id, "probe", job.epoch, "me")
    leases.claim(lease, seconds=15, attempts=2)
    leases.commit(lease, artifact_of(job.stages[0], job.account_id))
    told = [(row.event, row.endpoint_id, row.job_id) for row in rows()]
    assert sorted(told) == sorted(
        [
            ("job.running", all_of_it.id, job.id),
            ("job.succeeded", ends.id, job.id),
            ("job.succeeded", all_of_it.id, job.id),
        ]
    )
    canceled_job(lane="inspect")
    assert len(rows()) == 3


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_job_ends_while_an_endpoint_is_deleted(account):
    gone, stays = endpoint(account), endpoint(account)
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            session.delete(session.get_one(WebhookEndpoint, gone.id))
            session.flush()
            ended = pool.submit(canceled_job)
            with reading() as other:
                wait_until(lambda: ended.done() or other.scalar(WAITING))
        assert ended.result(timeout=LONG_S).status == "canceled"
    assert [row.endpoint_id for row in rows()] == [stays.id]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_an_attempt_ends_while_its_endpoint_is_deleted(account):
    made = endpoint(account)
    canceled_job()
    ready = deliveries.claim(deliveries.due()[0])
    row = select(WebhookEndpoint).where(WebhookEndpoint.id == made.id).with_for_update()
    both(lambda: endpoints.delete(account, made.id), lambda: deliveries.finish(ready, BAD), hold=row)
    assert rows() == rows(WebhookEndpoint) == []


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_that_are_disabled_at_once_tell_each_other(account):
    for _ in range(2):
        endpoint(account, *endpoints.EVENTS)
    canceled_job()
    acts = [partial(deliveries.finish, deliveries.claim(one), Outcome(5, 410)) for one in deliveries.due()]
    both(*acts, hold=select(WebhookEndpoint).with_for_update())
    assert {one.disabled_reason for one in rows(WebhookEndpoint)} == {"gone"}


def test_what_is_rolled_back_is_not_told(account):
    endpoint(account)
    job = make_job((stage_plan("probe"),))

    def fail():
        with transaction() as session:
            jobs.end(jobs.lock(session, job.id), "canceled", now())
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert rows() == []


def test_a_delivery_is_made_once_however_many_messages_come(account):
    endpoint(account)
    canceled_job()
    [due] = deliveries.due()
    found = []
    threads = [threading.Thread(target=lambda: found.append(deliveries.claim(due))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [ready] = [one for one in found if one is not None]
    assert (ready.id, ready.number, ready.url) == (due, 1, URL)
    deliveries.finish(ready, GOOD)
    assert deliveries.claim(due) is None
    [row], [attempt] = rows(), rows(WebhookAttempt)
    assert (row.status, row.attempts, row.finished_at is not None) == ("succeeded", 1, True)
    assert (attempt.status, attempt.latency_ms) == (204, 5)


def test_a_message_that_was_lost_is_sent_again(account):
    """A broker that was flushed, or a worker that was killed with the message in its hands."""
    endpoint(account)
    canceled_job()
    ids = deliveries.due()
    deliveries.mark_sent(ids)
    assert deliveries.due() == []
    turn(sent_at=now() - timedelta(seconds=get_settings().redeliver_after_s + 1))
    assert deliveries.due() == ids


def test_what_is_due_and_waits_is_told_to_the_operator(account):
    endpoint(account)
    assert (backlog.read().webhooks, backlog.read().webhooks_oldest_s) == (0, 0.0)
    for _ in range(3):
        canceled_job()
    deliveries.finish(deliveries.claim(deliveries.due()[0]), BAD)
    with transaction() as session:
        [other, *_] = session.scalars(select(WebhookDelivery).where(WebhookDelivery.attempts == 0))
        other.next_at -= timedelta(minutes=10)
    found = backlog.read()
    assert found.webhooks == 2, "what is to be tried again later is not due"
    assert 600 <= found.webhooks_oldest_s < 660


def test_a_worker_that_dies_costs_one_attempt(account):
    endpoint(account)
    canceled_job()
    [due] = deliveries.due()
    lost = deliveries.claim(due)
    turn(sent_at=None)
    assert deliveries.due() == []
    turn(lease_until=now() - timedelta(seconds=1))
    assert deliveries.due() == [due]
    again = deliveries.claim(due)
    assert (again.id, again.number) == (lost.id, 2)
    # It was only frozen, and what it sent has not arrived: its successor's word counts.
    deliveries.finish(lost, BAD)
    assert [row.status for row in rows()] == ["pending"]
    deliveries.finish(again, GOOD)
    assert [(row.status, row.attempts) for row in rows()] == [("succeeded", 2)]


def test_what_does_not_arrive_is_tried_for_a_day_and_then_given_up(account):
    endpoint(account)
    canceled_job()
    [due], waits, began = deliveries.due(), [], rows()[0].created_at
    shift = timedelta()
    while rows()[0].status == "pending":
        ready = deliveries.claim(due)
        asked = now()
        deliveries.finish(ready, BAD)
        [row] = rows()
        if row.next_at is not None:
            wait = row.next_at - asked
            waits.append(wait.total_seconds())
            shift += wait
            turn(next_at=now(), deadline=row.deadline - wait)
    [row] = rows()
    assert (row.status, row.error, row.attempts) == ("failed", "exhausted", len(waits) + 1)
    assert abs(shift.total_seconds() - 24 * 3600) < 60
    assert 3 < waits[0] < 60
    assert all(later > 2 * earlier for earlier, later in itertools.pairwise(waits[:6]))
    assert began == row.created_at
    # A person may begin it again, under the same id.
    deliveries.redeliver(account, due)
    asked = now()
    deliveries.finish(deliveries.claim(due), BAD)
    [row] = rows()
    assert asked + timedelta(seconds=3) < row.next_at < now() + timedelta(seconds=7)
    deliveries.redeliver(account, due)
    deliveries.finish(deliveries.claim(due), GOOD)
    assert [(row.id, row.status) for row in rows()] == [(due, "succeeded")]


def test_a_receiver_that_asks_for_time_gets_it(account):
    endpoint(account)
    canceled_job()
    [due] = deliveries.due()
    deliveries.finish(deliveries.claim(due), Outcome(5, 429, retry_after_s=3600))
    assert 3500 < (rows()[0].next_at - now()).total_seconds() <= 3600


@pytest.mark.parametrize(("status", "days", "reason"), [(500, 5.01, "failing"), (410, 0, "gone")])
def test_an_endpoint_that_takes_nothing_is_disabled(account, status, days, reason):
    failing, other = endpoint(account), endpoint(account, endpoints.DISABLED_EVENT)
    canceled_job()
    [due] = deliveries.due()
    with transaction() as session:
        since = now() - timedelta(days=days)
        session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == failing.id).values(failing_since=since))
    deliveries.finish(deliveries.claim(due), Outcome(5, status))
    found = endpoints.get(account, failing.id)
    assert (found.status, found.disabled_reason) == ("disabled", reason)
    told = [row for row in rows() if row.endpoint_id == other.id]
    assert [(row.event, row.payload["id"]) for row in told] == [("webhook.disabled", failing.id)]
    acts = [(event.action, event.target) for event in rows(AuditEvent)]
    assert acts.count(("webhook.disabled", failing.id)) == 1
    assert [row.error for row in rows() if row.id == due] == ["webhook_disabled"]
    with pytest.raises(ConflictError):
        deliveries.redeliver(account, due)
    endpoints.update(account, failing.id, {"status": "enabled"})
    deliveries.redeliver(account, due)
    deliveries.finish(deliveries.claim(due), GOOD)
    assert endpoints.get(account, failing.id).failing_since is None


def test_a_failure_now_and_then_disables_nothing(account):
    made = endpoint(account)
    canceled_job()
    [due] = deliveries.due()
    deliveries.finish(deliveries.claim(due), BAD)
    assert endpoints.get(account, made.id).failing_since is not None
    turn(next_at=now())
    deliveries.finish(deliveries.claim(due), GOOD)
    found = endpoints.get(account, made.id)
    assert (found.status, found.failing_since) == ("enabled", None)


def test_one_accounts_receivers_hold_up_nobody_elses(account):
    other = make_account("other")
    for owner, count in ((account, 5), (other, 1)):
        endpoint(owner)
        for _ in range(count):
            canceled_job(account_id=owner)
    most = get_settings().webhook_concurrency
    owners = {row.id: row.account_id for row in rows()}
    assert sorted(owners[one] for one in deliveries.due()) == sorted([account] * most + [other])
    mine = [one for one, owner in owners.items() if owner == account]
    ready = [deliveries.claim(one) for one in mine]
    assert sum(one is not None for one in ready) == most
    assert deliveries.claim(next(one for one, owner in owners.items() if owner == other)) is not None


def test_the_address_of_a_job_needs_a_secret(account):
    with pytest.raises(InputError) as caught:
        endpoints.require_for_jobs(account, URL)
    assert caught.value.code == "webhook_secret_missing"
    first, second = endpoints.rotate_for_jobs(account), endpoints.rotate_for_jobs(account)
    assert endpoints.require_for_jobs(account, URL) == URL
    canceled_job(webhook_url="https://example.com/of-the-job")
    ready = deliveries.claim(deliveries.due()[0])
    assert (ready.url, ready.secrets) == ("https://example.com/of-the-job", [second, first])
    # It is no endpoint that anybody sees, changes or deletes.
    assert endpoints.page(account, before=None, limit=10) == []
    deliveries.finish(ready, Outcome(5, 410))
    assert [row.error for row in rows()] == ["exhausted"]


def test_a_secret_that_was_rotated_signs_for_a_while(account):
    made, old = endpoints.create(account, url=URL, description="", events=endpoints.ENDS)
    _, new = endpoints.rotate(account, made.id)
    row = endpoints.get(account, made.id)
    assert endpoints.live_secrets(row) == [new, old]
    assert new.encode() not in row.secret
    row.old_secret_until = now()
    assert endpoints.live_secrets(row) == [new]


def test_every_secret_signs_until_its_own_time_is_over(account):
    """Whoever rotates twice must not cut off the receivers that know the first."""
    made, first = endpoints.create(account, url=URL, description="", events=endpoints.ENDS)
    second, third = (endpoints.rotate(account, made.id)[1] for _ in range(2))
    row = endpoints.get(account, made.id)
    assert endpoints.live_secrets(row) == [third, second, first]
    assert first.encode() not in row.older_secrets[0]["secret"].encode()
    row.older_secrets = [old | {"until": now().isoformat()} for old in row.older_secrets]
    assert endpoints.live_secrets(row) == [third, second]
    more = [endpoints.rotate(account, made.id)[1] for _ in range(endpoints.MOST_SECRETS)]
    assert endpoints.live_secrets(endpoints.get(account, made.id)) == more[::-1]


def test_another_secret_key_is_mended_by_a_rotation(account, monkeypatch):
    """What was sealed by the key of before cannot be read, so it does not sign either."""
    made = endpoint(account)
    other_secret_key(monkeypatch)
    with pytest.raises(EngineError, match="SECRET_KEY"):
        endpoints.live_secrets(endpoints.get(account, made.id))
    _, new = endpoints.rotate(account, made.id)
    row = endpoints.get(account, made.id)
    assert (endpoints.live_secrets(row), row.old_secret_until) == ([new], None)
    _, newer = endpoints.rotate(account, made.id)
    assert endpoints.live_secrets(endpoints.get(account, made.id)) == [newer, new]


def test_what_nothing_signs_is_tried_until_its_deadline(account, monkeypatch):
    made = endpoint(account)
    canceled_job()
    [due] = deliveries.due()
    other_secret_key(monkeypatch)
    told = metrics.WEBHOOK_ATTEMPTS.labels("unsigned")
    before = told._value.get()
    asked = now()
    assert deliveries.claim(due) is None
    [row], [attempt] = rows(), rows(WebhookAttempt)
    assert (row.status, row.attempts, row.lease_until) == ("pending", 1, None)
    assert asked + timedelta(seconds=3) < row.next_at < now() + timedelta(seconds=7)
    assert "SECRET_KEY" in attempt.error
    turn(next_at=now(), deadline=now())
    assert deliveries.claim(due) is None
    [row] = rows()
    assert (row.status, row.error, row.attempts) == ("failed", "secret_unreadable", 2)
    assert told._value.get() == before + 2
    # The receiver has done nothing wrong.
    assert endpoints.get(account, made.id).failing_since is None
    _, secret = endpoints.rotate(account, made.id)
    deliveries.redeliver(account, due)
    assert deliveries.claim(due).secrets == [secret]


def test_an_attempt_that_was_lost_at_the_deadline_was_the_last(account):
    endpoint(account)
    canceled_job()
    [due] = deliveries.due()
    turn(deadline=now() - timedelta(hours=1))
    # No worker was there for all of its time: once it is tried.
    assert deliveries.claim(due) is not None
    turn(lease_until=now() - timedelta(seconds=1))
    assert deliveries.claim(due) is None
    assert [(row.status, row.error, row.attempts) for row in rows()] == [("failed", "exhausted", 1)]


def test_deliveries_are_kept_for_a_month(account):
    endpoint(account)
    canceled_job()
    assert list(sweeping.sweep(ttl_days=30)) == []
    deliveries.finish(deliveries.claim(deliveries.due()[0]), GOOD)
    turn(finished_at=now() - timedelta(days=31))
    assert list(sweeping.sweep(ttl_days=0)) == []
    assert len(list(sweeping.sweep(ttl_days=30, dry_run=True))) == len(rows()) == 1
    assert len(list(sweeping.sweep(ttl_days=30))) == 1
    assert rows() == rows(WebhookAttempt) == []


def test_an_endpoint_goes_with_its_deliveries(account):
    made = endpoint(account)
    canceled_job()
    ready = deliveries.claim(deliveries.due()[0])
    endpoints.delete(account, made.id)
    deliveries.finish(ready, GOOD)
    assert rows() == rows(WebhookAttempt) == []
