"""The chart as real Helm renders it, without a cluster."""

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "helm"
HELM = Path(sys.executable).parent / "helm"
KEDA, PROMETHEUS = "keda.sh/v1alpha1", "monitoring.coreos.com/v1"
EXTENSIONS = (KEDA, PROMETHEUS)
POOLS = json.loads((CHART / "files" / "stages.json").read_text())["pools"]

# What a values file needs to be rendered at all, and the name that the tests call each case by.
CASES = {
    "defaults": ("--set=config.S3_BUCKET=media,keda.redis.address=valkey:6379",),
    "dev": (f"--values={CHART / 'values-dev.yaml'}",),
    "prod": (f"--values={CHART / 'values-prod.yaml'}",),
    "everything": (f"--values={ROOT / 'tests' / 'helm' / 'everything.yaml'}",),
}


def helm(*arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run Helm with caches of its own."""
    return subprocess.run([HELM, *arguments], check=check, capture_output=True, text=True, timeout=60)


@cache
def render(*arguments: str, extensions: tuple[str, ...] = EXTENSIONS, chart: Path = CHART) -> list[dict]:
    """Return the objects of a release `cutwork` in the namespace `media`, hooks included."""
    apis = [f"--api-versions={name}" for name in extensions]
    done = helm("template", "cutwork", str(chart), "--namespace=media", *apis, *arguments, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.load_all(done.stdout, yaml.CSafeLoader) if document]


def refusal(*arguments: str) -> str:
    """Return what Helm says when it refuses values."""
    done = helm("template", "cutwork", str(CHART), *CASES["defaults"], *arguments, check=False)
    assert done.returncode != 0, "the values were accepted"
    return done.stderr


def find(objects: list[dict], kind: str, name: str) -> dict:
    """Return one object by kind and the end of its name."""
    found = [one for one in objects if one["kind"] == kind and one["metadata"]["name"] == f"cutwork-{name}"]
    assert len(found) == 1, f"{len(found)} objects are a {kind} cutwork-{name}"
    return found[0]


def kind(objects: list[dict], *kinds: str) -> dict[str, dict]:
    """Return the objects of some kinds by name, without the release's."""
    return {one["metadata"]["name"].removeprefix("cutwork-"): one for one in objects if one["kind"] in kinds}


def pods(objects: list[dict]) -> dict[str, dict]:
    """Return what every pod is made from, `{"metadata", "spec"}`, by kind and name of what makes it."""
    found = {}
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            found[name] = one
        elif one["kind"] == "CronJob":
            found[name] = one["spec"]["jobTemplate"]["spec"]["template"]
        elif one["kind"] in ("Deployment", "StatefulSet", "Job"):
            found[name] = one["spec"]["template"]
    return found


def containers(pod: dict) -> list[dict]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: dict) -> dict[str, str]:
    return {one["name"]: one.get("value") for one in container.get("env", [])}


def copy_of_chart(folder: Path) -> Path:
    """Return a copy of the chart that a test may change."""
    return Path(shutil.copytree(CHART, folder / "chart"))
