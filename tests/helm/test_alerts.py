"""Alert rules: sound by promtool, raised when they should be, and each with an entry in the runbook."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CASES, kind, render
from tests.services.prometheus import program

ROOT = Path(__file__).parents[2]
RULES = ROOT / "helm/alerts/cutwork.yaml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def promtool(*arguments):
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_sound():
    promtool("check", "rules", "--lint-fatal", str(RULES))


def test_each_alert_is_raised_by_what_it_is_for(tmp_path):
    tests = yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())
    raised = {one["alertname"] for test in tests["tests"] for one in test["alert_rule_test"] if one.get("exp_alerts")}
    assert raised == {rule["alert"] for rule in ALERTS}
    path = tmp_path / "alerts.yaml"
    path.write_text(yaml.safe_dump(tests | {"rule_files": [str(RULES)]}))
    promtool("test", "rules", str(path))


def test_a_target_that_is_down_is_known_by_its_job():
    (expr,) = [rule["expr"] for rule in ALERTS if rule["alert"] == "CutworkTargetDown"]
    job = re.compile(re.search(r'job=~"([^"]+)"', expr)[1])
    compose = yaml.safe_load((ROOT / "compose/prometheus.yml").read_text())["scrape_configs"]
    assert all(job.fullmatch(one["job_name"]) for one in compose)
    objects = render(*CASES["prod"], "--set", "fullnameOverride=media,nameOverride=media")
    services = kind(objects, "Service")
    for one in objects:
        if one["kind"] == "ServiceMonitor":
            label = one["spec"]["jobLabel"]
            service = services[f"{one['metadata']['name']}-metrics"]
            assert job.fullmatch(service["metadata"]["labels"][label])


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_each_alert_has_an_entry_in_the_runbook(rule):
    assert f"### {rule['alert']}\n" in (ROOT / "docs/operate.md").read_text()
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
