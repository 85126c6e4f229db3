"""The process management of the embedded stack, with processes that are small but real."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cli.stack.home import Home, environment, needs_broker
from cli.stack.ports import LOOPBACK, Ports, accepts, free_ports
from tests.services.process import LONG_S

API = """
import http.server, os
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["API_PORT"])), Ready).serve_forever()
"""
# Two children: one of the same group, one that has let go of our pipes. Both must go with their parent.
PARENT = """
import subprocess, sys, time
subprocess.Popen(["sleep", "600.{mark}"])
subprocess.Popen(["sleep", "601.{mark}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print("parent is up", flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("stubborn is up", flush=True)
time.sleep(600)
"""
PROCFILE = Path(__file__).parents[2] / "Procfile"
LISTEN = '--port "$BROKER_PORT" --bind 127.0.0.1 --dir "$BROKER_DIR" --appendonly yes --save ""'
BROKER = f'broker: exec "$VALKEY_SERVER" {LISTEN}\n'


def until(condition, what, seconds=LONG_S):
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.03)


def children(mark):
    """Processes whose command line bears a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if command and mark.encode() in command:
            found.append(int(path.parent.name))
    return found


class Toy:
    """A stack of toys in a folder."""

    def __init__(self, folder):
        self.root, self.home = folder / "a root", folder / "a home"
        self.root.mkdir()
        self.ports = free_ports()
        self.mark = f"7{os.getpid()}{time.monotonic_ns()}"
        self.lines = []

    def add(self, name, source):
        script = self.root / f"{name}.py"
        script.write_text(source.replace("{mark}", self.mark))
        self.lines.append(f"{name}: exec python '{script}' {self.mark}\n")

    def add_line(self, line):
        self.lines.append(line)

    def log(self, name):
        path = self.home / "logs" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    @contextmanager
    def running(self, **env):
        if self.lines:
            (self.root / "Procfile").write_text("".join(self.lines))
        ports = map(str, (self.ports.api, self.ports.flower, self.ports.broker))
        command = [sys.executable, Path(__file__).with_name("toy_stack.py"), self.root, self.home, *ports]
        plain = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        plain |= {"PYTHONPATH": str(Path(__file__).parents[2]), **env}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=plain, start_new_session=True)
        try:
            yield process
        finally:
            while process.poll() is None:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
            process.stdout.close()


@pytest.fixture
def toy(tmp_path):
    toy = Toy(tmp_path)
    yield toy
    until(lambda: not children(toy.mark), "every process to end")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_starts_and_stops_everything(toy, number):
    toy.add_line(BROKER)
    toy.add("api", API)
    toy.add("light", PARENT)
    with toy.running() as process:
        assert process.stdout.readline() == "ready\n"
        until(lambda: len(children(toy.mark)) == 4, "two processes and two children")
        process.send_signal(number)
        assert process.wait(LONG_S) == 0
    assert not children(toy.mark)
    assert "parent is up" in toy.log("light")
    assert "bye bye" in toy.log("broker"), "the broker must be asked, not killed"
    assert (toy.home / "broker" / "appendonlydir").is_dir()


def test_the_broker_outlives_the_workers(toy):
    toy.add_line(BROKER)
    toy.add("api", API)
    worker = """
import os, signal, socket, sys, time
def end(*_):
    time.sleep(0.5)
    with socket.create_connection(("127.0.0.1", int(os.environ["BROKER_PORT"]))) as broker:
        broker.sendall(b"PING\\r\\n")
        print("answer:", broker.recv(99), flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""
    toy.add("light", worker)
    with toy.running() as process:
        assert process.stdout.readline() == "ready\n"
        until(lambda: "up" in toy.log("light"), "the worker")
        process.terminate()
        assert process.wait(LONG_S) == 0
    assert "answer: b'+PONG" in toy.log("light")


def test_one_that_dies_is_named_with_its_last_lines(toy):
    toy.add("api", API)
    toy.add("light", "print('first', flush=True)\nprint('no such queue', flush=True)\nraise SystemExit(7)")
    toy.add("encode", PARENT)
    with toy.running() as process:
        assert process.wait(LONG_S) == 1
        out = process.stdout.read()
    assert "light ended with exit code 7" in out
    assert "no such queue" in out
    assert str(toy.home / "logs" / "light.log") in out


def test_one_that_is_killed_leaves_no_children(toy):
    toy.add("api", API)
    toy.add("light", PARENT)
    with toy.running() as process:
        assert process.stdout.readline() == "ready\n"
        until(lambda: len(children(toy.mark)) == 4, "two processes and two children")
        [leader] = children("light.py")
        os.kill(leader, signal.SIGKILL)
        assert process.wait(LONG_S) == 1
        assert "light was killed by SIGKILL" in process.stdout.read()


def test_a_second_signal_does_not_wait(toy):
    toy.add("api", API)
    toy.add("encode", STUBBORN)
    with toy.running() as process:
        until(lambda: "stubborn is up" in toy.log("encode"), "the stubborn one")
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG_S) == 0


def test_nothing_outlives_a_stack_that_is_killed(toy):
    toy.add_line(BROKER)
    toy.add("api", API)
    toy.add("light", PARENT)
    toy.add("encode", STUBBORN)
    with toy.running() as process:
        assert process.stdout.readline() == "ready\n"
        until(lambda: len(children(toy.mark)) == 5, "three processes and two children")
        until(lambda: "stubborn is up" in toy.log("encode"), "the stubborn one")
        broker = f"127.0.0.1:{toy.ports.broker}"
        assert children(broker)
        process.kill()
        process.wait(LONG_S)
        until(lambda: not children(toy.mark), "the processes to follow")
        until(lambda: not children(broker), "the broker to follow")


def worker_processes(home):
    """The real workers of one stack, pools included, by the folder that their environment names."""
    mark = f"CUTWORK_HOME={home}\0".encode()
    found = []
    for pid in children("celery"):
        with suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(pid)
    return found


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["alone", "with its group"])
def test_no_worker_outlives_a_stack_that_is_killed(toy, kill):
    toy.add_line(BROKER)
    toy.add("api", API)
    toy.lines += [line for line in PROCFILE.read_text().splitlines(keepends=True) if line.startswith("encode:")]
    with toy.running(WORKER_PROCESSES="2") as process:
        until(lambda: "ready." in toy.log("encode"), "the worker")
        until(lambda: len(worker_processes(toy.home)) >= 3, "the worker's pool")
        kill(process.pid, signal.SIGKILL)
        process.wait(LONG_S)
        until(lambda: not worker_processes(toy.home), "the worker and its pool to follow")


def test_a_forwarder_that_is_killed_leaves_no_children(toy):
    toy.add("api", API)
    toy.add("light", PARENT)
    with toy.running() as process:
        assert process.stdout.readline() == "ready\n"
        until(lambda: len(children(toy.mark)) == 4, "two processes and two children")
        [leader] = children("light.py")
        forwarder = int(Path(f"/proc/{leader}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(forwarder, signal.SIGKILL)
        assert process.wait(LONG_S) == 1
        assert "light was killed by SIGKILL" in process.stdout.read()


def test_two_stacks_cannot_share_a_folder(toy):
    toy.add("api", API)
    with toy.running() as first:
        assert first.stdout.readline() == "ready\n"
        with toy.running() as second:
            assert second.wait(LONG_S) == 1
            out = second.stdout.read()
        assert "already_running" in out
        assert f"process {first.pid}" in out
        assert "CUTWORK_HOME" in out
    with toy.running() as third:
        assert third.stdout.readline() == "ready\n"


def test_a_port_that_is_taken_is_named(toy):
    toy.add("api", API)
    with socket.create_server((LOOPBACK, toy.ports.flower)), toy.running() as process:
        assert process.wait(LONG_S) == 1
        out = process.stdout.read()
    assert f"port {toy.ports.flower} is taken" in out
    assert "--flower-port or FLOWER_PORT" in out
    assert f"port {toy.ports.api}" not in out


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the servers would be refused too")
def test_ports_that_were_found_free_are_given_to_nobody_else():
    port = free_ports().api
    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind((LOOPBACK, port))
    assert not accepts(port)
    with socket.create_server((LOOPBACK, port)):
        assert accepts(port)


def test_without_a_procfile_it_says_where_it_belongs(toy):
    with toy.running() as process:
        assert process.wait(LONG_S) == 1
        assert "runs from a checkout" in process.stdout.read()


@pytest.mark.parametrize(
    ("outer", "ours"),
    [
        ({}, True),
        ({"BROKER_URL": ""}, True),
        ({"BROKER_URL": "redis://there:6379/0"}, False),
        ({"REDIS_URL": "redis://there:6379/0"}, False),
        ({"BROKER_URL": "amqp://there"}, True),  # live events need a Redis beside RabbitMQ
        ({"BROKER_URL": "amqp://there", "REDIS_URL": "redis://there"}, False),
    ],
)
def test_starts_a_broker_only_where_none_is_given(tmp_path, outer, ours):
    assert needs_broker(outer) is ours
    env = environment(Home(tmp_path), Ports(), outer)
    assert ("127.0.0.1:6390" in env["REDIS_URL"]) is ours
    assert env["BROKER_URL"] == (outer.get("BROKER_URL") or env["REDIS_URL"])


def test_what_the_user_set_stands(tmp_path):
    env = environment(Home(tmp_path), Ports(), {"DATABASE_URL": "postgresql://db", "SECRET_KEY": "s", "S3_BUCKET": "b"})
    assert (env["DATABASE_URL"], env["SECRET_KEY"], env["S3_BUCKET"]) == ("postgresql://db", "s", "b")
    assert not (tmp_path / "secret").exists()


def scratch_left_by_a_killed_stage(home):
    (home / "scratch" / "cutwork-trim-x").mkdir(parents=True)
    (home / "scratch" / "cutwork-trim-x" / "half.mp4").write_bytes(b"half")
    (home / "scratch" / "loose").write_bytes(b"x")
    (home / "scratch" / "link").symlink_to(home / "kept", target_is_directory=True)
    (home / "kept").mkdir()
    (home / "kept" / "file").write_bytes(b"x")


LOOK_AT_SCRATCH = """
import os, time
print("scratch:", os.environ["SCRATCH_DIR"], sorted(os.listdir(os.environ["SCRATCH_DIR"])), flush=True)
time.sleep(600)
"""


def test_stages_find_an_empty_scratch_folder_in_the_stacks_own(toy):
    scratch_left_by_a_killed_stage(toy.home)
    toy.add("api", API)
    toy.add("encode", LOOK_AT_SCRATCH)
    with toy.running(SCRATCH_DIR="") as first:
        until(lambda: f"scratch: {toy.home / 'scratch'} []" in toy.log("encode"), "an empty scratch folder")
        (toy.home / "scratch" / "in use").touch()
        with toy.running() as second:
            assert second.wait(LONG_S) == 1
        assert (toy.home / "scratch" / "in use").exists(), "only the holder of the lock may sweep"
        assert first.poll() is None
    assert (toy.home / "kept" / "file").exists(), "a link is deleted, not what it leads to"


def test_a_scratch_folder_of_the_users_own_is_not_swept(toy, tmp_path):
    toy.add("api", API)
    toy.add("encode", LOOK_AT_SCRATCH)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").touch()
    with toy.running(SCRATCH_DIR=str(tmp_path / "theirs")):
        until(lambda: f"scratch: {tmp_path / 'theirs'} ['file']" in toy.log("encode"), "the user's folder")


def test_the_secret_is_made_once_and_private(tmp_path):
    first = Home(tmp_path).secret()
    assert len(first) >= 43
    assert Home(tmp_path).secret() == first
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
