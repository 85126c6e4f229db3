"""What x264 must be told so that the same pictures always become the same bytes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@cache
def repeatable() -> dict[str, str]:
    """Encoder options that keep x264 from its AVX-512 code, on machines that have it.

    With the AVX-512 code of its macroblock tree, x264 (core 165) chooses quantisers by what memory held before:
    pictures 320 or 576 pixels wide, among other sizes, come out different from run to run. Its AVX2 code does not,
    gives what its SSE code gives, and is as fast.
    """
    flags = _CPUINFO.read_text(errors="replace").split() if _CPUINFO.exists() else []
    return {"x264-params": "asm=avx2,bmi1,bmi2,lzcnt,fma3"} if "avx512f" in flags else {}
