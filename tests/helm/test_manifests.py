"""What is rendered is what Kubernetes takes, for each values file and each switch."""

import json
from functools import cache

import kubernetes_validate
import pytest
import yaml

from tests.helm.chart import CASES, CHART, EXTENSIONS, KEDA, PROMETHEUS, find, pods, render

# The oldest that the chart takes, and a new one.
VERSIONS = ("1.30", "1.37")


def switches(values, path=()):
    """The paths of all keys `enabled` and `create`, and what they are."""
    for key, value in values.items():
        if key in ("enabled", "create"):
            yield ".".join((*path, key)), value
        elif isinstance(value, dict):
            yield from switches(value, (*path, key))


SWITCHES = dict(switches(yaml.safe_load((CHART / "values.yaml").read_text())))
# What a switch needs beside it.
NEEDS = {
    "api.ingress.enabled": "api.ingress.hosts={a.example.com}",
    "flower.ingress.enabled": "flower.ingress.hosts={a.example.com}",
    "postgresql.backup.enabled": "postgresql.enabled=true,postgresql.backup.bucket=backups",
}


def check(objects, version):
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    for one in objects:
        if one["apiVersion"] not in EXTENSIONS:
            _validate(json.dumps(one), version)


@cache
def _validate(text, version):
    # A switch changes few objects, and each takes some hundredths of a second.
    kubernetes_validate.validate(json.loads(text), version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES)
def test_each_values_file(case, version):
    check(render(*CASES[case]), version)


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_switch(switch):
    turned = f"{switch}={str(not SWITCHES[switch]).lower()}"
    objects = render(*CASES["defaults"], "--set", ",".join(filter(None, (turned, NEEDS.get(switch)))))
    assert objects != render(*CASES["defaults"]) or switch in WITHOUT_EFFECT
    check(objects, VERSIONS[-1])


# They speak of what the defaults leave out, or of files that may be missing.
WITHOUT_EFFECT = {
    "serviceAccounts.backup.create",
    "monitoring.dashboards.enabled",
    "monitoring.prometheusRule.enabled",
}


@pytest.mark.parametrize("extensions", [(), (KEDA,), (PROMETHEUS,)], ids=["plain", "keda", "prometheus"])
def test_what_the_cluster_does_not_know_is_left_out(extensions):
    objects = render(*CASES["prod"], extensions=extensions)
    check(objects, VERSIONS[-1])
    kinds = {one["kind"] for one in objects}
    assert ("ScaledObject" in kinds) == (KEDA in extensions)
    assert ("ServiceMonitor" in kinds) == (PROMETHEUS in extensions)


def test_no_secret_is_rendered_and_none_stands_in_a_config_map():
    for case in CASES:
        objects = render(*CASES[case])
        assert "Secret" not in {one["kind"] for one in objects}
        secrets = json.loads((CHART / "files" / "settings.json").read_text())["secret"]
        for one in objects:
            if one["kind"] == "ConfigMap":
                assert not set(secrets) & set(one["data"])
        for name, pod in pods(objects).items():
            text = json.dumps(pod)
            assert "password=" not in text.lower(), name
            for container in pod["spec"]["containers"]:
                for variable in container.get("env", []):
                    assert variable["name"] not in secrets, f"{name} has {variable['name']} in its environment"


def test_selectors_match_their_pods_and_nothing_else():
    objects = render(*CASES["everything"])
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(objects).items()}
    for one in objects:
        selector = one.get("spec", {}).get("selector") or {}
        wanted = selector.get("matchLabels", selector if one["kind"] == "Service" else None)
        if wanted is None or one["kind"] == "ServiceMonitor":
            continue
        chosen = [name for name, has in labels.items() if wanted.items() <= has.items()]
        if one["metadata"]["name"].endswith("worker-metrics"):
            assert {name.split("-")[-1] for name in chosen} == {"light", "encode", "maintenance", "beat"}
        else:
            assert len(chosen) == 1, f"{one['kind']} {one['metadata']['name']} chooses {chosen}"


def test_scalers_and_routes_lead_to_what_exists():
    objects = render(*CASES["everything"])
    services = {one["metadata"]["name"]: one for one in objects if one["kind"] == "Service"}
    for one in objects:
        if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject"):
            target = one["spec"]["scaleTargetRef"]
            assert "replicas" not in find(objects, target["kind"], target["name"].removeprefix("cutwork-"))["spec"]
        if one["kind"] == "Ingress":
            for rule in one["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    service = path["backend"]["service"]
                    assert service["port"]["name"] in [
                        port["name"] for port in services[service["name"]]["spec"]["ports"]
                    ]


def test_the_scrape_reaches_the_metrics_ports():
    objects = render(*CASES["everything"])
    services = [one for one in objects if one["kind"] == "Service"]
    for monitor in (one for one in objects if one["kind"] == "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        (service,) = [one for one in services if wanted.items() <= one["metadata"]["labels"].items()]
        for pod in pods(objects).values():
            if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items():
                ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
                assert ports["metrics"] == service["spec"]["ports"][0]["port"]
