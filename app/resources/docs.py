"""The documentation page: Swagger UI, its files from the package `flask-swagger-ui`, nothing from the internet."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, send_from_directory

from app.security import PUBLIC, declare

blp = Blueprint("docs", __name__, url_prefix="/docs")

_UI = str(files("flask_swagger_ui") / "dist")
_HERE = str(files(__package__))
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"


@blp.get("")
@declare(PUBLIC)
def page() -> Response:
    """The page."""
    response = send_from_directory(_HERE, "docs.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blp.get("/start.js")
@declare(PUBLIC)
def start() -> Response:
    """What the page starts with."""
    return send_from_directory(_HERE, "docs.js")


@blp.get("/<path:name>")
@declare(PUBLIC)
def asset(name: str) -> Response:
    """A file of Swagger UI."""
    return send_from_directory(_UI, name, max_age=3600)
