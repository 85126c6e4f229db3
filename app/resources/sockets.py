"""Live events of a job over WebSocket (RFC 6455), for those who prefer it to Server-Sent Events."""

from __future__ import annotations

import queue
from typing import Any

from flask import Blueprint, Flask, g, request
from flask_sock import Sock
from simple_websocket import Server

from app.fanout import News
from app.live import Following
from app.resources.events import following
from app.security import Needs, declare
from app.streams import Place, hub

_LOOK_S = 1.0
_GONE_S = 15
_MOST_BYTES = 1024

blp = Blueprint("sockets", __name__, url_prefix="/v1/jobs")
sock = Sock()


def init_app(app: Flask) -> None:
    """Serve the socket; a client that answers no ping is cut off."""
    app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": _GONE_S, "max_message_size": _MOST_BYTES}
    app.register_blueprint(blp)


@blp.before_request
def _prepare() -> None:
    """Refuse what cannot be followed before the handshake, as the problem that any other request gets."""
    g.following = following((request.view_args or {})["job_id"], request.args.get("last_event_id"))
    g.place = Place(hub().threads)


@sock.route("/<job_id>/ws", bp=blp)  # type: ignore[untyped-decorator]
@declare(Needs(scope="jobs:read", ticket=True))
def follow_job_by_socket(ws: Server, job_id: str) -> None:  # noqa: ARG001
    """Send `{"event": "job", "id": …, "data": the job document}` now and at every change, until the job has ended."""
    followed: Following = g.following
    try:
        if followed.first:
            _send(ws, followed.first)
            if followed.first.ends:
                return
        with followed.inbox() as inbox:
            while ws.connected:
                news = _next(inbox)
                if news:
                    _send(ws, news)
                    if news.ends:
                        return
                # Whatever the client says is dropped, lest it pile up.
                ws.receive(timeout=0)
    finally:
        g.place.leave()


def _send(ws: Any, news: News) -> None:
    event_id = "null" if news.id is None else f'"{news.id}"'
    ws.send(f'{{"event":"job","id":{event_id},"data":{news.text}}}')


def _next(inbox: queue.SimpleQueue[News]) -> News | None:
    try:
        return inbox.get(timeout=_LOOK_S)
    except queue.Empty:
        return None
