"""`python -m tests.chaos --seed 7 --jobs 200 --faults 110`: real processes, real servers, and everything that may die.

The same seed gives the same list of jobs, faults, kinds and gaps. What each fault meets is decided by real time, so
that two runs of a seed are alike and not the same. Some faults find nothing to strike, such as no process that holds a
lease at that moment.
"""

from __future__ import annotations

import argparse
import random
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import report, scenario, whole

_LEASE_S = 15


def main() -> int:
    """Run once, print the figures, and return 1 when a promise was broken or a goal missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--faults", type=int, default=110)
    parser.add_argument("--folder", type=Path, help="where logs stay; a new folder when not said")
    parser.add_argument("--settle", type=float, default=240, help="longest quiet after the storm, in seconds")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="cutwork-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    command = f"python -m tests.chaos --seed {asked.seed} --jobs {asked.jobs} --faults {asked.faults}"
    print(f"{command}\nlogs: {folder}", flush=True)
    plan = scenario.draw(asked.seed, jobs=asked.jobs, faults=asked.faults, lease_s=_LEASE_S)
    begun = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - begun:6.0f} s  {what}", flush=True)

    # Whoever ends this ends what it started as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # The defaults of the system are what is measured.
    verdict, figures = whole.run(plan, folder, settings={}, settle_s=asked.settle, say=say)
    report.show(figures | {"command": shlex.join(shlex.split(command))}, verdict.broken, verdict.given_up)
    missed = report.missed(figures, asked.faults)
    for goal in missed:
        print(f"goal missed: {goal}")
    return 1 if verdict.broken or missed else 0


if __name__ == "__main__":
    sys.exit(main())
