"""What every pod has: the restricted Pod Security Standard, bounds, probes, places to go; and no token of Kubernetes.

Restricted: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

import pytest

from tests.helm.chart import CASES, containers, find, kind, pods, render

# Volumes that the restricted standard allows.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


@pytest.fixture(params=CASES)
def objects(request):
    return render(*CASES[request.param])


def test_every_pod_is_restricted(objects):
    for name, pod in pods(objects).items():
        spec, security = pod["spec"], pod["spec"]["securityContext"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {key for volume in spec["volumes"] for key in volume} - {"name"} <= VOLUMES, name
        for container in containers(pod):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own["readOnlyRootFilesystem"] is True
            assert not any("hostPort" in port for port in container.get("ports", []))


def test_every_container_has_bounds(objects):
    for name, pod in pods(objects).items():
        for container in containers(pod):
            bounds = container["resources"]
            assert {"cpu", "memory"} <= set(bounds["requests"]), name
            assert {"cpu", "memory"} <= set(bounds["limits"]), name


def test_whatever_stays_is_probed(objects):
    for name, pod in pods(objects).items():
        if name.startswith(("Deployment", "StatefulSet")):
            for container in pod["spec"]["containers"]:
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container), name


def test_the_api_outlives_what_all_its_pods_share():
    objects = render(*CASES["prod"])
    (api,) = pods(objects)["Deployment/cutwork-api"]["spec"]["containers"]
    paths = {probe: api[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}
    assert paths == {"startup": "/readyz", "readiness": "/healthz", "liveness": "/healthz"}
    annotations = kind(objects, "Ingress")["api"]["metadata"]["annotations"]
    assert annotations["alb.ingress.kubernetes.io/healthcheck-path"] == "/healthz"


def test_whatever_is_written_has_a_place(objects):
    for name, pod in pods(objects).items():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in containers(pod):
            paths = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert "/tmp" in paths, name
            assert len(paths) == len(set(paths))
            claimed = {"data"} if name.startswith("StatefulSet") else set()
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes) | claimed, name
        for volume in volumes.values():
            assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""}), (
                f"{name}: {volume['name']} is without bound"
            )


def test_no_pod_gets_a_token_of_kubernetes(objects):
    for name, pod in pods(objects).items():
        assert pod["spec"]["automountServiceAccountToken"] is False, name
    for account in kind(objects, "ServiceAccount").values():
        assert account["automountServiceAccountToken"] is False


def test_service_accounts_carry_the_roles_of_iam():
    objects = render(*CASES["prod"])
    for name in ("api", "worker"):
        role = kind(objects, "ServiceAccount")[name]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        assert role.endswith(f"cutwork-{name}")
    used = {name: pod["spec"].get("serviceAccountName") for name, pod in pods(objects).items()}
    assert used["Deployment/cutwork-api"] == "cutwork-api"
    assert {used[f"Deployment/cutwork-{pool}"] for pool in ("light", "encode", "maintenance")} == {"cutwork-worker"}
    # Beat measures the storage, Flower touches no file.
    assert used["Deployment/cutwork-beat"] == "cutwork-worker"
    assert used["Deployment/cutwork-flower"] is None


def test_pods_are_placed_as_the_values_say():
    objects = render(*CASES["everything"])
    for name, pod in pods(objects).items():
        if name.startswith(("Deployment", "StatefulSet")):
            spec = pod["spec"]
            assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
            assert spec["tolerations"][0]["key"] == "media"
            assert "nodeAffinity" in spec["affinity"]
            zone, node = spec["topologySpreadConstraints"]
            assert (zone["whenUnsatisfiable"], node["whenUnsatisfiable"]) == ("DoNotSchedule", "ScheduleAnyway")
            for constraint in (zone, node):
                assert constraint["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
            assert spec["priorityClassName"] in {f"cutwork-{one}" for one in kind(objects, "PriorityClass")}
    classes = {name: one["value"] for name, one in kind(objects, "PriorityClass").items()}
    assert classes["service"] > classes["light"] > classes["encode"]
    encode = find(render(*CASES["prod"]), "Deployment", "encode")["spec"]["template"]["spec"]
    assert encode["nodeSelector"] == {"cutwork/pool": "encode"}
    assert encode["priorityClassName"] == "cutwork-encode"


def test_secrets_are_files_that_only_the_pod_reads():
    objects = render(*CASES["everything"])
    for name, pod in pods(objects).items():
        secrets = [volume["secret"] for volume in pod["spec"]["volumes"] if "secret" in volume]
        assert all(secret["defaultMode"] == 0o440 for secret in secrets), name
    api = pods(objects)["Deployment/cutwork-api"]["spec"]
    files = {one["name"]: one.get("value") for one in api["containers"][0]["env"]}
    (mounted,) = [volume["secret"] for volume in api["volumes"] if volume["name"] == "secrets"]
    for item in mounted["items"]:
        assert files[f"{item['key']}_FILE"] == f"/run/secrets/cutwork/{item['path']}"


def test_the_list_of_moderation_is_where_the_setting_says():
    objects = render(*CASES["everything"])
    path = find(objects, "ConfigMap", "config")["data"]["MODERATION_HASHES"]
    readers = set()
    for name, pod in pods(objects).items():
        for volume in pod["spec"]["volumes"]:
            if volume.get("configMap", {}).get("name") == "cutwork-hashes-2":
                (item,) = volume["configMap"]["items"]
                (mount,) = [one for one in containers(pod)[0]["volumeMounts"] if one["name"] == volume["name"]]
                assert f"{mount['mountPath']}/{item['path']}" == path
                readers.add(name.rpartition("-")[2])
    assert readers == {"api", "beat", "light", "encode", "maintenance"}
    assert "MODERATION_HASHES" not in find(render(*CASES["prod"]), "ConfigMap", "config")["data"]
