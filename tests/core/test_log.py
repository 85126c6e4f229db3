"""A log tells what went wrong, in few lines, and nothing that a stranger must not read."""

import subprocess
import sys

import pytest

FAILING = """
import structlog
from core.log import configure_logging

def connect(password):
    raise ConnectionError("refused")

configure_logging(json={json})
try:
    connect("hunter2")
except ConnectionError:
    structlog.get_logger("test").exception("connection lost")
"""


@pytest.mark.parametrize("json", [False, True])
def test_a_traceback_is_short_and_shows_no_values(json):
    command = [sys.executable, "-c", FAILING.format(json=json).replace('"hunter2"', '"hunter" + str(1 + 1)')]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    assert "connection lost" in said
    assert "ConnectionError: refused" in said
    assert "hunter2" not in said
    assert said.count("\n") < 15
