"""An upgrade changes nothing that Kubernetes refuses to change.

`upgrade/0.1.0.yaml` are values as they were written for a version, `upgrade/0.1.0.json` the immutable fields that the
chart of that version made of them. A version that is released adds its own two files:
`python -m tests.helm.test_upgrade tests/helm/upgrade/VERSION.yaml > tests/helm/upgrade/VERSION.json`.
"""

import json
import sys
from pathlib import Path

import pytest

from tests.helm.chart import render

FOLDER = Path(__file__).parent / "upgrade"
# By https://kubernetes.io/docs/reference/kubernetes-api: what is refused by "field is immutable", and of a StatefulSet
# all but what may be changed.
_FREE = {
    "StatefulSet": {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    },
    "PersistentVolumeClaim": {"resources", "volumeAttributesClassName"},
}


def immutable(objects: list[dict]) -> dict[str, object]:
    """Return what must stay, by kind and name."""
    found = {}
    for one in objects:
        spec, fields = one.get("spec", {}), {}
        if one["kind"] in _FREE:
            fields = {key: value for key, value in spec.items() if key not in _FREE[one["kind"]]}
        elif one["kind"] == "Deployment":
            fields = {"selector": spec["selector"]}
        elif one["kind"] == "Service" and "clusterIP" in spec:
            fields = {"clusterIP": spec["clusterIP"]}
        elif one["kind"] == "PriorityClass":
            fields = {"value": one["value"]}
        elif one["kind"] == "Job":
            # A Job may not be changed at all, so it is a hook that is made anew.
            fields = {"policy": one["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")[0]}
        if fields:
            found[f"{one['kind']}/{one['metadata']['name']}"] = fields
    return found


@pytest.mark.parametrize("values", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_older_values_change_no_immutable_field(values):
    before = json.loads(values.with_suffix(".json").read_text())
    now = immutable(render(f"--values={values}"))
    assert {name: now.get(name, "is gone") for name in before} == before


def test_a_new_version_of_the_chart_moves_no_selector(tmp_path):
    from tests.helm.chart import CASES, copy_of_chart

    chart = copy_of_chart(tmp_path)
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("0.1.0", "9.9.9"))
    now = render(*CASES["everything"], chart=chart)
    assert immutable(now) == immutable(render(*CASES["everything"]))
    assert now != render(*CASES["everything"])


if __name__ == "__main__":
    json.dump(immutable(render(f"--values={sys.argv[1]}")), sys.stdout, indent=1, sort_keys=True)
    print()
