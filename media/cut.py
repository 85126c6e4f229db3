"""Cut: one door to the three ways to keep ranges of a source.

`smart` copies whole groups of pictures and encodes only the edges, `exact` encodes everything, `copy` encodes nothing
and snaps to keyframes. What cannot be copied, or whose copy does not pass its certificate, is encoded whole instead,
and the result says why: never a silent keyframe snap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from media.smartcut import NotCuttable, SmartCutResult, keyframe_cut, smart_cut
from media.trim import TrimResult, trim
from media.types import DEFAULT_LIMITS, Limits, Notice, Progress, Range, no_progress

Mode = Literal["smart", "exact", "copy"]
MODES: tuple[Mode, ...] = ("smart", "exact", "copy")

_COPYING: dict[Mode, Callable[..., SmartCutResult]] = {"smart": smart_cut, "copy": keyframe_cut}


@dataclass(frozen=True, slots=True)
class CutResult:
    """What was written and how: `mode` is the one used; `fallback` is the code of why it is not the one asked for."""

    mode: Mode
    fallback: str | None
    made: TrimResult | SmartCutResult
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON: `mode`, `fallback`, then what the way itself tells; times as decimal strings."""
        plain = {"copied_s": "0", "seams": []} if isinstance(self.made, TrimResult) else {}
        told = {key: value for key, value in self.made.to_dict().items() if key != "warnings"}
        return {"mode": self.mode, "fallback": self.fallback} | plain | told


def cut(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    mode: Mode = "smart",
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> CutResult:
    """Write the ranges of `source`, in the order given, one after the other into the MP4 `target`.

    On any error `target` does not exist afterwards.

    Raises:
        InputError: as `media.trim.trim`.
        EngineError: the encoder or the muxer failed.
    """
    reason = None
    if mode in _COPYING:
        try:
            return copy(source, target, keep, mode=mode, limits=limits, threads=threads, on_progress=on_progress)
        except NotCuttable as refusal:
            reason = refusal
            source.seek(0)
    return encoded(trim(source, target, keep, limits=limits, threads=threads, on_progress=on_progress), reason)


def copy(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    mode: Mode = "smart",
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> CutResult:
    """Like `cut` in the modes that copy, but fall back on nothing.

    Raises:
        NotCuttable: everything has to be encoded; say why by handing this to `encoded`.
        InputError: as `cut`.
        EngineError: as `cut`.
    """
    made = _COPYING[mode](source, target, keep, limits=limits, threads=threads, on_progress=on_progress)
    return CutResult(mode, None, made, made.warnings)


def encoded(whole: TrimResult, reason: NotCuttable | None) -> CutResult:
    """Tell of what was encoded whole: as it was asked for, or for a `reason` that it could not be copied."""
    if reason is None:
        return CutResult("exact", None, whole, whole.warnings)
    notice = Notice("reencoded", f"Everything was encoded: {reason.message}")
    return CutResult("exact", reason.code, whole, (notice, *whole.warnings))
