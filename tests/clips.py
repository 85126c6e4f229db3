"""The real clips that lie beside a checkout, when they do; `CUTWORK_MEDIA` names another folder."""

import csv
import os
from pathlib import Path

import pytest

MEDIA = Path(os.environ.get("CUTWORK_MEDIA", Path(__file__).parent.parent.parent / "shared" / "media"))
WHY = f"no clips in {MEDIA}: set CUTWORK_MEDIA to the folder that holds them"


def _manifest(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


CLIPS = _manifest(MEDIA / "MANIFEST.csv")
HOSTILE = _manifest(MEDIA / "hostile" / "MANIFEST.csv")


def hostile_files() -> list:
    """Every file of the hostile folder, as parameters; one that skips with its reason when there is no folder."""
    found = [path for name in HOSTILE if (path := MEDIA / "hostile" / name).is_file() and path.stat().st_size]
    return found or [pytest.param(Path("none"), marks=pytest.mark.skip(reason=WHY))]
