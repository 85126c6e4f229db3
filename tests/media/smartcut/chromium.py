"""Plays a file in headless Chromium: seeks, and brings back the pictures that are on show."""

from __future__ import annotations

import http.server
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

CHROMIUM = shutil.which("chromium")

_PAGE = """<!doctype html><video id=v muted preload=auto src=/video></video><canvas id=c></canvas><script>
const times = %s, post = (kind, body) => fetch("/" + kind, {method: "POST", body});
const video = document.getElementById("v"), canvas = document.getElementById("c");
const once = name => new Promise(done => video.addEventListener(name, done, {once: true}));
video.onerror = () => post("error", video.error.message);
(async () => {
  await once("loadeddata");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const paint = canvas.getContext("2d", {willReadFrequently: true});
  for (const time of times) {
    const sought = once("seeked");
    video.currentTime = time;
    await sought;
    paint.drawImage(video, 0, 0);
    const rgba = paint.getImageData(0, 0, canvas.width, canvas.height).data;
    await post("picture", rgba.filter((_, n) => n %% 4 == 1));
  }
  await post("done", JSON.stringify([video.videoWidth, video.videoHeight, video.duration]));
})();
</script>"""


def play(path: Path, times: Sequence[Fraction], profile: Path) -> tuple[float, list[np.ndarray]]:
    """The duration Chromium finds, and the green plane (height, width) of the picture it shows at each of `times`."""
    posted: queue.Queue[tuple[str, bytes]] = queue.Queue()
    page = (_PAGE % json.dumps([float(time) for time in times])).encode()
    data = path.read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path != "/video":
                return self.answer(200 if self.path == "/" else 404, page if self.path == "/" else b"", "text/html")
            begin, _, end = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            first, last = int(begin), int(end or len(data) - 1)
            return self.answer(206, data[first : last + 1], "video/mp4", f"bytes {first}-{last}/{len(data)}")

        def do_POST(self):
            posted.put((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer(200, b"", "text/plain")

        def answer(self, status, body, kind, place=None):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes")
            if place is not None:
                self.send_header("Content-Range", place)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
            f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_address[1]}/",
        ]  # fmt: skip
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return _collect(posted)
        finally:
            browser.terminate()
            browser.wait(timeout=20)
            server.shutdown()


def _collect(posted: queue.Queue[tuple[str, bytes]]) -> tuple[float, list[np.ndarray]]:
    pictures = []
    while True:
        kind, body = posted.get(timeout=60)
        if kind == "/error":
            raise AssertionError(f"Chromium does not play it: {body.decode()}")
        if kind == "/done":
            width, height, duration = json.loads(body)
            return duration, [np.frombuffer(picture, np.uint8).reshape(height, width) for picture in pictures]
        pictures.append(body)
