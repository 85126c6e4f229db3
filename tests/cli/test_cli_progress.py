import io
import signal
import subprocess
import sys

import pytest
from rich.console import Console
from troubled_server import job_document

from cli.config import Config
from cli.progress import Bars, Board, Lines, Silent, display, duration, state
from tests.services.process import LONG_S


def drawn(board):
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(board.render())
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "0 ms"), (999, "999 ms"), (12_340, "12.3 s"), (245_000, "4 min 05 s")],
)
def test_durations(milliseconds, text):
    assert duration(milliseconds) == text


def test_a_cached_stage_says_so():
    stage = job_document(stages={"trim": "succeeded"})["stages"]["trim"]
    assert (state(stage), state(stage | {"cached": True})) == ("done", "cached")


def test_the_board_has_a_line_for_each_stage():
    board = Board("job_1")
    job = job_document("running", 0.42, stages={"probe": "succeeded", "trim": "running"}) | {"eta_s": 61}
    board.update(job)
    lines = drawn(board).splitlines()
    assert [line.split()[0] for line in lines] == ["job_1", "probe", "trim", "publish", "all"]
    assert "100% done" in lines[1]
    assert "50% running" in lines[2]
    assert "queued" in lines[3]
    assert "42% running about 61.0 s to go" in lines[4]


def test_the_whole_never_goes_back():
    board = Board("job_1")
    for progress in (0.5, 0.3):
        board.update(job_document("running", progress))
        assert "50%" in drawn(board).splitlines()[-1]


def test_a_terminal_gets_bars_a_pipe_lines_and_a_script_nothing():
    def console(terminal):
        return Console(file=io.StringIO(), force_terminal=terminal)

    assert isinstance(display(Config(err=console(True))), Bars)
    assert isinstance(display(Config(err=console(False))), Lines)
    assert isinstance(display(Config(err=console(True), json=True)), Silent)


def test_bars_draw_on_a_terminal():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Bars(console).transfer("clip.mp4", 1000) as on_bytes:
        on_bytes(1000)
    with Bars(console).job("job_1") as report:
        report(job_document("succeeded", 1, stages={"trim": "succeeded"}))
    text = console.file.getvalue()
    assert "clip.mp4" in text
    assert "trim" in text


@pytest.fixture
def waiting(world):
    """A command that waits for a job that goes on."""
    world.hold_streams = True
    world.streams = [[job_document("running", 0.1, stages={"trim": "running"})]]
    command = [sys.executable, "-m", "cli", "job", "job_1", "--wait"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background has them ignore Ctrl-C, and they would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - this test has one thread
    )
    assert "trim: running" in process.stderr.readline()
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_leaves_the_job_and_says_how_to_come_back(world, waiting):
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(LONG_S) == 130
    assert "cutwork job job_1 --wait" in waiting.stderr.read()
    assert not world.requests("cancel")


def test_a_second_ctrl_c_cancels(world, waiting):
    waiting.send_signal(signal.SIGINT)
    assert any("again cancels" in line for line in iter(waiting.stderr.readline, ""))
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait(LONG_S) == 130
    assert "job_1 is canceled" in waiting.stderr.read()
    assert world.requests("POST /v1/jobs/job_1/cancel")


def test_a_reader_that_goes_away_is_no_crash(world):
    command = f"{sys.executable} -m cli jobs --json | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
