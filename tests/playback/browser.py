"""Chromium, and a page in it that plays a file and tells what it shows."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.services.process import LONG_S

# Playwright's own build of Chromium has no H.264 and no AAC; these have.
PROGRAMS = ("chromium", "google-chrome")
ARGUMENTS = ["--disable-gpu", "--disable-quic", "--autoplay-policy=no-user-gesture-required"]
TRIES = 5
WHY = "Chromium with H.264 is not here. On Debian: apt install --no-install-recommends chromium"


@dataclass(frozen=True)
class Shown:
    """A picture on the canvas: the browser's media time in seconds, and luma of shape (height, width), 0 to 255."""

    time: float
    luma: np.ndarray


@dataclass(frozen=True)
class Played:
    """What playing to the end gave: pictures in order, times of clicks, trouble, bytes of sound, where it ended."""

    pictures: list[Shown]
    clicks: list[float]
    troubles: list[str]
    sound_bytes: int
    end: float


class Player:
    """A `<video>` that has loaded a file; `duration` is in seconds."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        facts = page.evaluate("url => load(url)", url)
        self.duration: float = facts["duration"]
        self._shape = facts["height"], facts["width"]

    def seek(self, time: float) -> Shown:
        """Go to a time and look."""
        return self._shown(self._page.evaluate("time => seek(time)", time))

    def play(self, judge: Callable[[Played], None]) -> None:
        """Play everything, at its own speed, and let `judge` look at it, which raises what it finds.

        A machine that is busy or stands still makes a file wait, and leaves out pictures and sound: then once more. The
        file's own faults come each time.
        """
        for _ in range(TRIES - 1):
            with suppress(AssertionError):
                judge(self._play_once())
                return
        judge(self._play_once())

    def _play_once(self) -> Played:
        told = self._page.evaluate("play()")
        pictures = [self._shown(item) for item in told["pictures"]]
        return Played(pictures, told["clicks"], told["troubles"], told["soundBytes"], told["end"])

    def _shown(self, told) -> Shown:
        luma = np.frombuffer(base64.b64decode(told["luma"]), np.uint8).reshape(self._shape)
        return Shown(told["time"], luma)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; where there is none the test is skipped, but under continuous integration it fails."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(WHY)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS, timeout=1000 * LONG_S)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def player(browser: Browser, url: str, home: str) -> Iterator[Player]:
    """Open a file in a page of the same origin, `home`: a canvas that shows another origin's video cannot be read."""
    # The page's own policy allows no script of ours.
    with browser.new_page(bypass_csp=True) as page:
        page.set_default_timeout(1000 * LONG_S)
        page.goto(home)
        page.add_script_tag(path=Path(__file__).with_name("player.js"))
        yield Player(page, url)
