"""A stage of the encode pool gets no more address space than the settings say, and is told so."""

import multiprocessing
import os
import resource
import signal
import sys
from fractions import Fraction

import pytest

from core.settings import get_settings
from media.errors import MediaError
from media.probe import probe
from media.sample import make_sample
from media.trim import trim
from media.types import Limits, Range
from tasks.memory import _peak, bounded
from tasks.stages import STAGES
from tests.services.process import LONG_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bound is Linux's")
LIMITS = Limits(max_pixels=1 << 24, max_duration=Fraction(60), max_streams=8)
# Where it ends depends on them: threads of the decoder, its pictures, x264.
SPARE_MB = [10, 40, 100]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_sample(path, seconds=Fraction(1), fps=Fraction(10), size=(1280, 720))
    return path


def encode(clip, target, spare_mb, answers):
    """Encode with so much more address space than the process has by now; say what came of it."""
    # What a worker has loaded long ago is not the point.
    with clip.open("rb") as source:
        probe(source, LIMITS)
    os.environ["ENCODE_MEMORY_MB"] = str((_peak() >> 20) + spare_mb)
    get_settings.cache_clear()
    try:
        with bounded(STAGES["trim"]), clip.open("rb") as source:
            trim(source, target, [Range(Fraction(0), None)], limits=LIMITS, threads=4, on_progress=lambda _: None)
    except MemoryError:
        answers.put("out of memory")
    except MediaError as error:
        answers.put(error.code)
    else:
        answers.put("encoded")


@pytest.mark.parametrize(("spare_mb", "answer"), [*((spare, "out of memory") for spare in SPARE_MB), (4096, "encoded")])
def test_an_encode_that_wants_more_is_out_of_memory(clip, tmp_path, spare_mb, answer):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=encode, args=(clip, tmp_path / "out.mp4", spare_mb, answers))
    process.start()
    process.join(LONG_S)
    # The libraries do not look at every allocation: then the process dies, which its worker notices.
    if process.exitcode != -signal.SIGSEGV or answer == "encoded":
        assert (process.exitcode, answers.get(timeout=LONG_S)) == (0, answer)


def test_the_bound_is_lifted_with_the_stage(monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_AS)
    monkeypatch.setenv("ENCODE_MEMORY_MB", "65536")
    with bounded(STAGES["trim"]):
        assert resource.getrlimit(resource.RLIMIT_AS) == (65536 << 20, before[1])
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    with bounded(STAGES["probe"]):
        assert resource.getrlimit(resource.RLIMIT_AS) == before
