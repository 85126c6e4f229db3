"""Processes that do not outlive their parent."""

from __future__ import annotations

import ctypes
import signal
import sys

# https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent(number: int = signal.SIGTERM) -> None:
    """Have the kernel send this process a signal when its parent is gone; outside Linux nothing does that."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, number)
