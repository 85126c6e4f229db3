"""Celery's settings, all derived from the stage registry and the environment."""

from kombu import Queue

from core.settings import get_settings
from tasks.stages import ERRANDS, PERIODIC, POOLS, STAGES, queues, visibility_timeout_s

_settings = get_settings()

broker_url = _settings.broker_url
result_backend = f"tasks.backend.ChordBackend+{_settings.events_url}"
# A chord counts its members in the result backend, and a member may wait for days behind a long queue.
result_expires = 7 * 24 * 3600

imports = (
    *(f"tasks.{name}" for name in (*STAGES, *ERRANDS)),
    "pipelines.maintenance",
    "pipelines.handover",
    "tasks.state",
    "tasks.control",
)
# RabbitMQ closes the channel of a consumer that keeps a message for longer than this, by default half an hour. Said by
# the consumer, for a queue cannot be declared again with another limit. Before 3.12 only the server's own setting
# `consumer_timeout` counts; should it strike, the lease keeps the stage with its worker, and a copy is refused.
_CONSUMER = {"x-consumer-timeout": visibility_timeout_s() * 1000} if broker_url.startswith("amqp") else None
task_queues = [Queue(name, consumer_arguments=_CONSUMER) for pool in POOLS for name in queues(pool)]
task_routes = {name: {"queue": name} for name in (*STAGES, *ERRANDS)} | {
    task.name: {"queue": task.queue} for task in PERIODIC.values()
}
# A message for a queue that nobody consumes must fail where it is sent, not wait for ever.
task_create_missing_queues = False
task_default_queue = queues("maintenance")[0]

task_annotations = {
    stage.name: {"soft_time_limit": stage.soft_limit_s, "time_limit": stage.hard_limit_s} for stage in STAGES.values()
} | {task.name: {"time_limit": task.limit_s} for task in (*ERRANDS.values(), *PERIODIC.values())}
beat_schedule = {
    task.name: {
        "task": task.name,
        "schedule": float(getattr(_settings, task.every)),
        # Beat must not pile up messages without end while no worker is there. The time is reckoned by beat's clock and
        # read by the worker's: a short one would, on hosts whose clocks differ, switch off all recovery.
        "options": {"expires": max(float(getattr(_settings, task.every)), 3600.0)},
    }
    for task in PERIODIC.values()
}

task_acks_late = True
task_acks_on_failure = True
task_acks_on_timeout = True
# `task_reject_on_worker_lost` would deliver a task that kills its worker again for ever. This counts as a retry, and
# the stage's row counts attempts besides.
task_retry_on_worker_lost = True
# Nobody waits for a result: the rows hold it, and a chord's counter in Redis needs none either.
task_ignore_result = True
task_send_sent_event = True
worker_send_task_events = True
worker_prefetch_multiplier = 1
# A worker takes only what it can start: a message behind an encode of an hour would wait while others are idle.
worker_disable_prefetch = broker_url.startswith(("redis", "unix"))
worker_hijack_root_logger = False
# FFmpeg and its encoders keep what they once had; a new process gives it back. Celery counts in KiB.
worker_max_memory_per_child = _settings.worker_max_memory_mb * 1024 or None
# How long a stopping worker's stages may go on before they are handed over: see tasks/stop.py.
worker_soft_shutdown_timeout = float(_settings.shutdown_grace_s)
worker_cancel_long_running_tasks_on_connection_loss = False
broker_connection_retry_on_startup = True
# A request that creates a job must not wait for a broker that is away: what was not sent is sent by the reconciler.
_FAIL_SOON = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
broker_transport_options = _FAIL_SOON | (
    {
        "visibility_timeout": visibility_timeout_s(),
        "socket_keepalive": True,
        "socket_connect_timeout": 3,
        # A broker whose host is gone, or that is frozen, closes no connection: who asks it waits no longer than this,
        # and a worker that waits for messages asks for another connection within two of the intervals.
        "socket_timeout": 5,
        "health_check_interval": 10,
    }
    if broker_url.startswith(("redis", "unix"))
    else {}
)
# RabbitMQ closes a connection that stays silent for so long, and so does a worker.
broker_heartbeat = 30
result_backend_transport_options = {"retry_policy": {"timeout": 5.0}}
redis_socket_connect_timeout = 3
broker_connection_timeout = 3

task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]
timezone = "UTC"
enable_utc = True
