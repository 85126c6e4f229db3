"""The storage that requests use: one a process, made when the application is."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from core.settings import get_settings
from core.storage import Storage, storage_from

_KEY = "cutwork_storage"


def init_app(app: Flask) -> None:
    """Open the storage that the settings name."""
    app.extensions[_KEY] = storage_from(get_settings())


def current_storage() -> Storage:
    """Return the storage of the running application."""
    return cast(Storage, current_app.extensions[_KEY])
