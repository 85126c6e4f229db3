"""Processes that do not outlive their parent, nor their group its leader."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from honcho.process import Popen, Process  # type: ignore[import-untyped]

from cli.stack.parent import end_with_parent


class LeashedPopen(Popen):  # type: ignore[misc]
    """A child in its own session that ends with its parent, and whose group is killed when the child has ended."""

    def __init__(self, command: str, **options: Any) -> None:
        super().__init__(command, preexec_fn=end_with_parent, **options)
        threading.Thread(target=self._clear_group, daemon=True).start()

    def _clear_group(self) -> None:
        try:
            # Left as a zombie, so that its number, which is the group's, cannot have been given to another.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            os.killpg(self.pid, signal.SIGKILL)
        except (ChildProcessError, ProcessLookupError, PermissionError):
            pass  # the group is gone


class LeashedProcess(Process):  # type: ignore[misc]
    """honcho's process, run in a forwarder that ends with us."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = LeashedPopen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Start the child and forward its output until it ends."""
        end_with_parent(signal.SIGKILL)
        super().run(events, ignore_signals)
