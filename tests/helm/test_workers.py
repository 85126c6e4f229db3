"""Workers follow from the registry: queues, processes, bounds, how they stop and how many there are."""

import pytest

from tasks.__main__ import worker
from tasks.stages import ERRANDS, PERIODIC, POOLS, STAGES
from tests.helm.chart import CASES, environment, find, kind, refusal, render
from tests.helm.cluster import cluster


@pytest.fixture
def prod():
    return render(*CASES["prod"])


def of(objects, pool):
    return find(objects, "Deployment", pool)["spec"]["template"]["spec"]


def test_every_queue_of_the_registry_is_consumed_by_exactly_one_deployment(prod):
    consumed = []
    for pool in POOLS:
        deployment = find(prod, "Deployment", pool)
        started = of(prod, pool)["containers"][0]["args"]
        # How many processes run stages is a setting, which threads are shared by as well.
        asked = ["--processes", "2"] if pool == "maintenance" else []
        assert started == ["python", "-m", "tasks", "worker", pool, *asked]
        arguments = worker(pool)
        queues = arguments[arguments.index("--queues") + 1]
        assert deployment["metadata"]["annotations"]["cutwork/queues"] == queues
        consumed += queues.split(",")
    assert sorted(consumed) == sorted({*STAGES, *ERRANDS, *(task.queue for task in PERIODIC.values())})


@pytest.mark.parametrize("case", CASES)
def test_a_stopping_pod_has_time_to_end_or_hand_over(case):
    """Either the longest stage fits, or the worker hands over before it is killed (docs/reliability.md)."""
    objects = render(*CASES[case])
    for pool in POOLS:
        spec = of(objects, pool)
        grace = int(environment(spec["containers"][0])["SHUTDOWN_GRACE_S"])
        assert spec["terminationGracePeriodSeconds"] >= grace + 15
        assert grace <= max(stage.hard_limit_s for stage in STAGES.values())
    api = of(objects, "api")
    assert api["terminationGracePeriodSeconds"] > api["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] + 25


def test_the_grace_may_cover_the_longest_stage_but_no_more():
    spec = of(render(*CASES["prod"], "--set", "workers.pools.light.shutdownGraceSeconds=999999"), "light")
    longest = max(stage.hard_limit_s for stage in STAGES.values() if stage.pool == "light")
    assert environment(spec["containers"][0])["SHUTDOWN_GRACE_S"] == str(longest)


def test_what_a_process_may_use_follows_from_the_container(prod):
    container = of(prod, "encode")["containers"][0]
    env = environment(container)
    assert container["resources"]["limits"]["memory"] == "6Gi"
    assert env["ENCODE_MEMORY_MB"] == str(6 * 1024 * 9 // 10)
    assert int(env["WORKER_MAX_MEMORY_MB"]) <= int(env["ENCODE_MEMORY_MB"]) // 2
    twice = render(*CASES["prod"], "--set", "workers.pools.encode.processes=2")
    assert environment(of(twice, "encode")["containers"][0])["ENCODE_MEMORY_MB"] == str(6 * 1024 * 9 // 10 // 2)


def test_scratch_is_a_folder_or_a_volume_of_the_pod():
    for case, key in (("prod", "emptyDir"), ("everything", "ephemeral")):
        spec = of(render(*CASES[case]), "encode")
        (volume,) = [one for one in spec["volumes"] if one["name"] == "scratch"]
        assert key in volume
        (mount,) = [one for one in spec["containers"][0]["volumeMounts"] if one["name"] == "scratch"]
        assert environment(spec["containers"][0])["SCRATCH_DIR"] == mount["mountPath"]


def test_keda_counts_what_waits_and_what_runs(prod):
    scaled = kind(prod, "ScaledObject")
    assert set(scaled) == {"light", "encode"}
    for pool, one in scaled.items():
        spec = one["spec"]
        queues = [name for name, stage in STAGES.items() if stage.pool == pool]
        lists = {trigger["name"]: trigger["metadata"] for trigger in spec["triggers"]}
        assert [lists[f"q_{queue}"]["listName"] for queue in queues] == queues
        assert set(lists["q_" + queues[0]]) >= {"address", "listLength", "databaseIndex"}
        modifiers = spec["advanced"]["scalingModifiers"]
        assert modifiers["formula"].split(" + ") == list(lists)
        assert modifiers["target"] == environment(of(prod, pool)["containers"][0])["WORKER_PROCESSES"]
        # What cannot be asked changes nothing.
        assert "fallback" not in spec
    assert scaled["encode"]["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"] == {
        "stabilizationWindowSeconds": 600,
        "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}],
    }


def test_keda_may_take_the_last_encoder_and_asks_rabbitmq_as_well():
    assert kind(render(*CASES["everything"]), "ScaledObject")["encode"]["spec"]["minReplicaCount"] == 0
    objects = render(*CASES["prod"], "--set", "keda.broker=rabbitmq")
    triggers = kind(objects, "ScaledObject")["light"]["spec"]["triggers"]
    assert {one["type"] for one in triggers} == {"rabbitmq", "postgresql"}
    # KEDA refuses `excludeUnacknowledged` and `useRegex` with this protocol.
    asked = {"protocol": "amqp", "mode": "QueueLength", "value": "1"}
    for one in triggers:
        if one["type"] == "rabbitmq":
            assert one["metadata"] == asked | {"queueName": one["name"].removeprefix("q_").replace("_", "-")}
    (host,) = kind(objects, "TriggerAuthentication")["broker"]["spec"]["secretTargetRef"]
    assert (host["parameter"], host["key"]) == ("host", "BROKER_URL")


def test_without_keda_processor_load_decides():
    objects = render(*CASES["prod"], extensions=())
    scaled = kind(objects, "HorizontalPodAutoscaler")
    assert set(scaled) == {"api", "light", "encode"}
    assert scaled["encode"]["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 600
    assert find(objects, "Deployment", "maintenance")["spec"]["replicas"] == 2


def test_beat_is_one_at_a_time(prod):
    spec = find(prod, "Deployment", "beat")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_flower_asks_for_a_password_and_keeps_its_open_pages_inside():
    objects = render(*CASES["everything"])
    (password,) = [one for one in of(objects, "flower")["containers"][0]["env"] if one["name"] == "FLOWER_BASIC_AUTH"]
    assert "optional" not in password["valueFrom"]["secretKeyRef"]
    paths = [
        (path["pathType"], path["path"])
        for path in find(objects, "Ingress", "flower")["spec"]["rules"][0]["http"]["paths"]
    ]
    assert ("Exact", "/") in paths
    assert ("Prefix", "/tasks") in paths
    for kept in ("/metrics", "/healthcheck"):
        assert not any(kept.startswith(path) for type_, path in paths if type_ == "Prefix")


def test_migrations_come_first_and_need_nothing_that_is_not_there_yet():
    for case, hook in (("prod", "pre-install,pre-upgrade"), ("dev", "post-install,pre-upgrade")):
        job = find(render(*CASES[case]), "Job", "migrations")
        assert job["metadata"]["annotations"]["helm.sh/hook"] == hook
        spec = job["spec"]["template"]["spec"]
        assert "serviceAccountName" not in spec
        assert "envFrom" not in spec["containers"][0]
        assert spec["containers"][0]["args"][:4] == ["python", "-m", "migrations", "--wait"]


@pytest.mark.parametrize(
    ("ready", "upgrade", "hook"),
    [
        (None, False, "post-install,pre-upgrade"),
        (1, True, "post-install,pre-upgrade"),
        # The first installation failed before the database came up, or it is new in this release.
        (0, True, "post-install,post-upgrade"),
        (None, True, "post-install,post-upgrade"),
    ],
)
def test_migrations_never_wait_for_a_database_that_only_the_release_can_bring(ready, upgrade, hook):
    status = {} if not ready else {"readyReplicas": ready}
    database = {"metadata": {"name": "cutwork-postgresql", "namespace": "media"}, "status": status}
    with cluster(*([] if ready is None else [database])) as connection:
        objects = render(*CASES["dev"], *connection, *(["--is-upgrade"] if upgrade else []))
    assert find(objects, "Job", "migrations")["metadata"]["annotations"]["helm.sh/hook"] == hook


def test_the_maintenance_has_the_processes_that_were_asked_for():
    (container,) = of(render(*CASES["prod"], "--set", "workers.pools.maintenance.processes=5"), "maintenance")[
        "containers"
    ]
    assert container["args"][-2:] == ["--processes", "5"]
    assert "workers.pools.maintenance.processes" in refusal("--set", "workers.pools.maintenance.processes=1")
