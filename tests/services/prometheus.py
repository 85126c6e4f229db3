"""Prometheus of the system's package: a server with its data in one folder, and promtool."""

import os
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.services.ports import free_port
from tests.services.process import serving

WHY = "Prometheus is not here. On Debian: apt install --no-install-recommends prometheus"


def program(name: str) -> str:
    """The program; where there is none the test is skipped, but under continuous integration it fails."""
    found = shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(WHY)
    return found


@contextmanager
def running(folder: Path, targets: Path):
    """Yield the address of a server that scrapes what a file of targets names, every second."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: cutwork, file_sd_configs: [{{files: ['{targets}']}}]}}]\n"
    )
    command = [program("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]

    def ready():
        try:
            return httpx.get(f"{url}/-/ready").is_success
        except httpx.TransportError:
            return False

    with serving(command, log=folder / "prometheus.log", ready=ready, stop=signal.SIGTERM):
        yield url
