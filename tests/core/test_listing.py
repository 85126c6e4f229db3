"""Lists of very many rows are answered by an index, newest first, page by page."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, text

from core import accounts, assets, jobs, uploads
from core.db import engine, transaction
from core.ids import first_id, new_id
from core.listing import Filter
from core.models import Asset, Job, Upload
from core.settings import get_settings
from tests.core import rows
from tests.database import make_migrated

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGES = {Job: jobs.page, Asset: assets.page, Upload: uploads.page}


def note(model, job_id, **values):
    with transaction() as session:
        row = session.get(model, job_id)
        for name, value in values.items():
            setattr(row, name, value)


def listed(narrowed, **page):
    account = accounts.default_account().id
    return [job.id for job in jobs.page(account, narrowed=narrowed, **({"before": None, "limit": 50} | page))]


@pytest.mark.usefixtures("database")
def test_jobs_are_narrowed_on_both_databases():
    made = [rows.make_job(salt=str(n), external_id=f"lecture-{n % 2}").id for n in range(4)]
    jobs.cancel(accounts.default_account().id, made[3])
    note(Job, made[0], pipeline="image")
    newest = made[::-1]
    assert listed(Filter()) == newest
    assert listed(Filter(equal={"external_id": "lecture-1"})) == [made[3], made[1]]
    assert listed(Filter(equal={"status": "queued", "external_id": "lecture-1"})) == [made[1]]
    assert listed(Filter(equal={"pipeline": "image"})) == [made[0]]
    assert listed(Filter(equal={"status": "failed"})) == []
    assert listed(Filter(), before=made[2], limit=1) == [made[1]]


@pytest.mark.usefixtures("database")
def test_a_bound_in_time_is_exact_to_the_row():
    made = [rows.make_job(salt=str(n)).id for n in range(3)]
    for job_id, minutes in zip(made, (-5, 0, 5), strict=True):
        note(Job, job_id, created_at=datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes))
    moment = jobs.get(accounts.default_account().id, made[1]).created_at
    assert listed(Filter(created_after=moment)) == [made[2], made[1]]
    assert listed(Filter(created_before=moment)) == [made[0]]
    assert listed(Filter(created_after=moment, created_before=moment)) == []
    assert len(listed(Filter(created_after=datetime.min.replace(tzinfo=UTC)))) == 3
    assert listed(Filter(created_after=datetime.max.replace(tzinfo=UTC))) == []


SAID = {
    "algebra": "algebra",
    "seven": 7,
    "digit": "7",
    "true": True,
    "null": None,
    "half": 0.5,
    "nan": "NaN",
    'a "key" \\ of ours': 'a "quoted" \\ word',
    "nothing": "",
}


@pytest.mark.usefixtures("database")
def test_metadata_are_met_by_their_text():
    match = rows.make_job(client_metadata=SAID).id
    rows.make_job(salt="1", client_metadata={key: [value] for key, value in SAID.items()} | {"other": 7})
    for key, value in SAID.items():
        said = value if isinstance(value, str) else json.dumps(value)
        assert listed(Filter(metadata={key: said})) == [match], key
        assert listed(Filter(metadata={key: said, "true": "true"})) == [match], key
        assert listed(Filter(metadata={key: said + "!"})) == [], key


def test_an_id_begins_with_its_time():
    before, made, after = first_id("job", datetime.now(UTC)), new_id("job"), datetime.now(UTC)
    assert before <= made < first_id("job", after, timedelta(milliseconds=1))
    assert first_id("job", datetime(1, 1, 1, tzinfo=UTC)) == "job_" + "0" * 26
    assert first_id("job", datetime.max.replace(tzinfo=UTC), timedelta(hours=1)) > made


# Of a page of a hundred; the rest is what a narrow filter reads and sorts.
MOST_READ = 1_000
# A million rows behave alike, and take long to make.
MANY = 200_000
STEP_MS = 30
# The last five characters of an id's time begin anew here.
START = datetime.fromtimestamp(int(NOON.timestamp() * 1000) // 2**25 * 2**25 / 1000, UTC)
# An id as `core.ids` makes it: ten characters of time, of which the last five tell nine hours, and sixteen that differ.
HEAD = first_id("", START)[1:6]
DIGITS = " || ".join(
    f"substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + ((n * {STEP_MS}) >> {5 * place} & 31)::int, 1)"
    for place in reversed(range(5))
)
ID = f"'_{HEAD}' || {DIGITS} || lpad(to_hex(n), 16, '0')"
COMMON = f"""TIMESTAMPTZ '{START}' + n * INTERVAL '{STEP_MS} milliseconds', 'lecture-' || n % 50000,
             jsonb_build_object('course', n % 20000)"""
FILL = {
    "jobs": f"""
      INSERT INTO jobs (id, account_id, pipeline, input_asset_id, status, epoch, params, filename, progress,
                        created_at, external_id, client_metadata)
      SELECT 'job' || {ID}, :account, CASE WHEN n % 1000 = 0 THEN 'image' ELSE 'edit' END, :asset,
             CASE WHEN n % 1000 = 7 THEN 'rare' ELSE 'succeeded' END, 1, '{{}}', 'lecture.mp4', 1, {COMMON}
      FROM generate_series(1, :rows) AS n""",
    "assets": f"""
      INSERT INTO assets (id, account_id, filename, content_type, size, sha256, storage_key,
                          created_at, external_id, client_metadata)
      SELECT 'ast' || {ID}, :account, 'lecture.mp4', 'video/mp4', 1, '', 'assets/' || n, {COMMON}
      FROM generate_series(1, :rows) AS n""",
    "uploads": f"""
      INSERT INTO uploads (id, account_id, status, filename, content_type, size, part_size, storage_key, multipart_id,
                           expires_at, created_at, external_id, client_metadata)
      SELECT 'upl' || {ID}, :account, CASE WHEN n % 1000 = 7 THEN 'rare' ELSE 'completed' END,
             'lecture.mp4', 'video/mp4', 1, 1, 'assets/' || n, '', now(), {COMMON}
      FROM generate_series(1, :rows) AS n""",
}
TABLES = {Job: ("jobs", MANY), Asset: ("assets", MANY // 2), Upload: ("uploads", MANY // 2)}
NARROWED = {
    "nothing": Filter(),
    "status": Filter(equal={"status": "rare"}),
    "pipeline": Filter(equal={"pipeline": "image"}),
    "external_id": Filter(equal={"external_id": "lecture-777"}),
    "time": Filter(created_after=START, created_before=START + timedelta(minutes=50)),
    "status and time": Filter(equal={"status": "rare"}, created_after=START),
    "metadata": Filter(metadata={"course": "777"}),
}


def fill(session, account, asset):
    """Make the rows, and the migrations' indexes after them: that is quicker than row by row."""
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
    found = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :name AND indexname NOT LIKE 'pk_%'"
    for name, count in TABLES.values():
        indexes = session.execute(text(found), {"name": name}).all()
        for index, _ in indexes:
            session.execute(text(f"DROP INDEX {index}"))
        session.execute(text(FILL[name]), {"account": account, "asset": asset, "rows": count})
        for _, definition in indexes:
            session.execute(text(definition))


@pytest.fixture(scope="module")
def crowded(fresh_database):
    """A database in which one account has very many jobs, and other accounts some of their own."""
    url = fresh_database()
    make_migrated(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        get_settings.cache_clear()
        mine, asset = accounts.default_account().id, rows.make_asset().id
        other = rows.make_account("other")
        for _ in range(3):
            rows.make_job(salt=uuid.uuid4().hex, account_id=other)
        with transaction() as session:
            fill(session, mine, asset)
        with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE jobs, assets, uploads"))
        yield url, mine
        engine().dispose()
    get_settings.cache_clear()


def explained(model, account, narrowed, before):
    """The plan of the statement that lists a page, and the page."""
    statements = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        statements.append((statement, parameters))

    event.listen(engine(), "before_cursor_execute", note)
    try:
        page = PAGES[model](account, narrowed=narrowed, before=before, limit=100)
    finally:
        event.remove(engine(), "before_cursor_execute", note)
    statement, parameters = statements[0]
    with engine().connect() as connection:
        found = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
    return found[0]["Plan"], page


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


LISTS = [
    pytest.param(model, narrowed, id=f"{model.__tablename__}-{name}")
    for model in TABLES
    for name, narrowed in NARROWED.items()
    if all(hasattr(model, column) for column in narrowed.equal)
]


@pytest.mark.parametrize(("model", "narrowed"), LISTS)
@pytest.mark.parametrize("deep", [False, True], ids=["first", "deep"])
def test_a_page_comes_from_an_index(crowded, monkeypatch, model, narrowed, deep):
    url, account = crowded
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    first = PAGES[model](account, narrowed=narrowed, before=None, limit=1)
    before = first[0].id if deep and first else None
    plan, page = explained(model, account, narrowed, before)
    kinds = [node["Node Type"] for node in nodes(plan)]
    assert any("Index" in kind for kind in kinds), kinds
    reads = [node for node in nodes(plan) if "Relation Name" in node]
    read = sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in reads)
    assert read <= MOST_READ, "rows are found by what is asked for, and read in order"
    ids = [row.id for row in page]
    assert ids == sorted(ids, reverse=True)
    assert {row.account_id for row in page} <= {account}
    assert before not in ids
    assert ids
