"""docs/api.md does what it says, from top to bottom, and a client that is generated from OpenAPI works."""

import hashlib
import importlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.stack import ROOT
from tests.keys import KEY

pytestmark = pytest.mark.e2e

# The generator knows no type with a wildcard, and few by name.
CONFIG = """
package_name_override: cutwork_generated
post_hooks: []
content_type_overrides: {"image/*": application/octet-stream, application/vnd.apple.mpegurl: text/plain}
"""
PAGE = ROOT / "docs" / "api.md"


def test_every_command_of_the_page_works(local_stack, sample, tmp_path):
    url, _ = local_stack
    shutil.copy(sample, tmp_path / "lecture.mp4")
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 15
    script = "set -euo pipefail\n" + "\n".join(blocks)
    env = os.environ | {"CUTWORK_URL": url, "CUTWORK_API_KEY": KEY}
    done = subprocess.run(
        ["bash", "-x"], check=False, input=script, text=True, capture_output=True, cwd=tmp_path, env=env, timeout=500
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert (tmp_path / "cut.mp4").stat().st_size > 1000


def test_the_page_names_every_path(local_stack):
    """Whoever adds an operation on files or jobs says how it is used."""
    url, _ = local_stack
    pages = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    told = {
        re.sub(r"\$[A-Z0-9]+|\$\([^)]*\)|\{\w+\}", "*", path) for path in re.findall(r"/v1/[\w/${}()<.\- ]+", pages)
    }
    for path in httpx.get(f"{url}/openapi.json").json()["paths"]:
        if path.startswith(("/v1/uploads", "/v1/assets", "/v1/jobs", "/v1/usage")):
            shape = re.sub(r"\{\w+\}", "*", path)
            assert any(one.rstrip("./ ").startswith(shape) for one in told), f"docs say nothing of {path}"


@pytest.fixture
def generated(local_stack, tmp_path, monkeypatch):
    """The package that openapi-python-client writes from the served document."""
    url, _ = local_stack
    target = tmp_path / "generated"
    (tmp_path / "config.yml").write_text(CONFIG)
    command = [Path(sys.executable).parent / "openapi-python-client", "generate", "--url", f"{url}/openapi.json"]
    command += ["--config", tmp_path / "config.yml", "--output-path", target, "--meta", "none", "--fail-on-warning"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.move(target, tmp_path / "cutwork_generated")
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("cutwork_generated")


def test_a_generated_client_uploads_edits_and_downloads(local_stack, generated, sample):
    url, _ = local_stack

    def operation(tag, name):
        return importlib.import_module(f"cutwork_generated.api.{tag}.{name}").sync

    models = importlib.import_module("cutwork_generated.models")
    client = generated.AuthenticatedClient(base_url=url, token=KEY)
    body = sample.read_bytes()
    new = models.NewUpload(filename="lecture.mp4", size=len(body))
    upload = operation("uploads", "create_upload")(client=client, body=new)
    for part in upload.parts:
        start = (part.number - 1) * upload.part_size
        assert httpx.put(part.url, content=body[start : start + part.size]).is_success
    asset = operation("uploads", "complete_upload")(upload.id, client=client, body=models.CompleteUpload())
    assert asset.sha256 == hashlib.sha256(body).hexdigest()
    edit = models.Edit(input_=asset.id, keep=[models.Keep(start="1", end="2.5")])
    job = operation("jobs", "create_edit_job")(client=client, body=edit)
    deadline = time.monotonic() + 300
    while job.status not in ("succeeded", "failed") and time.monotonic() < deadline:
        time.sleep(0.2)
        job = operation("jobs", "get_job")(job.id, client=client)
    assert job.status == "succeeded", job.error
    [video] = [output for output in job.outputs if output.name == "video"]
    made = httpx.get(video.url)
    assert hashlib.sha256(made.content).hexdigest() == video.sha256
