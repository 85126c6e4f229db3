"""The key of an artifact: what a stage will make, named before it is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


def stage_digest(
    *, stage: str, version: int, params: Mapping[str, object], inputs: Mapping[str, str], account: str
) -> str:
    """Return 64 hex digits that name the output of one stage.

    `params` must be JSON; `inputs` maps a label to the SHA-256 of an asset or the digest of another stage. Two requests
    that mean the same must arrive here in one normal form: the pipelines' schemas see to that.
    """
    document = [stage, version, params, inputs, account]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
