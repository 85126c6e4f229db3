"""Processes that do not outlive the stack, nor their group its leader, however either of them ends.

The stack starts a forwarder for each process, and that starts the process as leader of a new group. A signal to
the leader alone would not do when the stack is killed: Celery answers most of them by ending its stages first, and its
pool's processes do not notice that it is gone. So the forwarder watches the stack and kills the whole group.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from typing import Any

from honcho.process import Popen, Process  # type: ignore[import-untyped]

from cli.stack.parent import end_with_parent

LOOK_EVERY_S = 0.2


class LeashedPopen(Popen):  # type: ignore[misc]
    """A child in its own session, whose group is killed when the child, this process or this process's parent ends."""

    def __init__(self, command: str, **options: Any) -> None:
        # For a forwarder that is killed: the rest of the group is then left to the stack.
        super().__init__(command, preexec_fn=lambda: end_with_parent(signal.SIGKILL), **options)
        for watch in (self._follow_leader, self._follow_stack):
            threading.Thread(target=watch, daemon=True).start()

    def _follow_leader(self) -> None:
        with contextlib.suppress(ChildProcessError):
            # Left as a zombie, so that its number, which is the group's, cannot have been given to another.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            kill_group(self.pid)

    def _follow_stack(self) -> None:
        stack = multiprocessing.parent_process()
        # Whoever is orphaned gets another parent; unlike a signal at the parent's death, that is so on every Unix.
        while stack is not None and os.getppid() == stack.pid:
            time.sleep(LOOK_EVERY_S)
        kill_group(self.pid)
        os._exit(1)  # nobody reads what is left to forward, so that an orderly end might wait for ever


class LeashedProcess(Process):  # type: ignore[misc]
    """honcho's process, run in a forwarder that ends with the stack."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = LeashedPopen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Start the child and forward its output until it ends."""
        os.setsid()  # what is sent to the stack's whole group must leave us to kill ours
        super().run(events, ignore_signals)


def kill_group(leader: int) -> None:
    """Kill what is left of a leader's group."""
    # macOS refuses when only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
