"""The images do a whole job: migrate, serve, work, and the smoke test of the chart as client, on real servers.

`make images-test` builds both and sets CUTWORK_IMAGES to their tag. It takes minutes, so `make test` leaves it out.
Processes run by `buildah run` in the network of this machine, each as the image's own user.
"""

import os
import subprocess
from contextlib import ExitStack, contextmanager, suppress

import httpx
import psutil
import pytest

from tests.helm.chart import CASES, find, render
from tests.services.ports import free_port
from tests.services.process import wait_until

TAG = os.environ.get("CUTWORK_IMAGES")
pytestmark = [
    pytest.mark.skipif(not TAG, reason="`make images-test` builds the images and runs this"),
    pytest.mark.timeout(900),
]
STORE = ("--storage-driver", "vfs")
KEY = "cw_smoketes_" + "k" * 32


def buildah(*arguments):
    done = subprocess.run(["buildah", *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def container(image):
    name = buildah("from", *STORE, "--pull-never", f"localhost/{image}:{TAG}")
    try:
        yield name
    finally:
        buildah("rm", *STORE, name)


def run(name, *command, env=None, volume=None):
    """The command that runs another one in a container."""
    mounts = ["--volume", volume] if volume else []
    settings = [f"{key}={value}" for key, value in (env or {}).items()]
    inside = ["tini", "-s", "--", "env", *settings, *command]
    return ["buildah", "run", "--isolation", "chroot", *STORE, "--user", "10001:10001", *mounts, name, "--", *inside]


@contextmanager
def going(command, log):
    """Run in the background until the block ends; what it has started is ended with it."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
        _end(family, psutil.Process.terminate)
        _, left = psutil.wait_procs(family, timeout=40)
        _end(left, psutil.Process.kill)
        process.kill()
        process.wait()


def _end(processes, how):
    for one in processes:
        # When one ends, others do by themselves.
        with suppress(psutil.NoSuchProcess):
            how(one)


@pytest.fixture(scope="module")
def api_container():
    with container("cutwork-api") as name:
        yield name


@pytest.fixture(scope="module")
def worker_container():
    with container("cutwork-worker") as name:
        yield name


def inside(name, *command, env=None):
    done = subprocess.run(run(name, *command, env=env), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


HELD = """
import importlib.util, os, shutil
print(os.getuid(), *[name for name in ("av", "PIL", "numpy", "pip", "setuptools") if importlib.util.find_spec(name)])
print(*[name for name in ("gcc", "make", "pip") if shutil.which(name)])
"""


def test_what_the_images_hold(api_container, worker_container):
    assert inside(api_container, "python", "-c", HELD).split("\n")[:2] == ["10001", ""]
    assert inside(worker_container, "python", "-c", HELD).split("\n")[:2] == ["10001 av PIL numpy", ""]


def test_a_whole_job_in_the_images(api_container, worker_container, tmp_path, valkey_url, fresh_database, s3_settings):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "DATABASE_URL": fresh_database(),
        "BROKER_URL": valkey_url(),
        "PUBLIC_URL": url,
        "SECRET_KEY": "0123456789abcdef-of-the-tests",
        "BOOTSTRAP_API_KEY": KEY,
        "METRICS_PORT": "0",
        **s3_settings,
    }
    inside(api_container, "python", "-m", "migrations", "--wait", "30", env=env)
    bound = f"--bind=127.0.0.1:{port} --worker-class=gthread --threads=16 --no-control-socket"
    # What the images and the chart start; a port of its own for each test.
    commands = {
        "api": run(api_container, "gunicorn", "app:create_app()", env=env | {"GUNICORN_CMD_ARGS": bound}),
        "beat": run(worker_container, "python", "-m", "tasks", "beat", "--folder", "/tmp/beat", env=env),
    }
    for pool in ("light", "encode", "maintenance"):
        alive = env | {"ALIVE_FILE": f"/tmp/alive-{pool}"}
        commands[pool] = run(worker_container, "python", "-m", "tasks", "worker", pool, env=alive)
    with ExitStack() as stack:
        for name, command in commands.items():
            stack.enter_context(going(command, tmp_path / f"{name}.log"))
        api = tmp_path / "api.log"
        wait_until(lambda: _ready(url), trouble=lambda: _failure(api))
        smoke = find(render(*CASES["dev"]), "Pod", "smoke-test")["spec"]["containers"][0]["args"]
        work = tmp_path / "work"
        work.mkdir(mode=0o777)
        work.chmod(0o777)
        client = {"CUTWORK_URL": url, "CUTWORK_API_KEY": KEY, "HOME": "/work"}
        command = run(worker_container, *smoke, env=client, volume=f"{work}:/work")
        done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "encode.log").read_text()[-3000:]
        assert (work / "cut.mp4").stat().st_size > 10_000
        inside(worker_container, "sh", "-c", 'test -n "$(find /tmp/alive-encode -mmin -10)"')


def _ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _failure(log):
    text = log.read_text(errors="replace")
    return text[-3000:] if "Worker failed to boot" in text else None
