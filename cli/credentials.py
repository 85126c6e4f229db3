"""The API keys that `cutwork login` keeps: one for each server, in a file that its owner alone may read."""

from __future__ import annotations

import json
import os
from pathlib import Path


class Credentials:
    """Keys by the server's address."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, url: str) -> str | None:
        """Return the key for a server, None when there is none."""
        return self._read().get(_name(url))

    def put(self, url: str, key: str) -> None:
        """Keep a key, in the place of the one before."""
        self._write({**self._read(), _name(url): key})

    def forget(self, url: str, key: str | None = None) -> str | None:
        """Drop and return the key for a server; if `key` is given, only that one."""
        known = self._read()
        found = known.get(_name(url))
        if found is None or (key is not None and found != key):
            return None
        self._write({name: kept for name, kept in known.items() if name != _name(url)})
        return found

    def _read(self) -> dict[str, str]:
        try:
            document = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def _write(self, known: dict[str, str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._path.with_suffix(f".{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(known, file, indent=1)
        draft.replace(self._path)


def _name(url: str) -> str:
    return url.rstrip("/")
