"""Fetch a file from its signed address: resumed when the line drops, checked, and put in place whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click
import httpx

from cli.client import Json, again, http_client, no_answer, read_storage
from cli.errors import ServerError
from cli.progress import Display, OnBytes


def download(url: str, target: Path, *, display: Display, sha256: str | None = None, size: int | None = None) -> None:
    """Write what is at `url` to `target`, which is replaced only when all bytes are there and right.

    Raises ServerError `sha256_mismatch` or `size_mismatch`, RefusedError, NoAnswerError, or OSError.
    """
    draft = target.with_name(f".{target.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with http_client(url, follow_redirects=True) as http, display.transfer(target.name, size or 0) as on_bytes:
            again(lambda: _fetch_rest(http, url, draft, on_bytes))
        _check(draft, sha256=sha256, size=size)
        draft.replace(target)
    except httpx.TransportError as error:
        raise no_answer(str(httpx.URL(url).copy_with(path="/", query=None)), error) from error
    finally:
        draft.unlink(missing_ok=True)


def _fetch_rest(http: httpx.Client, url: str, draft: Path, on_bytes: OnBytes) -> None:
    have = draft.stat().st_size if draft.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with http.stream("GET", url, headers=headers) as response:
        if not response.is_success:
            response.read()
            read_storage(response)
        if have and response.status_code != 206:
            on_bytes(-have)
            have = 0
        with draft.open("r+b" if have else "wb") as file:
            file.seek(have)
            for chunk in response.iter_bytes():
                file.write(chunk)
                on_bytes(len(chunk))


def _check(draft: Path, *, sha256: str | None, size: int | None) -> None:
    found = draft.stat().st_size
    if size is not None and found != size:
        raise ServerError({"code": "size_mismatch", "detail": f"{found} bytes arrived instead of {size}; try again"})
    if sha256 is None:
        return
    with draft.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ServerError({"code": "sha256_mismatch", "detail": "the bytes that arrived are damaged; try again"})


def fetch_output(output: Json, target: Path, *, display: Display) -> None:
    """Write one of a job's outputs to `target`."""
    download(output["url"], target, display=display, sha256=output.get("sha256"), size=output.get("size"))


def output_target(output: Json, folder: Path) -> Path:
    """Return where in `folder` an output goes: the name that its server gave it, without any folder in it."""
    name = Path(str(output.get("filename") or output["name"])).name
    return folder / (name if name not in {"", ".", ".."} else str(output["name"]))


def check_target(target: Path) -> None:
    """Refuse a target that could not be written, before the work is done. Raises click.UsageError."""
    if target.is_dir():
        raise click.UsageError(f"{target} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise click.UsageError(f"{target.parent}: there is no such folder")
