"""Every metric that is counted where things happen; what the database and the broker tell is in `tasks/state.py`.

No label has values that users choose: routes are templates, stages, queues and codes are those of the source. No id, no
account, no key, no address is ever one. Gauges say how the processes of a group become one number: `livesum` adds those
that live, `max` takes the largest.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

OTHER = "other"
MOST_CODES = 200
"""So many codes are told apart; they are constants of the source, and this bounds a mistake."""

_SHORT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LONG_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600, 1800, 3600, 4 * 3600)

HTTP_REQUESTS = Counter("cutwork_http_requests", "Requests answered.", ["method", "route", "status"])
HTTP_SECONDS = Histogram(
    "cutwork_http_request_seconds",
    "Seconds from a request's arrival to the head of its answer.",
    ["method", "route"],
    buckets=_SHORT_S,
)
HTTP_PROBLEMS = Counter("cutwork_http_problems", "Requests refused or failed, by the code of the answer.", ["code"])

STAGE_CLAIMS = Counter("cutwork_stage_claims", "Messages of stages by what became of them.", ["stage", "outcome"])
STAGE_RUNS = Counter("cutwork_stage_runs", "Runs of stages that have ended, by how.", ["stage", "outcome"])
STAGE_FAILURES = Counter("cutwork_stage_failures", "Stages that failed, and their jobs with them.", ["stage", "code"])
STAGE_CACHED = Counter("cutwork_stage_cached", "Stages that were done before they ran.", ["stage"])
STAGE_RUNNING = Gauge("cutwork_stages_running", "Stages that processes run.", ["stage"], multiprocess_mode="livesum")
STAGE_QUEUE_SECONDS = Histogram(
    "cutwork_stage_queue_seconds", "Seconds that a stage was ready before it ran.", ["stage"], buckets=_LONG_S
)
STAGE_RUN_SECONDS = Histogram("cutwork_stage_run_seconds", "Seconds that a run took.", ["stage"], buckets=_LONG_S)
STAGE_ATTEMPTS = Histogram(
    "cutwork_stage_attempts", "Runs that a stage took to be done.", ["stage"], buckets=(1, 2, 3, 4, 6, 10)
)
STAGE_READ = Counter("cutwork_stage_read_bytes", "Bytes that finished stages read from storage.", ["stage"])
STAGE_WRITTEN = Counter("cutwork_stage_written_bytes", "Bytes that finished stages stored.", ["stage"])
STAGE_OUTPUT = Counter("cutwork_stage_output_seconds", "Seconds of film and sound that stages made.", ["stage"])
STAGE_CPU = Counter("cutwork_stage_cpu_seconds", "Processor seconds of runs, however they ended.", ["stage"])

LEASE_TROUBLE = Counter(
    "cutwork_lease_trouble",
    "Leases that were lost or could not be renewed in time, and stages taken back from processes that stopped or died.",
    ["event"],
)
for _event in ("lost", "missed", "handed_over", "process_lost"):
    # There from the beginning: a rate does not see the first of what was not there before.
    LEASE_TROUBLE.labels(_event)
REPAIRS = Counter(
    "cutwork_reconciler_repairs", "Lost work that the reconciler sent again, by what was wrong.", ["kind"]
)
RECONCILED = Gauge(
    "cutwork_reconciler_last_run_timestamp_seconds", "When the reconciler last ended.", multiprocess_mode="max"
)
RECONCILE_SECONDS = Histogram("cutwork_reconciler_seconds", "Seconds of a look for lost work.", buckets=_SHORT_S)
SWEPT = Counter("cutwork_housekeeping_removed", "Things that housekeeping removed.", ["kind"])
SWEPT_BYTES = Counter("cutwork_housekeeping_removed_bytes", "Bytes that housekeeping removed.", ["kind"])

STORAGE_REQUESTS = Counter(
    "cutwork_storage_requests",
    "Requests to S3, each try counted, by the class of their answer.",
    ["operation", "status"],
)
STORAGE_SECONDS = Histogram(
    "cutwork_storage_request_seconds", "Seconds of a call to S3, all its tries.", ["operation"], buckets=_SHORT_S
)
STORAGE_UNAVAILABLE = Counter("cutwork_storage_unavailable", "Calls that the storage did not answer as it should.")
DATABASE_UNAVAILABLE = Counter("cutwork_database_unavailable", "Transactions that the database did not answer.")
EVENTS_UNAVAILABLE = Counter("cutwork_events_unavailable", "Live events that Redis did not take.")
WEBHOOK_ATTEMPTS = Counter(
    "cutwork_webhook_attempts", "Tries to tell receivers of events, by what came of them.", ["outcome"]
)
for _outcome in ("delivered", "refused", "unreachable", "unsigned"):
    WEBHOOK_ATTEMPTS.labels(_outcome)
MAILS = Counter(
    "cutwork_mails", "Mails, by what became of them; one that is tried again counts each time.", ["outcome"]
)
for _outcome in ("sent", "retried", "given_up"):
    MAILS.labels(_outcome)
MAILS_WAITING = Gauge("cutwork_mails_waiting", "Mails that have not left.", multiprocess_mode="livesum")
LOGINS = Counter("cutwork_logins", "Sign-ins by password, by what came of them.", ["outcome"])
for _outcome in ("succeeded", "wrong", "unknown", "locked"):
    LOGINS.labels(_outcome)
NOT_SENT = Counter("cutwork_canvas_not_sent", "Canvases that the broker did not take; the reconciler sends them.")


_CODES: set[str] = set()


def code_label(code: str) -> str:
    """Return a code as it may be a label: the first MOST_CODES of a process are told apart."""
    if code not in _CODES and len(_CODES) >= MOST_CODES:
        return OTHER
    _CODES.add(code)
    return code


for _code in ("storage_quota_exceeded", "minutes_quota_exceeded", "too_many_jobs", "too_many_requests"):
    HTTP_PROBLEMS.labels(code_label(_code))
