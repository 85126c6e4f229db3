"""Decoders with threads of their own are closed while these still hold bytes: whose, is a matter of standing still."""

from __future__ import annotations

import subprocess
import sys

import variants

# In nearly each of these everything stood still for ever, when the bytes were Python's.
_CUTS = 6
_SCRIPT = """
import sys
from fractions import Fraction
from pathlib import Path

from media.smartcut import smart_cut
from media.types import Range

for _ in range(int(sys.argv[3])):
    with open(sys.argv[1], "rb") as source:
        made = smart_cut(source, Path(sys.argv[2]), [Range(Fraction("1.5"), Fraction("4.2"))], threads=2)
    assert made.seams and made.copied > 0
"""
# Ten seconds of work: a machine may stand still for longer than that.
_DEADLINE = 240


def test_closing_decoders_waits_for_nobody(clip, clips, tmp_path):
    source = variants.make(clip, clips, "hevc_noise.mp4")
    command = [sys.executable, "-c", _SCRIPT, str(source), str(tmp_path / "cut.mp4"), str(_CUTS)]
    subprocess.run(command, check=True, timeout=_DEADLINE)
