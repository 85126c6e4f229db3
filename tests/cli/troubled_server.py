"""A small HTTP server that speaks Cutwork's documented contract and goes wrong on purpose.

The real server answers in the tests that run whole jobs; this one is here for what the real one cannot be asked to do:
drop a part, cut its event stream, stop answering.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PART_SIZE = 1000
STAGES = ("probe", "trim", "publish")


def job_document(status="queued", progress=0.0, *, stages=None, outputs=(), error=None, job_id="job_1"):
    """A job document with three stages."""
    states = dict.fromkeys(STAGES, "queued") | (stages or {})
    return {
        "id": job_id,
        "pipeline": "edit",
        "status": status,
        "progress": progress,
        "eta_s": None,
        "queue_position": None,
        "stages": {
            name: {
                "status": state,
                "progress": 0.5 if state == "running" else 0,
                "attempt": 1,
                "queue": name,
                "queued_ms": 5,
                "run_ms": 1234 if state == "succeeded" else None,
                "cached": False,
                "result": None,
            }
            for name, state in states.items()
        },
        "outputs": list(outputs),
        "warnings": [],
        "error": error,
        "metadata": {},
    }


def problem(status, code, detail, **more):
    """A problem document and its status."""
    return status, {"title": "Problem", "status": status, "code": code, "detail": detail, "retryable": False, **more}


@dataclass
class World:
    """What the server holds, what it was asked, and how it shall go wrong."""

    url: str = ""
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    uploads: dict[str, dict] = field(default_factory=dict)
    assets: dict[str, dict] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    # One list of documents for each connection to the event stream; the last one of all is the job.
    streams: list[list[dict]] = field(default_factory=list)
    job: dict = field(default_factory=job_document)
    refuse: dict[str, tuple[int, dict]] = field(default_factory=dict)
    put_failures: Counter = field(default_factory=Counter)
    """Part number: how many PUTs of it are answered 500."""
    hold_streams: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    put_expired: set[int] = field(default_factory=set)
    break_download_after: int | None = None
    job_answers: list[tuple[int, dict] | None] = field(default_factory=list)
    """What the next requests for a job are answered; None drops the line once the job is made."""
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def requests(self, pattern):
        """The requests whose `METHOD path` matches."""
        return [one for one in self.seen if re.search(pattern, f"{one[0]} {one[1]}")]

    def bodies(self, pattern):
        """Their bodies."""
        return [json.loads(one[3]) for one in self.requests(pattern)]


class Handler(BaseHTTPRequestHandler):
    """Routes by method and path."""

    protocol_version = "HTTP/1.1"
    server: TroubledServer

    def log_message(self, *_):
        pass

    def handle_one(self, method):
        world = self.server.world
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with world.lock:
            world.seen.append((method, self.path, dict(self.headers), body))
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        for pattern, answer in world.refuse.items():
            if re.search(pattern, f"{method} {address.path}"):
                return self.send(*answer)
        for verb, pattern, view in ROUTES:
            match = re.fullmatch(pattern, address.path)
            if verb == method and match:
                return view(self, world, query, body, *match.groups())
        return self.send(*problem(404, "not_found", "There is no such thing."))

    def do_GET(self):
        self.handle_one("GET")

    def do_POST(self):
        self.handle_one("POST")

    def do_PUT(self):
        self.handle_one("PUT")

    def send(self, status, document=None, headers=None):
        payload = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        kind = "application/problem+json" if status >= 400 else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(payload)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)


def create_upload(handler, world, query, body):
    request = json.loads(body)
    upload_id = f"upl_{len(world.uploads) + 1}"
    upload = {
        "id": upload_id,
        "status": "open",
        "part_size": PART_SIZE,
        "part_count": -(-request["size"] // PART_SIZE),
        "asset": None,
        **request,
    }
    world.uploads[upload_id] = upload
    world.parts[upload_id] = {}
    handler.send(201, {**upload, "parts": []})


def get_upload(handler, world, query, body, upload_id):
    if upload_id not in world.uploads:
        return handler.send(*problem(404, "upload_not_found", "There is no upload of that id."))
    return handler.send(200, world.uploads[upload_id])


def list_parts(handler, world, query, body, upload_id):
    there, upload = world.parts[upload_id], world.uploads[upload_id]
    first = int(query.get("from", 1))
    numbers = range(first, min(first + 3, upload["part_count"] + 1))  # small pages, so that paging is used
    signed = sum("/parts" in one[1] for one in world.seen)
    data = [
        {
            "number": number,
            "size": min(PART_SIZE, upload["size"] - (number - 1) * PART_SIZE),
            "uploaded": number in there,
            "etag": None,
            "url": None if number in there else f"{world.url}/store/{upload_id}/{number}?signature={signed}",
        }
        for number in numbers
    ]
    handler.send(200, {"data": data})


def put_part(handler, world, query, body, upload_id, number):
    number = int(number)
    with world.lock:
        if number in world.put_expired:
            world.put_expired.remove(number)
            return handler.send(*problem(403, "url_expired", "The address has expired."))
        if world.put_failures[number] > 0:
            world.put_failures[number] -= 1
            return handler.send(503, None, {"Content-Type": "application/xml"})
        world.parts[upload_id][number] = body
    return handler.send(200, None)


def complete_upload(handler, world, query, body, upload_id):
    upload = world.uploads[upload_id]
    content = b"".join(part for _, part in sorted(world.parts[upload_id].items()))
    digest = hashlib.sha256(content).hexdigest()
    if json.loads(body).get("sha256") != digest or len(content) != upload["size"]:
        return handler.send(*problem(422, "sha256_mismatch", "These are not the bytes that were declared."))
    asset_id = f"ast_{len(world.assets) + 1}"
    asset = {"id": asset_id, "filename": upload["filename"], "size": upload["size"], "sha256": digest, "media": None}
    world.assets[asset_id], world.files[asset_id] = asset, content
    upload.update(status="completed", asset=asset_id)
    return handler.send(201, asset)


def get_asset(handler, world, query, body, asset_id):
    if asset_id not in world.assets:
        return handler.send(*problem(404, "asset_not_found", "There is no asset of that id."))
    return handler.send(200, world.assets[asset_id])


def list_assets(handler, world, query, body):
    handler.send(200, {"data": list(world.assets.values()), "next": None})


def download_asset(handler, world, query, body, asset_id):
    handler.send(302, None, {"Location": f"/files/{asset_id}"})


def get_file(handler, world, query, body, name):
    content = world.files[name]
    start = int(re.findall(r"\d+", handler.headers.get("Range", "0"))[0])
    handler.send_response(206 if "Range" in handler.headers else 200)
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()
    if world.break_download_after is not None:
        handler.wfile.write(content[start : start + world.break_download_after])
        world.break_download_after = None
        handler.close_connection = True
        return
    handler.wfile.write(content[start:])


def create_job(handler, world, query, body):
    answer = world.job_answers.pop(0) if world.job_answers else (202, world.job)
    if answer is None:
        handler.close_connection = True
        return
    handler.send(*answer)


def list_jobs(handler, world, query, body):
    first = "cursor" not in query
    name = "job_2" if first else "job_1"
    handler.send(200, {"data": [job_document(job_id=name)], "next": "older" if first else None})


def get_job(handler, world, query, body, job_id):
    if job_id != world.job["id"]:
        return handler.send(*problem(404, "job_not_found", "There is no job of that id."))
    return handler.send(200, world.job)


def cancel_job(handler, world, query, body, job_id):
    world.job = job_document("canceled")
    handler.send(200, world.job)


def retry_job(handler, world, query, body, job_id):
    world.job = job_document("queued")
    handler.send(202, world.job)


def job_events(handler, world, query, body, job_id):
    """Send one list of documents, then drop the line; a list that is missing is an error 500."""
    with world.lock:
        documents = world.streams.pop(0) if world.streams else None
    if documents is None:
        return handler.send(500, None)
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(b"retry: 10\n\n: hello\n\n")
    for number, document in enumerate(documents, 1):
        world.job = document
        handler.wfile.write(f"id: {number}-0\nevent: job\ndata: {json.dumps(document)}\n\n".encode())
    if world.hold_streams:
        world.released.wait(600)
    handler.close_connection = True
    return None


ROUTES = [
    ("POST", r"/v1/uploads", create_upload),
    ("GET", r"/v1/uploads/(\w+)", get_upload),
    ("GET", r"/v1/uploads/(\w+)/parts", list_parts),
    ("POST", r"/v1/uploads/(\w+)/complete", complete_upload),
    ("PUT", r"/store/(\w+)/(\d+)", put_part),
    ("GET", r"/v1/assets", list_assets),
    ("GET", r"/v1/assets/(\w+)", get_asset),
    ("GET", r"/v1/assets/(\w+)/download", download_asset),
    ("GET", r"/files/([\w.]+)", get_file),
    ("POST", r"/v1/jobs/(?:edit|image)", create_job),
    ("GET", r"/v1/jobs", list_jobs),
    ("GET", r"/v1/jobs/(\w+)", get_job),
    ("POST", r"/v1/jobs/(\w+)/cancel", cancel_job),
    ("POST", r"/v1/jobs/(\w+)/retry", retry_job),
    ("GET", r"/v1/jobs/(\w+)/events", job_events),
]


class TroubledServer(ThreadingHTTPServer):
    """The server on a free port of loopback."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.world = World(url=f"http://127.0.0.1:{self.server_port}")
