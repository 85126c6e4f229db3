"""What an edit would cost, told before it starts: from the probe's artifact, with nothing of the recording read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from core import assets
from core.errors import InputError
from core.storage import Storage
from media.errors import InputError as EngineInputError
from media.facts import MediaInfo
from media.forecast import plan_cut
from media.keymap import KeyframeMap
from media.types import Range
from pipelines import inspect

KEYFRAMES = "keyframes.json"


def forecast(account_id: str, request: Mapping[str, Any], storage: Storage) -> dict[str, Any] | None:
    """Return how an edit's trim would cut: mode, ranges, frames, estimated CPU seconds and bytes.

    None while the source's facts are not known, or it has yet to be fetched, and for sound alone.

    Raises:
        InputError: as the cut would, `invalid_range` or `range_past_end`.
    """
    if not isinstance(request["input"], str):
        return None
    source = assets.get(account_id, request["input"])
    probe = inspect.probes(account_id, [source]).get(source.id)
    if probe is None or KEYFRAMES not in probe.files:
        return None
    with storage.open(probe.files[KEYFRAMES]["key"]) as file:
        keyframes = KeyframeMap.from_dict(json.load(file))
    keep = [
        Range(Fraction(piece["start"]), None if piece["end"] is None else Fraction(piece["end"]))
        for piece in request["keep"]
    ]
    try:
        return plan_cut(keyframes, MediaInfo.from_dict(probe.result), keep, request["mode"]).to_dict()
    except EngineInputError as error:
        raise InputError(error.code, error.message) from error
