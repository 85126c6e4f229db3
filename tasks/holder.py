"""Who holds a lease: `worker/process/attempt`, so that a worker's main process knows the leases of its children."""

from __future__ import annotations

import os
import uuid

_LONGEST_WORKER = 40
# Made once in a worker's main process and inherited by its children: names may be alike up to their ends, and in
# containers process numbers are.
_WORKER = uuid.uuid4().hex[:12]


def prefix(worker: str, pid: int) -> str:
    """Return what the owners of all attempts of one process of a worker begin with."""
    return f"{worker[:_LONGEST_WORKER]}-{_WORKER}/{pid}/"


def owner(worker: str) -> str:
    """Return an owner for one attempt of this process."""
    return prefix(worker, os.getpid()) + uuid.uuid4().hex[:12]
