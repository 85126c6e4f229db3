"""What an account made in a month is added up from its own rows of that month, however many others there are."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from core import accounts, quotas
from core.db import engine, transaction
from core.ids import first_id
from core.models import now
from core.settings import get_settings
from tests.core import rows

JOBS, OTHERS = 20_000, 10
# Half are of the last month, half were made before; of ten, seven have succeeded, and one has failed after its trim.
FILL_JOBS = """
  INSERT INTO jobs (id, account_id, pipeline, input_asset_id, status, epoch, params, filename, progress, created_at,
                    media_ms, lane, client_metadata)
  SELECT CASE WHEN n % 20 < 10 THEN :then ELSE :before END || lpad(to_hex(n), 16, '0'),
         CASE WHEN n % 3 = 0 THEN :account ELSE 'acc_' || n % :others END, 'edit', :asset,
         (ARRAY['succeeded','succeeded','succeeded','succeeded','succeeded','succeeded','succeeded','failed','canceled',
                'queued'])[1 + n % 10],
         1, '{}', 'a.mp4', 1, now(), 1000, 'work', '{}'
  FROM generate_series(1, :jobs) AS n"""
FILL_STAGES = """
  INSERT INTO job_stages (job_id, name, kind, position, queue, weight, digest, params, inputs, needs, outputs, status,
                          attempt, setbacks, progress, cached, warnings)
  SELECT jobs.id, name, name, 1, name, 1, md5(jobs.id || name), '{}', '{}', '[]', '{}',
         CASE WHEN jobs.status IN ('succeeded', 'failed') THEN 'succeeded' ELSE 'canceled' END, 1, 0, 1, false, '[]'
  FROM jobs CROSS JOIN unnest(ARRAY['probe', 'trim', 'publish']) AS name"""


@pytest.fixture
def busy(migrated_database, monkeypatch):
    """The account of a third of all jobs."""
    monkeypatch.setenv("DATABASE_URL", migrated_database())
    get_settings.cache_clear()
    account, asset, moment = accounts.default_account().id, rows.make_asset().id, now()
    since, _ = quotas.month(moment)
    values = {
        "account": account,
        "asset": asset,
        "jobs": JOBS,
        "others": OTHERS,
        "then": first_id("job", since + timedelta(hours=1))[:14],
        "before": first_id("job", since - timedelta(days=9))[:14],
    }
    with transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(FILL_JOBS), values)
        session.execute(text(FILL_STAGES))
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE jobs, job_stages"))
    yield account
    engine().dispose()


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def test_minutes_of_a_month_are_added_up_from_indexes(busy):
    statements = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        statements.append((statement, parameters))

    event.listen(engine(), "before_cursor_execute", note)
    try:
        used = quotas.usage(busy, now()).media_ms
    finally:
        event.remove(engine(), "before_cursor_execute", note)
    mine = [n for n in range(1, JOBS + 1) if n % 3 == 0 and n % 20 < 10]
    assert used == 1000 * sum(n % 10 != 8 for n in mine), "of the canceled ones nothing was made"
    [(statement, parameters)] = [one for one in statements if "media_ms" in one[0]]
    with engine().connect() as connection:
        found = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
    reads = [node for node in nodes(found[0]["Plan"]) if "Relation Name" in node]
    assert {node["Relation Name"] for node in reads} == {"jobs", "job_stages"}
    assert {node.get("Index Name") for node in reads} == {"ix_jobs_made", "ix_job_stages_made"}, reads
