"""hls.js, with which most sites play playlists: `python -m tests.playback.hlsjs` fetches the version that is tested.

It comes from the registry of npm, by npm where that is at hand, for it knows of mirrors, and is kept in `.venv`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import httpx

VERSION = "1.7.4"
_URL = f"https://registry.npmjs.org/hls.js/-/hls.js-{VERSION}.tgz"
# As the registry tells it, `dist.integrity`.
_SHA512 = "3GlxGdPvT2YHvQYOt+yOzT/DEior/qJVNIylHA77kgeoBTdQQqi70GwefNEUmHQeNGyjC8U62+bruqW/Tpm+tg=="
PATH = Path(__file__).parents[2] / ".venv" / f"hls-{VERSION}.min.js"
WHY = "hls.js is not here. To fetch it: make hlsjs"


def fetch() -> None:
    """Fetch it unless it is there; raises what the network raises, and ValueError for another file."""
    if PATH.exists():
        return
    packed = _packed()
    if base64.b64encode(hashlib.sha512(packed).digest()).decode() != _SHA512:
        raise ValueError(f"What the registry has as hls.js {VERSION} is another file.")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        found = archive.extractfile("package/dist/hls.min.js")
        assert found is not None
        whole = PATH.with_suffix(".part")
        whole.write_bytes(found.read())
        whole.replace(PATH)


def _packed() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        return httpx.get(_URL, timeout=60, follow_redirects=True).raise_for_status().content
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--pack-destination", folder, f"hls.js@{VERSION}"]
        subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
        [path] = Path(folder).iterdir()
        return path.read_bytes()


if __name__ == "__main__":
    try:
        fetch()
    except (httpx.HTTPError, subprocess.SubprocessError, ValueError) as error:
        sys.exit(f"hls.js could not be fetched: {error}")
