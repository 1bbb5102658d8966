"""`make run`: the whole site on this machine, from nothing to a page that answers.

It keeps a development key, migrates the default database, starts the embedded model server
(unless `SERVING_URL` names another one) and the site under gunicorn, waits until a
prediction could be made, prints the address, and stops both when it is told to.
"""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import requests
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # started as a script: its own directory is on the path, not this

from serving.models_config import CONFIG_NAME  # noqa: E402
from serving.versions.bundled import install_bundled  # noqa: E402
from webui.environment import Environment  # noqa: E402

VAR = ROOT / "var"
DEVELOPMENT_ENV = VAR / "development.env"
LOGS = VAR / "log"
LOG_TAIL_LINES = 20  # shown when something ended by itself
MODEL_SERVER_PORT = 8501  # TensorFlow Serving's own
START_SECONDS = 180  # a first start on a slow laptop, TensorFlow's import included
STOP_SECONDS = 20  # gunicorn finishes running requests first
RESTART_SECONDS = 2  # between attempts to bring the model server back
PR_SET_PDEATHSIG = 1  # prctl(2)


class CannotStart(Exception):
    """What is wrong, and what would be right; printed without a traceback."""


def say(text: str) -> None:
    print(text, flush=True)


def port_is_free(port: int, host: str) -> bool:
    """Whether this process could listen there; a port in TIME_WAIT counts as free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def development_key() -> str:
    """The key of this checkout, made once; only its owner can read it."""
    key_file = VAR / "secret_key"
    if not key_file.exists():
        VAR.mkdir(exist_ok=True)
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(50))
    return key_file.read_text().strip()


def note_for_manage_py(values: dict[str, str]) -> None:
    """Lets `manage.py` beside a running site find the same key, models and model server."""
    VAR.mkdir(exist_ok=True)
    draft = DEVELOPMENT_ENV.with_suffix(".tmp")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("# Written by `make run`; the environment and .env come before it.\n")
        out.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.replace(DEVELOPMENT_ENV)


def die_with_parent() -> None:
    """In a child: end when the parent does, even if that is killed and can stop nobody."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A process of ours, in a session of its own so that Ctrl-C reaches it in our order."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.log = LOGS / f"{name.removeprefix('the ').replace(' ', '-')}.log"
        self.log.unlink(missing_ok=True)
        self.command = command
        self.environment = environment
        self.restart()

    def restart(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,  # this process has no threads, so that is safe
            )

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(f"  {line}" for line in [*lines, f"(all of it: {self.log})"])

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"{self.name} did not stop within {STOP_SECONDS} s and is ended now")
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def prepare(environment: dict[str, str]) -> None:
    """Migrations and static files, in one short-lived process."""
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0, interactive=False)\n"
        "call_command('collectstatic', verbosity=0, interactive=False)\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment)
    if finished.returncode:
        raise CannotStart("the site's database or static files could not be prepared; see above")


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


class Site:
    """The processes that make up a running site, and how they start, fail and stop."""

    def __init__(self) -> None:
        self.told_to_stop = False
        self.children: list[Child] = []  # stopped in reverse order: the page before the model

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.told_to_stop = True

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        child = Child(name, command, environment)
        self.children.append(child)
        return child

    def stop(self) -> None:
        for child in reversed(self.children):
            child.stop()

    def wait_until_ready(self, url: str, *, model_status_url: str, essential: Child) -> None:
        """Returns when the site answers; says what is still missing when time is up."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and not self.told_to_stop:
            if essential.process.poll() is not None:
                raise CannotStart(f"{essential.name} stopped:\n{essential.last_words()}")
            # /readyz notes in the log each time that something is missing, so it comes last.
            if answers(model_status_url) and answers(f"{url}/readyz"):
                return
            time.sleep(0.5)
        if not self.told_to_stop:
            say(f"Not ready after {START_SECONDS} s; {url}/readyz names what is missing")

    def watch(self, *, essential: Child, model_server: Child | None) -> int:
        """Keeps things running until told to stop, and returns the exit status.

        The site answers 503 with Retry-After while no model answers, so a model server that
        died is started again beside it; a site that died is an end with an error.
        """
        while not self.told_to_stop:
            if essential.process.poll() is not None:
                say(f"{essential.name} stopped by itself:\n{essential.last_words()}")
                return 1
            if model_server and model_server.process.poll() is not None:
                say(f"the model server stopped; starting it again:\n{model_server.last_words()}")
                time.sleep(RESTART_SECONDS)
                model_server.restart()
            time.sleep(0.5)
        return 0


def model_server_command(port: int, models_dir: Path) -> list[str]:
    return [
        sys.executable, "-m", "serving.server",
        f"--rest_api_port={port}",
        "--rest_api_bind_address=127.0.0.1",  # the site is its only client
        f"--model_config_file={models_dir / CONFIG_NAME}",
        "--model_config_file_poll_wait_seconds=1",
        # At a start nothing is loaded yet when labels are read: without this a configuration
        # with labels ends the process. A label in use still moves to a loaded version only.
        "--allow_version_labels_for_unavailable_models=true",
        f"--monitoring_config_file={ROOT / 'serving' / 'monitoring.config'}",
        # By default one corrupt version would block every swap for five minutes: loading
        # then runs in the manager's own thread and is tried six times, a minute apart.
        "--num_load_threads=2",
        "--max_num_load_retries=1",
        "--load_retry_interval_micros=1000000",
    ]  # fmt: skip


def run() -> int:
    variables = Environment.of_process(ROOT / ".env")
    port = variables.integer("PORT", default=8000, least=1, most=65535)
    host = variables.host("HOST", default="127.0.0.1")
    if not port_is_free(port, host):
        raise CannotStart(
            f"port {port} is in use by another program; stop that, or choose another port: "
            f"make run PORT={port + 1}"
        )
    environment = {"PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
    environment["DJANGO_SETTINGS_MODULE"] = "webui.settings"
    environment["PORT"] = str(port)
    environment["HOST"] = host
    shared: dict[str, str] = {}  # what manage.py beside the site must know as well
    if not variables.secret("SECRET_KEY"):
        shared["SECRET_KEY"] = development_key()

    models_dir = variables.directory("MODELS_DIR", default=VAR / "models").resolve()
    shared["MODELS_DIR"] = str(models_dir)
    own_model_server = not variables.text("SERVING_URL")
    serving_port = MODEL_SERVER_PORT
    if own_model_server:
        for line in install_bundled(models_dir):
            say(line)
        if not port_is_free(serving_port, "127.0.0.1"):
            serving_port = free_port()
        shared["SERVING_URL"] = f"http://127.0.0.1:{serving_port}"
    environment |= shared
    note_for_manage_py(shared)
    LOGS.mkdir(parents=True, exist_ok=True)
    prepare(environment)

    site = Site()
    signal.signal(signal.SIGINT, site.on_signal)
    signal.signal(signal.SIGTERM, site.on_signal)
    model_server = None
    try:
        if own_model_server:
            model_server = site.start(
                "the model server", model_server_command(serving_port, models_dir), environment
            )
        if variables.text("CASSANDRA_HOSTS"):
            # In the background: the site starts, and keeps records in its spool, while
            # Cassandra is down or still starting.
            site.start("sync_records", [sys.executable, "manage.py", "sync_records"], environment)
        essential = site.start(
            "the site",
            [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "webui.wsgi"],
            environment,
        )
        url = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
        say("Starting the model server and the site; this takes a few seconds")
        site_variables = Environment(environment)
        serving_url = site_variables.http_url("SERVING_URL", default="http://127.0.0.1:8501")
        model = f"{serving_url}/v1/models/{site_variables.text('MODEL_NAME', default='digits')}"
        site.wait_until_ready(url, model_status_url=model, essential=essential)
        if not site.told_to_stop:
            say(f"\n  Draw a digit:   {url}/")
            say(f"  Read records:   {url}/admin/   (make admin creates a user)")
            say(f"  Logs:           {LOGS}\n")
            say("Ctrl-C stops everything.")
        return site.watch(essential=essential, model_server=model_server)
    finally:
        site.stop()


def main() -> int:
    try:
        return run()
    except (CannotStart, ImproperlyConfigured) as problem:
        say(f"Cannot start: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
