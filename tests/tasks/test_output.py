"""What a stage writes reaches the storage while it is written, ready to play while it arrives, whole or not at all."""

import hashlib
import io
from contextlib import contextmanager
from fractions import Fraction
from uuid import uuid4

import av
import numpy as np
import pytest

from core.leases import Claim, Lease
from core.models import now
from core.settings import Settings
from core.storage.s3 import S3Storage
from media import boxes
from media.cut import cut
from media.encode import Mp4Writer, VideoSpec
from media.sample import make_sample
from media.types import Range
from tasks.context import StageContext
from tasks.heartbeat import Heartbeat, LeaseLost
from tasks.stages import STAGES
from tests.services.process import wait_until

SPEC = VideoSpec(
    width=320, height=180, time_base=Fraction(1, 15360), rate=Fraction(30), crf=1, preset="ultrafast", keyframe_every=30
)


def claimed(digest):
    what = {"digest": digest, "params": {}, "inputs": {}, "needs": [], "notes": None, "attempt": 1, "setbacks": 0}
    when = {"queued_at": now(), "started_at": now()}
    return Claim(job_id="job_x", name="trim", kind="trim", account_id="acc_x", request_id=None, **what, **when)


class Run:
    """An attempt of the trim stage, its storage and what it leaves there."""

    def __init__(self, storage):
        self.storage, digest = storage, uuid4().hex * 2
        self.prefix = f"artifacts/{digest[:2]}/{digest}/"
        self.beat = Heartbeat(Lease("job_x", "trim", 1, "me"), lease_s=15, every_s=1)
        self.ctx = StageContext(claimed(digest), STAGES["trim"], storage=storage, settings=Settings(), beat=self.beat)

    def require_nothing(self):
        assert list(self.storage.keys(self.prefix)) == []
        assert list(self.storage.uploads(self.prefix)) == []

    def stored(self, name):
        """The bytes of a file, when all that is said of it is true."""
        entry = self.ctx.artifact.files[name]
        with self.storage.open(entry["key"]) as file:
            data = file.read()
        assert list(self.storage.keys(self.prefix)) == [entry["key"]]
        assert list(self.storage.uploads(self.prefix)) == []
        assert (entry["size"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert self.ctx.artifact.result["bytes_written"] == len(data)
        return data


@pytest.fixture
def run(storage):
    return Run(storage)


@contextmanager
def noise(path):
    """A writer, and a function that writes about 70 kB of picture at each call."""
    source = np.random.default_rng(1)
    with Mp4Writer(path, index="end", threads=1) as writer:
        track = writer.video(SPEC)

        def more():
            picture = source.integers(0, 256, (180, 320, 3), np.uint8)
            track.write(av.VideoFrame.from_ndarray(picture, "rgb24"), Fraction(track.frames, 30))

        yield more


def grow(run, target, more):
    """Write 20 MiB; in S3 the first part of them has begun to arrive then."""
    while not target.exists() or target.stat().st_size < 20 << 20:
        more()
    wait_until(lambda: not isinstance(run.storage, S3Storage) or list(run.storage.uploads(run.prefix)))


def kinds(data):
    return [box.kind for box in boxes.top_level(io.BytesIO(data))]


def packets(file):
    with av.open(file) as container:
        return [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in container.demux() if p.size]


def test_a_cut_is_stored_ready_to_play(run, tmp_path):
    make_sample(tmp_path / "clip.mp4", seconds=Fraction(4), size=(320, 180), keyframe_every=30)
    keep = [Range(Fraction(1, 2), Fraction(3))]
    with (tmp_path / "clip.mp4").open("rb") as source, run.ctx.output("video.mp4") as target:
        cut(source, target, keep)
        plain = packets(str(target))
        run.ctx.store({"video.mp4": target}, result={})
    data = run.stored("video.mp4")
    assert kinds(data)[:2] == [b"ftyp", b"moov"]
    assert packets(io.BytesIO(data)) == plain
    assert not target.exists()


def test_a_long_one_is_on_its_way_before_it_is_finished(run):
    with run.ctx.output("video.mp4") as target:
        with noise(target) as more:
            grow(run, target, more)
            assert list(run.storage.keys(run.prefix)) == []
        plain = packets(str(target))
        run.ctx.store({"video.mp4": target}, result={})
    data = run.stored("video.mp4")
    assert kinds(data) == [b"ftyp", b"moov", b"free", b"mdat"]
    assert packets(io.BytesIO(data)) == plain


def test_one_that_fails_leaves_nothing(run):
    def stage():
        with run.ctx.output("video.mp4") as target, noise(target) as more:
            grow(run, target, more)
            raise KeyError("the stage fails")

    with pytest.raises(KeyError):
        stage()
    run.require_nothing()


def test_one_whose_lease_is_lost_leaves_nothing(run):
    with run.ctx.output("video.mp4") as target:
        with noise(target) as more:
            grow(run, target, more)
        run.beat.give_up()
        with pytest.raises(LeaseLost):
            run.ctx.store({"video.mp4": target}, result={})
    run.require_nothing()


def test_what_will_not_be_committed_is_removed(run):
    with run.ctx.output("video.mp4") as target:
        with noise(target) as more:
            more()
        run.ctx.store({"video.mp4": target}, result={})
    assert list(run.storage.keys(run.prefix)) != []
    run.ctx.discard()
    run.require_nothing()


def test_other_files_are_stored_as_they_are(run, tmp_path):
    (tmp_path / "words.vtt").write_bytes(b"WEBVTT")
    run.ctx.store({"words.vtt": tmp_path / "words.vtt"}, result={})
    assert run.stored("words.vtt") == b"WEBVTT"
    assert run.ctx.artifact.files["words.vtt"]["content_type"] == "text/vtt"
