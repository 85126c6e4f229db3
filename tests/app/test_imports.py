import subprocess
import sys

from tests.keys import SETTINGS

SCRIPT = """
import sys
from app import create_app
create_app()
print(*sorted({"av", "PIL", "numpy"} & {name.partition(".")[0] for name in sys.modules}))
"""


def test_the_api_process_loads_no_engine(tmp_path):
    # One test can see this only from outside: the others load the engine into this process.
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=SETTINGS | {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "STORAGE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == ""
