"""compose.yaml keeps to the Compose specification, and starts what there is to start in an order that works.

The schema is that of the specification, as check-jsonschema brings it along.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from core.settings import Settings
from tasks.stages import POOLS
from tests.core.outgoing.servers import serving
from tests.e2e.stack import ROOT
from tests.helm.chart import CASES, environment, find, render

OURS = ("cutwork-api:", "cutwork-worker:")


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def test_it_is_what_the_specification_says():
    checker = Path(sys.executable).parent / "check-jsonschema"
    command = [checker, "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_every_pool_has_its_worker(services):
    for pool in POOLS:
        assert services[pool]["command"] == ["python", "-m", "tasks", "worker", pool]
    assert {"api", "beat", "flower", "prometheus", "grafana", "loki", "postgres", "valkey", "seaweedfs"} <= set(
        services
    )


def test_whoever_is_waited_for_can_be_waited_for(services):
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            other = services[needed]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in other or other["image"].startswith(OURS), f"{name} waits for {needed}"
            if how["condition"] == "service_completed_successfully":
                assert other.get("restart", "no") == "no"


def test_our_processes_have_no_privileges_and_known_settings(services):
    known = {name.upper() for name in Settings.model_fields} | {"FLOWER_BASIC_AUTH"}
    ours = {name: one for name, one in services.items() if one["image"].startswith(OURS)}
    assert set(ours) == {"api", "migrate", "beat", "flower", *POOLS}
    for name, service in ours.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert set(service["environment"]) <= known
        secrets = [service["environment"][key] for key in ("SECRET_KEY", "S3_SECRET_ACCESS_KEY", "BOOTSTRAP_API_KEY")]
        assert all(value.startswith("${") for value in secrets), "secrets come from .env"


def test_every_setting_reaches_our_processes_and_what_is_asked_for_is_written_down(services):
    """Compose puts .env into compose.yaml alone; other settings have a file of their own."""
    for name, service in services.items():
        if service["image"].startswith(OURS):
            assert service["env_file"] == [{"path": "settings.env", "required": False}], name
    text = (ROOT / "compose.yaml").read_text()
    head, _, rest = text.partition("\nname: cutwork\n")
    page = (ROOT / "docs/deploy.md").read_text()
    asked = set(re.findall(r"\$\{([A-Z_0-9]+)", rest))
    assert {"POSTGRES_PASSWORD", "PUBLIC_URL"} <= asked
    for name in asked:
        assert name in head, f"compose.yaml: say at its top what {name} is"
        assert name in page, f"docs/deploy.md: name {name}"


def test_whoever_runs_on_tells_whether_it_is_well(services):
    for name, service in services.items():
        # Ours have a health check in their images.
        if not service["image"].startswith(OURS) and service.get("restart", "no") != "no":
            assert "healthcheck" in service, name


def test_the_shippers_check_reads_the_status(services):
    """By a shell alone, for its image has nothing that speaks HTTP."""
    *start, script = services["alloy"]["healthcheck"]["test"][1:]
    for status, code in ((200, 0), (503, 1)):
        with serving(lambda handler, status=status: handler.reply(status, b"ready")) as (port, requests):
            asked = script.replace("12345", str(port))
            assert subprocess.run([*start, asked], timeout=120, check=False).returncode == code
            assert requests[0].path == "/-/ready"


def test_nothing_is_open_to_other_machines(services):
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_every_file_and_volume_exists(compose, services):
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name}: {source}"
            elif not source.startswith("/"):
                assert source in compose["volumes"]
        build = service.get("build")
        assert build is None or (ROOT / build["dockerfile"]).exists()


def test_images_are_pinned_and_those_of_the_chart(services):
    values = yaml.safe_load((ROOT / "helm" / "values.yaml").read_text())
    for service in services.values():
        assert ":" in service["image"].rpartition("/")[2]
        assert not service["image"].endswith("latest")
    assert services["postgres"]["image"].endswith(values["postgresql"]["image"])
    assert services["valkey"]["image"].endswith(values["valkey"]["image"])


def test_prometheus_asks_every_process_and_grafana_shows_every_dashboard(services):
    jobs = yaml.safe_load((ROOT / "compose" / "prometheus.yml").read_text())["scrape_configs"]
    asked = {(name, found["port"]) for job in jobs for found in job["dns_sd_configs"] for name in found["names"]}
    assert asked == {("api", 9100), *((name, 9101) for name in (*POOLS, "beat"))}
    provider = yaml.safe_load((ROOT / "compose/grafana/dashboards/cutwork.yaml").read_text())["providers"][0]
    assert f"./helm/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
    for dashboard in (ROOT / "helm" / "dashboards").glob("*.json"):
        assert json.loads(dashboard.read_text())["title"]


def test_data_of_postgres_lie_in_the_volume_that_its_image_declares(services):
    """From 18 on the volume is /var/lib/postgresql; where it is `data` below, the image takes it for an older one's."""
    objects = render(*CASES["dev"])
    spec = find(objects, "StatefulSet", "postgresql")["spec"]["template"]["spec"]["containers"][0]
    (mount,) = [one["mountPath"] for one in spec["volumeMounts"] if one["name"] == "data"]
    (volume,) = services["postgres"]["volumes"]
    folders = {environment(spec)["PGDATA"], services["postgres"]["environment"]["PGDATA"]}
    assert volume.partition(":")[2] == mount == "/var/lib/postgresql"
    # The same folder of the volume as ever.
    assert folders == {"/var/lib/postgresql/pgdata"}
