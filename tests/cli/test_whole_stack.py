"""The command and the embedded stack together: every process of the Procfile, one small job, and an orderly end."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import httpx
import pytest

from media.sample import make_sample
from tests.services.process import LONG_S

pytestmark = pytest.mark.e2e
OUTSIDE = ("_URL", "S3_BUCKET", "_DIR", "SECRET_KEY", "_PORT", "API_KEY")


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """The addresses of a stack that runs in a folder of the test's own."""
    for name in os.environ:
        if name.endswith(OUTSIDE):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    command = [sys.executable, "-m", "cli", "up", "--json", "--quiet", "--auto-ports", "--home", tmp_path / "home"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    addresses = json.loads(text)
    monkeypatch.setenv("CUTWORK_URL", addresses["api"])
    yield addresses
    process.send_signal(signal.SIGINT)
    assert process.wait(LONG_S) == 0
    assert process.stdout.read() == ""
    process.stdout.close()


def test_up_edit_again_and_down(stack, cutwork, tmp_path):
    clip, out = tmp_path / "my clip.mp4", tmp_path / "out.mp4"
    make_sample(clip, seconds=Fraction(3), fps=Fraction(10), size=(160, 90), keyframe_every=10)
    edit = ("edit", clip, "--keep", "0:01-2.5", "--intro-title", "Hello", "--card-duration", "1", "--json")

    first = cutwork(*edit, "-o", out, "--previews", tmp_path / "previews")
    assert first.code == 0, first.err
    video = next(one for one in first.json["outputs"] if one["name"] == "video")
    assert hashlib.sha256(out.read_bytes()).hexdigest() == video["sha256"]
    names = {path.name for path in (tmp_path / "previews").iterdir()}
    assert names == {
        "preview.mp4",
        "poster.jpg",
        "sprite.jpg",
        "thumbnails.vtt",
        "teaser.webp",
        "waveform.json",
        "waveform_image.png",
    }
    assert "sprite.jpg#xywh=" in (tmp_path / "previews" / "thumbnails.vtt").read_text()

    again = cutwork(*edit)
    assert again.code == 0, again.err
    assert all(stage["cached"] for stage in again.json["stages"].values())
    assert len(cutwork("assets", "--json").json["data"]) == 1, "a file that is there is not sent twice"

    past = cutwork("edit", clip, "--keep", "2-99", "--json")
    assert (past.code, past.json["error"]["code"]) in {(3, "range_past_end"), (4, "range_past_end")}
    assert cutwork("job", "job_none").code == 3
    assert httpx.get(f"{stack['flower']}/workers", trust_env=False).status_code == 200
    assert "openapi" in httpx.get(f"{stack['api']}/openapi.json", trust_env=False).text
    assert httpx.get(f"{stack['api']}/v1/jobs", trust_env=False).status_code == 401
    with_key = {"Authorization": f"Bearer {stack['key']}"}
    assert httpx.get(f"{stack['api']}/v1/jobs", headers=with_key, trust_env=False).status_code == 200
