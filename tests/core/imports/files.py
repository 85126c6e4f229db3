"""A server of one file, which behaves as well as a test lets it."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.core.outgoing.servers import serving


@dataclass
class File:
    """What is served at /talk.mp4, and how."""

    body: bytes
    etag: str | None = '"one"'
    ranges: bool = True
    sized: bool = True
    cuts: list[int] = field(default_factory=list)
    """After how many bytes of its body each of the next answers breaks off."""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/talk.mp4"

    def answer(self, handler):
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        if self.statuses:
            handler.reply(self.statuses.pop(0), b"no")
            return
        start = 0
        if wanted and self.ranges and handler.headers.get("If-Range") == self.etag:
            start = int(re.match(r"bytes=(\d+)-", wanted)[1])
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        if self.sized:
            handler.send_header("Content-Length", str(len(self.body) - start))
        if self.etag:
            handler.send_header("ETag", self.etag)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.close_connection = True
        handler.end_headers()
        most = self.cuts.pop(0) if self.cuts else len(self.body)
        handler.wfile.write(self.body[start : start + most])


@contextmanager
def served(body: bytes, **how):
    file = File(body, **how)
    with serving(file.answer) as (port, _):
        file.port = port
        yield file
