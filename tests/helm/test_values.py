"""Values: each file is accepted, what nobody knows is refused, every line is explained."""

import json
import re

import pytest

from tests.helm.chart import CASES, CHART, POOLS, copy_of_chart, environment, helm, kind, refusal, render


@pytest.mark.parametrize("case", CASES)
def test_helm_lints_it(case):
    done = helm("lint", "--strict", str(CHART), *CASES[case], check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ("bogus=1", "bogus is not allowed"),
        ("api.bogus=1", "bogus is not allowed"),
        ("workers.pools.encode.bogus=1", "bogus is not allowed"),
        ("workers.pools.gpu.replicas=1", "there is no such pool, but encode, light, maintenance"),
        ("config.BOGUS=1", "BOGUS is no setting"),
        ("config.SECRET_KEY=hush", "SECRET_KEY is secret"),
        ("workers.pools.light.config.DATABASE_URL=postgresql://u:p@h/d", "DATABASE_URL is secret"),
        ("secret.keys={DATABASE_URL}", "secret.keys"),
        ("secret.keys={DATABASE_URL,BROKER_URL,SECRET_KEY,LOG_JSON}", "LOG_JSON is no secret setting"),
        ("config.S3_BUCKET=", "config.S3_BUCKET"),
        ("api.replicas=two", "Expected: integer"),
        ("api.ingress.enabled=true", "api.ingress.hosts"),
        ("flower.auth.key=", "flower.auth"),
        ("postgresql.settings.fsync=off", "postgresql.settings"),
        ("postgresql.enabled=true,postgresql.backup.enabled=true", "a bucket of its own"),
        (
            "postgresql.enabled=true,postgresql.backup.enabled=true,postgresql.backup.bucket=media",
            "a bucket of its own",
        ),
        ("workers.defaults.resources.limits.memory=4G", "in Mi or Gi"),
    ],
)
def test_what_cannot_work_is_refused(values, why):
    assert why in refusal("--set", values)


def test_clients_behind_the_load_balancer_keep_their_addresses():
    objects = render(*CASES["prod"])
    assert "api" in kind(objects, "Ingress")
    assert kind(objects, "ConfigMap")["config"]["data"]["TRUSTED_PROXIES"] == "1"


def test_large_numbers_are_written_out(tmp_path):
    values = tmp_path / "values.yaml"
    values.write_text(
        "config: {UPLOAD_PART_BYTES: 16777216, UPLOAD_MAX_BYTES: 10737418240, SSE_MAX_S: 2.5, QUOTA_JOBS: 0}\n"
        "workers: {pools: {encode: {config: {MAX_PIXELS: 8294400}}}}\n"
        "postgresql: {enabled: true, settings: {max_wal_size: 10485760}}\n"
    )
    objects = render(*CASES["defaults"], f"--values={values}")
    config = kind(objects, "ConfigMap")["config"]["data"]
    wanted = {
        "UPLOAD_PART_BYTES": "16777216",
        "UPLOAD_MAX_BYTES": "10737418240",
        "SSE_MAX_S": "2.5",
        "QUOTA_JOBS": "0",
    }
    assert config.items() >= wanted.items()
    encode = kind(objects, "Deployment")["encode"]["spec"]["template"]["spec"]["containers"][0]
    assert environment(encode)["MAX_PIXELS"] == "8294400"
    database = kind(objects, "StatefulSet")["postgresql"]["spec"]["template"]["spec"]["containers"][0]
    assert "max_wal_size=10485760" in database["args"]


def test_every_value_is_explained():
    """A comment stands above a key, or above the group that it belongs to."""
    lines = (CHART / "values.yaml").read_text().splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"[a-z]\w*:", line)]
    bare = [lines[number] for number in keys if not _explained(lines, number)]
    assert bare == []


def _explained(lines, number):
    # Where a group has no comment of its own, its first member has one.
    following = lines[number + 1] if number + 1 < len(lines) else ""
    return "#" in lines[number - 1] or "#" in following


def test_a_new_pool_needs_no_yaml(tmp_path):
    chart = copy_of_chart(tmp_path)
    queues = {"queues": ["transcribe"], "processes": 3, "longest_s": 60, "scales": True}
    (chart / "files" / "stages.json").write_text(json.dumps({"pools": POOLS | {"gpu": queues}}))
    objects = render(*CASES["prod"], chart=chart)
    worker = kind(objects, "Deployment")["gpu"]
    assert worker["metadata"]["annotations"]["cutwork/queues"] == "transcribe"
    assert worker["spec"]["template"]["spec"]["containers"][0]["args"][-2:] == ["worker", "gpu"]
    # The longest stage is shorter than the default grace.
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 90
    scaled = kind(objects, "ScaledObject")["gpu"]["spec"]
    assert scaled["advanced"]["scalingModifiers"] == {
        "formula": "q_transcribe + running",
        "target": "3",
        "metricType": "AverageValue",
    }


def test_dashboards_and_alerts_are_taken_as_they_lie_there(tmp_path):
    chart = copy_of_chart(tmp_path)
    for folder, name, text in (
        ("dashboards", "extra.json", '{"title": "{{ not a template }}"}'),
        ("alerts", "extra.yaml", "groups:\n  - name: extra\n    rules: []\n"),
    ):
        (chart / folder).mkdir(exist_ok=True)
        (chart / folder / name).write_text(text)
    objects = render(*CASES["defaults"], chart=chart)
    dashboard = kind(objects, "ConfigMap")["dashboard-extra"]
    assert json.loads(dashboard["data"]["extra.json"]) == {"title": "{{ not a template }}"}
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert kind(objects, "PrometheusRule")["extra"]["spec"]["groups"][0]["name"] == "extra"


def test_it_renders_without_any_dashboard(tmp_path):
    chart = copy_of_chart(tmp_path)
    for folder in ("dashboards", "alerts"):
        for file in (chart / folder).glob("*"):
            file.unlink()
    assert "PrometheusRule" not in {one["kind"] for one in render(*CASES["prod"], chart=chart)}
