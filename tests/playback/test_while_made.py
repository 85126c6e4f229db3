"""A preview is watched in a browser while its parts are made: by hls.js, from a page of another origin."""

from __future__ import annotations

import base64
import os
import sys
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import httpx
import numpy as np
import pytest

from core import accounts, jobs
from core.db import engine
from core.settings import get_settings
from media.barcode import read
from media.sample import make_sample
from tasks import preview, probe, proxy, proxy_part, publish, seams, trim
from tests.database import migrate
from tests.e2e.client import Client
from tests.playback import hlsjs
from tests.services.ports import free_port
from tests.services.process import serving, wait_until

STAGES = {
    "probe": probe.probe,
    "seams": seams.seams,
    "proxy": proxy.proxy,
    "proxy_part": proxy_part.proxy_part,
    "preview": preview.preview,
    "trim": trim.trim,
    "publish": publish.publish,
}
RATE = 30
HEIGHT = 180
# Of a recording of three parts: a joint, bodies in the first two, a joint over the cut, a body in the third, a joint.
KEEP = [(2, 24), (33, 43)]
LENGTH = sum(end - start for start, end in KEEP)
PATIENCE_S = 120


class Work:
    """A job whose stages run in this process, when the test says so."""

    def __init__(self, client: Client, recording: Path) -> None:
        self._client = client
        keep = [{"start": start, "end": end} for start, end in KEEP]
        self._id = client.edit(client.upload(recording), keep, preview={"height": HEIGHT})["id"]

    def run(self, *names: str) -> None:
        for name in names:
            row = self._row()
            kind = next(stage.kind for stage in row.stages if stage.name == name)
            STAGES[kind].apply(args=(row.id, row.epoch, name))

    def parts(self) -> list[str]:
        return [stage.name for stage in self._row().stages if stage.part_of]

    def document(self) -> dict:
        return self._client.get(f"/v1/jobs/{self._id}")

    def stream(self) -> dict:
        return next(one for one in self.document()["streams"] if one["name"] == "preview_hls")

    def _row(self):
        return jobs.get(accounts.default_account().id, self._id)


@pytest.fixture
def api(broker, monkeypatch, tmp_path):
    """The API on an empty database; pages of `localhost` are another origin than its own."""
    port = free_port()
    url, home = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
    (tmp_path / "scratch").mkdir()
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'cutwork.db'}",
        "STORAGE_DIR": str(tmp_path / "storage"),
        "SCRATCH_DIR": str(tmp_path / "scratch"),
        "PUBLIC_URL": url,
        "CORS_ORIGINS": home,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    migrate()
    command = [sys.executable, "-m", "gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "16"]

    def ready():
        with suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz", timeout=5).is_success

    with serving(command, log=tmp_path / "api.log", ready=ready, env=os.environ.copy()):
        yield url, home
    engine().dispose()


@pytest.fixture
def work(api, tmp_path):
    recording = tmp_path / "recording.mp4"
    make_sample(recording, seconds=Fraction(45), size=(320, HEIGHT), keyframe_every=60)
    return Work(Client(api[0]), recording)


class Watcher:
    """A page that plays a playlist, and tells how it fares."""

    def __init__(self, page) -> None:
        self._page = page

    def state(self) -> dict:
        found = self._page.evaluate("state()")
        assert found["errors"] == []
        return found

    def until(self, done) -> dict:
        """Look until something holds, and return how it is then."""
        found: dict = {}

        def look():
            found.update(self.state())
            return done(found)

        wait_until(look, PATIENCE_S, lambda: None)
        return found

    def numbers(self) -> list[tuple[float, int]]:
        """(media time, burnt-in number) of every picture so far."""
        return [(one["time"], number(one)) for one in self._page.evaluate("seen.pictures")]

    def seek(self, time: float) -> tuple[float, int]:
        shown = self._page.evaluate("time => seek(time)", time)
        return shown["time"], number(shown)


@contextmanager
def watcher(browser, home: str, url: str):
    with browser.new_page(bypass_csp=True) as page:
        page.goto(f"{home}/healthz")
        page.add_script_tag(path=hlsjs.PATH)
        page.add_script_tag(path=Path(__file__).with_name("watcher.js"))
        # Faster than it is made, so that it has to wait.
        page.evaluate("url => watch(url, 2)", url)
        yield Watcher(page)


def number(shown: dict) -> int:
    strip = np.frombuffer(base64.b64decode(shown["strip"]), np.uint8).reshape(-1, shown["width"])
    luma = np.zeros((HEIGHT, shown["width"]), np.uint8)
    luma[HEIGHT // 4 : HEIGHT // 4 + len(strip)] = strip
    return read(luma)


def place(shown: int) -> float:
    """When a picture of the recording is shown in the edit, in seconds."""
    at = 0
    for start, end in KEEP:
        if start <= shown / RATE < end:
            return at + shown / RATE - start
        at += end - start
    raise AssertionError(f"picture {shown} is none of the edit")


@pytest.mark.skipif(not hlsjs.PATH.exists(), reason=hlsjs.WHY)
def test_a_preview_is_watched_while_it_is_made(api, work, browser):
    work.run("probe", "seams", "proxy")
    first, second, third, *others = work.parts()
    document, stream = work.document(), work.stream()
    assert (document["status"], stream["status"]) == ("running", "growing")
    with watcher(browser, api[1], stream["url"]) as watching:
        # All there is by now is the first joint, of two seconds: it is played to its end, and waited there.
        watching.until(lambda now: now["currentTime"] > 1.5 and now["held"])
        work.run(first)
        watching.until(lambda now: now["currentTime"] > 4)
        work.run(second)
        watching.until(lambda now: now["currentTime"] > 15)
        assert (work.document()["status"], work.stream()["status"]) == ("running", "growing")
        with watcher(browser, api[1], stream["url"]) as later:
            # Whoever comes later begins at the beginning, not near the end as of a broadcast.
            later.until(lambda now: now["started"] and now["pictures"])
            assert later.numbers()[0][0] < 2
        work.run(third, *others, "proxy", "preview", "trim", "publish")
        assert work.document()["status"] == "succeeded"
        end = watching.until(lambda now: now["ended"])
        assert end["currentTime"] == pytest.approx(LENGTH, abs=0.1)
        # One stretch without gaps, which would make players stumble.
        assert end["ranges"] == [[pytest.approx(0, abs=0.05), pytest.approx(LENGTH, abs=0.1)]]
        assert not {"levelParsingError", "bufferSeekOverHole", "fragParsingError"} & set(end["codes"])
        seen = watching.numbers()
        times = [time for time, _ in seen]
        assert times == sorted(times)
        assert [place(shown) for _, shown in seen] == pytest.approx(times, abs=2 / RATE)
        # Joints, bodies, and both sides of the cut, in a part of which every second picture may be missing.
        for wanted in (70, 130, 400, 500, 640, 690, 712, 1000, 1050, 1100, 1150, 1220, 1280):
            time, shown = watching.seek(place(wanted) + 0.5 / RATE)
            assert abs(shown - wanted) <= 2
            assert place(shown) == pytest.approx(time, abs=2 / RATE)
