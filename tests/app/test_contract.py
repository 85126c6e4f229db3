"""The OpenAPI document against the running server: Schemathesis with all of its checks."""

import subprocess
import sys
from pathlib import Path

from tests.app.served import serve
from tests.keys import HEADERS

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 3
SEED = 20261121


def test_the_document_is_true(embedded, tmp_path):
    """Status, schema, content type, headers, data that must be refused, methods that are not there, and auth."""
    app = "tests.app.served:with_cheap_passwords()"
    with serve(tmp_path, app, PUBLIC_URL="http://localhost", RATE_LIMIT_KEY="", RATE_LIMIT_IP="") as url:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/openapi.json"]
        command += ["--checks", "all", "--max-examples", str(EXAMPLES), "--seed", str(SEED)]
        command += ["--header", f"Authorization: {HEADERS['Authorization']}"]
        command += ["--generation-database", "none", "--no-color"]
        # One thread: two that parse Python at once, as its generators do, end now and then in CPython 3.11 with
        # "SystemError: AST constructor recursion depth mismatch".
        command += ["--workers", "1"]
        command += ["--request-timeout", "120"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=580, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-50_000:] + done.stderr[-2000:]
