"""Everything about a stage is derived from one entry of the registry."""

import celeryconfig
from tasks.app import celery_app
from tasks.stages import PERIODIC, POOLS, STAGES, queues, visibility_timeout_s


def test_every_queue_is_consumed_by_exactly_one_pool():
    consumed = [queue for pool in POOLS for queue in queues(pool)]
    assert len(consumed) == len(set(consumed))
    assert {queue.name for queue in celeryconfig.task_queues} == set(consumed)


def test_every_task_is_routed_to_a_queue_that_exists():
    known = {queue.name for queue in celeryconfig.task_queues}
    for name in (*STAGES, *PERIODIC):
        assert celeryconfig.task_routes[name]["queue"] in known
    assert celery_app.conf.task_create_missing_queues is False


def test_the_broker_waits_longer_than_any_stage_runs():
    assert visibility_timeout_s() > max(stage.hard_limit_s for stage in STAGES.values())
    assert all(stage.soft_limit_s < stage.hard_limit_s for stage in STAGES.values())


def test_every_stage_has_its_task_with_its_limits():
    celery_app.loader.import_default_modules()
    for stage in STAGES.values():
        task = celery_app.tasks[stage.name]
        assert task.soft_time_limit == stage.soft_limit_s
        assert task.time_limit == stage.hard_limit_s
        assert task.acks_late
        assert stage.summary in (task.__doc__ or "")
    assert set(PERIODIC) <= set(celery_app.tasks)


def test_one_message_at_a_time_and_no_endless_redelivery():
    conf = celery_app.conf
    assert conf.worker_prefetch_multiplier == 1
    assert conf.worker_disable_prefetch
    assert conf.task_retry_on_worker_lost
    assert not conf.task_reject_on_worker_lost
