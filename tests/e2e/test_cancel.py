"""A cancel stops the encode itself: its process is free, its files are gone, and what it had sent is dropped."""

import time
from fractions import Fraction

import av
import numpy as np
import psutil
import pytest

from core.settings import Settings
from core.storage import storage_from
from tests.e2e.client import Client
from tests.services.process import wait_until

pytestmark = pytest.mark.e2e
# A heartbeat is half a second, and a frame of the encode far less.
SOON_S = 2.0
TRIES = 5
SIZE, RATE, SECONDS = (640, 360), 25, 16


@pytest.fixture
def noise(tmp_path):
    """What no encoder makes small, so that much of it is sent to the bucket while it is encoded."""
    path, numbers = tmp_path / "noise.mp4", np.random.default_rng(7)
    pictures = [numbers.integers(16, 235, (SIZE[1] * 3 // 2, SIZE[0]), np.uint8) for _ in range(RATE)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(RATE * SECONDS):
            frame = av.VideoFrame.from_ndarray(pictures[number % RATE], format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def bucket(s3_settings):
    return storage_from(Settings(**{name.lower(): value for name, value in s3_settings.items()}))


def encoders(scratch):
    """The processes of the encode worker that works in a folder."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            ours = process.environ().get("SCRATCH_DIR") == str(scratch)
            if ours and "encode@%h" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def used(processes):
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def test_a_cancel_ends_the_encode_within_two_seconds(server_stack, noise, bucket):
    client, scratch = Client(server_stack[0]), server_stack[1] / "scratch"
    asset = client.upload(noise)
    # The machine may stand still meanwhile, but not each time.
    assert any(seconds_until_it_ends(client, asset, number, scratch, bucket) < SOON_S for number in range(TRIES))


def seconds_until_it_ends(client, asset, start, scratch, bucket):
    """Cancel an encode at work; return after how long nothing was left of it."""
    before = set(bucket.keys("artifacts/"))
    job = client.edit(asset, [{"start": start}], mode="exact", preview=False)
    wait_until(lambda: list(bucket.uploads("artifacts/")))
    assert list(scratch.glob("cutwork-*"))
    assert len(encoders(scratch)) > 1

    canceled = client.post(f"/v1/jobs/{job['id']}/cancel", 200)
    begun = time.monotonic()
    assert canceled["stages"]["trim"]["status"] == "canceled"
    wait_until(lambda: not list(scratch.iterdir()) and not list(bucket.uploads("artifacts/")))
    took = time.monotonic() - begun
    at_rest = used(encoders(scratch))
    time.sleep(1)
    assert used(encoders(scratch)) - at_rest < 0.5, "the encode goes on"
    assert not [key for key in set(bucket.keys("artifacts/")) - before if key.endswith("video.mp4")]
    return took
