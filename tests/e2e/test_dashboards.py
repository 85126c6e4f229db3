"""The embedded stack under a real Prometheus: every query of every dashboard and alert finds what it asks for."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import httpx
import pytest
import yaml

from media.sample import make_sample
from tests.e2e.client import Client
from tests.services import prometheus
from tests.services.process import LONG_S, wait_until

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
OUTSIDE = ("_URL", "_DIR", "SECRET_KEY", "_PORT", "API_KEY")
KINDS = {"api", "light", "encode", "maintenance", "beat"}
# What is counted only when something goes wrong.
QUIET = re.compile(r'status=~"5\.\."|status!="2xx"')
NAME = re.compile(r"\bcutwork_[a-z_]+")


def dashboards():
    for path in sorted((ROOT / "helm/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def alerts():
    for path in sorted((ROOT / "helm/alerts").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield rule["alert"], rule["expr"]


@pytest.fixture(scope="module")
def up(tmp_path_factory, s3_settings):
    """The addresses of an embedded stack on a bucket, after some work."""
    folder = tmp_path_factory.mktemp("up")
    env = {name: value for name, value in os.environ.items() if not name.endswith(OUTSIDE)}
    env |= s3_settings | {"XDG_STATE_HOME": str(folder), "METRICS_EVERY_S": "1", "WORKER_MAX_MEMORY_MB": "1"}
    # What is used of a quota is asked only where one is set.
    env |= {"QUOTA_STORED_BYTES": "1000000000", "QUOTA_MINUTES": "1000", "QUOTA_JOBS": "100"}
    command = [sys.executable, "-m", "cli", "up", "--json", "--quiet", "--auto-ports", "--home", folder / "home"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env)
    try:
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        yield json.loads(text)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG_S) == 0
        process.stdout.close()


@pytest.fixture(scope="module")
def targets(up):
    found = json.loads(Path(up["metrics"]).read_text())
    urls = {one["labels"]["process"]: f"http://{one['targets'][0]}/metrics" for one in found}
    wait_until(lambda: all(answers(url) for url in urls.values()))
    return urls


@pytest.fixture(scope="module")
def work(up, targets, tmp_path_factory):
    """An edit, the same again, and a file that is refused."""
    folder = tmp_path_factory.mktemp("clips")
    clip, noise = folder / "clip.mp4", folder / "noise.mp4"
    make_sample(clip, seconds=Fraction(3), fps=Fraction(10), size=(160, 90), keyframe_every=10)
    noise.write_bytes(b"no film" * 1000)
    client = Client(up["api"])
    client.http.headers["Authorization"] = f"Bearer {up['key']}"
    asset = client.upload(clip)
    options = {"brand": {"intro": {"title": "Hello", "duration": "1"}}}
    for _ in range(2):
        assert client.wait(client.edit(asset, [{"start": "0.5", "end": "2.5"}], **options))["status"] == "succeeded"
    keep = [{"start": "0", "end": "1"}]
    assert client.wait(client.edit(client.upload(noise), keep))["status"] == "failed"
    return client


def answers(url):
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def scrape(url):
    return httpx.get(url).text


def names(targets):
    """What processes answer with, by the names of series."""
    lines = [line for url in targets.values() for line in scrape(url).splitlines() if not line.startswith("#")]
    return {re.match(r"\w+", line)[0] for line in lines}


def test_every_process_answers_and_says_what_it_is(targets):
    kinds = {name: re.search(r'cutwork_info\{kind="(\w+)"', scrape(url))[1] for name, url in targets.items()}
    assert kinds == {name: name for name in KINDS}


def test_what_dashboards_and_alerts_name_is_exported_by_processes(work, targets):
    asked = {name for _, expr in [*dashboards(), *alerts()] for name in NAME.findall(expr)}
    assert len(asked) > 30
    wait_until(lambda: asked <= names(targets))


def test_runs_are_counted_once_though_processes_are_replaced(work, targets):
    # WORKER_MAX_MEMORY_MB lets each process end after one stage.
    text = ""

    def counted():
        nonlocal text
        text = scrape(targets["encode"])
        # Once for the upload, and once for the edit if that came first.
        refused = r'cutwork_stage_runs_total\{outcome="refused",stage="probe"\} [12].0'
        running = re.findall(r"cutwork_stages_running\{.*\} (\S+)", text)
        return re.search(refused, scrape(targets["light"])) and {float(value) for value in running} <= {0.0}

    # A run is counted just after its job can be seen to have ended.
    wait_until(counted)
    assert 'cutwork_stage_runs_total{outcome="succeeded",stage="trim"} 1.0' in text
    assert 'cutwork_stage_runs_total{outcome="succeeded",stage="brand"} 1.0' in text


def test_series_stay_few(work, targets):
    counts = {name: len(scrape(url).splitlines()) for name, url in targets.items()}
    assert max(counts.values()) < 2000, counts


@pytest.fixture(scope="module")
def server(work, up, tmp_path_factory):
    with prometheus.running(tmp_path_factory.mktemp("prometheus"), Path(up["metrics"])) as url:

        def scraped():
            return {one["metric"]["process"] for one in ask(url, "up == 1") if one["value"][1] == "1"} == KINDS

        wait_until(scraped)
        # Rates need two scrapes between which something was counted.
        work.http.get("/v1/jobs/job_none")
        asset = work.get("/v1/assets")["data"][-1]
        done = work.wait(work.edit(asset, [{"start": "0.25", "end": "2.25"}], brand={"intro": {"title": "Bye"}}))
        assert done["status"] == "succeeded"
        assert work.wait(work.edit(asset, [{"start": "0.25", "end": "2.25"}]))["status"] == "succeeded"
        yield url


def ask(url, expr):
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expr}).json()
    assert answer["status"] == "success", f"{expr}: {answer}"
    return answer["data"]["result"]


def test_every_panel_shows_series(server):
    def empty():
        found = {}
        for where, expr in dashboards():
            series = ask(server, expr.replace("$__rate_interval", "5m"))
            if not any(not math.isnan(float(one["value"][1])) for one in series) and not QUIET.search(expr):
                found[where] = expr
        return found

    left = {}

    def full():
        left.clear()
        left.update(empty())
        return not left

    try:
        wait_until(full)
    finally:
        assert not left


def test_no_alert_is_raised_where_all_is_well(server):
    raised = {}

    def calm():
        raised.clear()
        raised.update({name: found for name, expr in alerts() if (found := ask(server, expr))})
        return not raised

    # A scrape that comes late makes no alert: each of those has to hold for some time.
    try:
        wait_until(calm)
    finally:
        assert not raised
