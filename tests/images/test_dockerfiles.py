"""The Dockerfiles keep to hadolint's rules, and to some of our own."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.e2e.stack import ROOT

FILES = ("Dockerfile.api", "Dockerfile.worker")


@pytest.mark.parametrize("name", FILES)
def test_hadolint_has_nothing_to_say(name):
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, ROOT / name], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_what_stays_in_the_image(name):
    build, final = re.split(r"^(?=FROM )", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
    bases = {re.match(r"FROM (\S+)", stage)[1] for stage in (build, final)}
    assert len(bases) == 1
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+", bases.pop())
    assert re.search(r"^USER \d+:\d+$", final, re.MULTILINE)
    assert 'ENTRYPOINT ["tini", "--"]' in final
    for word in ("HEALTHCHECK", "LABEL", "org.opencontainers.image.version"):
        assert word in final
    assert "pip install" not in final
    wanted = {"Dockerfile.api": [], "Dockerfile.worker": ["libfribidi0=1.0.*"]}[name]
    assert re.findall(r"install --yes --no-install-recommends (.+) \\", final) == [" ".join([*wanted, "tini=0.19.*"])]


def test_the_build_sees_every_package():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    packages = [name.rstrip("*") for name in config["options.packages.find"]["include"].split()]
    seen = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{name}" for name in packages} <= set(seen)
    assert {"!alembic.ini", "!celeryconfig.py", "!gunicorn.conf.py", "!setup.cfg", "!constraints.txt"} <= set(seen)


def test_the_image_of_the_api_asks_for_no_engine():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    asked = re.search(r"^ARG EXTRAS=(\S+)", (ROOT / "Dockerfile.api").read_text(), re.MULTILINE)[1].split(",")
    wanted = (
        "\n".join(config["options.extras_require"][extra] for extra in asked) + config["options"]["install_requires"]
    )
    assert not re.findall(
        r"^(?:av|numpy|pillow\S*|pyvips\S*|dlib\S*|torch|onnxruntime|opencv\S*)\b", wanted, re.MULTILINE
    )
