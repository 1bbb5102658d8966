"""`make run`: start the whole site on this machine and keep it running until Ctrl-C.

Makes a development key, migrates the default database, starts the embedded model server (unless
`SERVING_URL` names another one) and, when a prediction can be made, the site under gunicorn.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

import requests
from django.core.exceptions import ImproperlyConfigured

from deploy.answer_watch import AnswerWatch
from deploy.lan import NoAddress, invitation, is_reachable, is_terminal, network_address
from serving.atomic_files import write_text
from serving.client import ServingClient, ServingError
from serving.labels import STABLE
from serving.models_config import CONFIG_NAME
from serving.versions.bundled import install_bundled
from webui.access.secret_keys import refuse_weak_keys
from webui.database.private_files import make_private_directory
from webui.environment import Environment
from webui.parent_process import end_with_parent
from webui.wall.codes import make_code, read_code

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
DEVELOPMENT_ENV = VAR / "development.env"
LOGS = VAR / "log"
KEPT_LOGS = 5  # of earlier starts, for each process
LOG_TAIL_LINES = 20  # shown when a process stopped by itself
MODEL_SERVER_PORT = 8501  # TensorFlow Serving's own
START_SECONDS = 180  # a first start on a slow laptop, TensorFlow's import included
OTHER_SERVER_SECONDS = 30  # for the model server at SERVING_URL, which may be starting, too
STOP_SECONDS = 20  # gunicorn finishes running requests first
RESTART_SECONDS = 2  # before a model server that stopped is started again
POLL_SECONDS = 0.25


class CannotStart(Exception):
    """The reason, and what would be right; printed without a traceback."""


def say(text: str) -> None:
    print(text, flush=True)


def port_is_free(port: int, host: str) -> bool:
    """Return whether this process could listen there; a port in TIME_WAIT counts as free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_model_server_port() -> int:
    """TensorFlow Serving's port, or any free one when that is in use."""
    if port_is_free(MODEL_SERVER_PORT, "127.0.0.1"):
        return MODEL_SERVER_PORT
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def development_key() -> str:
    """The secret key of this checkout, made at the first call and readable by its owner only."""
    key_file = VAR / "secret_key"
    if not key_file.exists():
        make_private_directory(VAR)
        write_text(key_file, secrets.token_urlsafe(50), mode=0o600)
    return key_file.read_text().strip()


def write_development_env(values: Mapping[str, str]) -> None:
    """Let `manage.py` beside a running site find the same key, models and model server."""
    lines = ["# Written by `make run`; the environment and .env take precedence."]
    lines += [f"{name}={value}" for name, value in values.items()]
    write_text(DEVELOPMENT_ENV, "\n".join(lines) + "\n", mode=0o600)


def keep_earlier_logs(log: Path) -> None:
    """Rename the log of the last start to `NAME.log.1`, that of the one before to `.2`, and so on.

    A site that crashed is started again at once, and its log says why it crashed.
    """
    RotatingFileHandler(log, backupCount=KEPT_LOGS, delay=True).doRollover()


class Process:
    """A child process with a log file, in a session of its own: Ctrl-C reaches only this one."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log = LOGS / f"{name.removeprefix('the ').replace(' ', '-')}.log"
        keep_earlier_logs(self._log)
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,  # safe, since this process has no threads
            )

    @property
    def stopped(self) -> bool:
        return self._popen.poll() is not None

    def end_of_log(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(f"  {line}" for line in [*lines, f"(all of it: {self._log})"])

    def stop(self) -> None:
        if self.stopped:
            self._stop_children()
            return
        self._popen.terminate()
        try:
            self._popen.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            say(f"{self.name} did not stop within {STOP_SECONDS} s; killing it")
            self.kill()

    def kill(self) -> None:
        os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def _stop_children(self) -> None:
        """End what a process that was killed has left in its group, like gunicorn's workers."""
        deadline = time.monotonic() + STOP_SECONDS
        with suppress(ProcessLookupError):  # the group is empty
            os.killpg(self._popen.pid, signal.SIGTERM)
            while time.monotonic() < deadline:
                os.killpg(self._popen.pid, 0)
                time.sleep(POLL_SECONDS)
            os.killpg(self._popen.pid, signal.SIGKILL)


class Supervisor:
    """Starts processes, waits for them, restarts the model server and stops them all."""

    def __init__(self) -> None:
        self.stop_requested = False
        self._processes: list[Process] = []

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_requested = True

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> Process:
        process = Process(name, command, environment)
        self._processes.append(process)
        return process

    def stop(self) -> None:
        """Stop the processes in reverse order: the site before the model server."""
        for process in reversed(self._processes):
            process.stop()

    def wait_until(
        self, ready: Callable[[], bool], *, seconds: float, needed: Process | None = None
    ) -> bool:
        """Poll `ready`; return False when the time is over or a stop is requested.

        Raises:
            CannotStart: the process that is needed has stopped.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stop_requested:
            if needed and needed.stopped:
                raise CannotStart(f"{needed.name} stopped:\n{needed.end_of_log()}")
            if ready():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def watch(
        self, *, site: Process, model_server: Process | None, answer_watch: AnswerWatch | None
    ) -> int:
        """Keep the processes running until a stop is requested, and return the exit status.

        A model server that has stopped is started again, and so is one that does not answer.

        The site answers 503 with Retry-After while no model server answers, so it stays up
        while the model server is started again; without the site there is nothing to keep.
        """
        while not self.stop_requested:
            if site.stopped:
                say(f"{site.name} stopped by itself:\n{site.end_of_log()}")
                return 1
            if model_server and model_server.stopped:
                say(f"the model server stopped; starting it again:\n{model_server.end_of_log()}")
                time.sleep(RESTART_SECONDS)
                model_server.start()
                if answer_watch:
                    answer_watch.restarted()
            elif model_server and answer_watch and answer_watch.is_frozen():
                say("the model server does not answer; killing it")
                model_server.kill()
            time.sleep(POLL_SECONDS)
        return 0


def model_problem(clients: Sequence[ServingClient]) -> str:
    """Return why no prediction can be made now; "" when one of the servers can."""
    reason = ""
    for client in clients:
        try:
            client.resolve(STABLE)
        except ServingError as problem:
            reason = str(problem)
        else:
            return ""
    return reason


def answers(url: str) -> bool:
    """Return whether a GET request is answered with success."""
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def prepare_site(environment: dict[str, str]) -> None:
    """Run migrations and collect static files, in one short-lived process.

    Raises:
        CannotStart: it failed, and has printed why.
    """
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0, interactive=False)\n"
        "call_command('collectstatic', verbosity=0, interactive=False)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, start_new_session=True
    )
    if finished.returncode:
        raise CannotStart("the site's database or static files could not be prepared; see above")


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
        "--enable_batching=true",
        f"--batching_parameters_file={ROOT / 'serving' / 'batching.config'}",
        # By default one corrupt version would block every swap for five minutes: loading
        # then runs in the manager's own thread and is tried six times, a minute apart.
        "--num_load_threads=2",
        "--max_num_load_retries=1",
        "--load_retry_interval_micros=1000000",
    ]  # fmt: skip


def choose_host(variables: Environment, *, lan: bool) -> str:
    """Return the address to listen on: this machine's own, or with LAN=on that in its network.

    Raises:
        CannotStart: there is no such address, or the settings contradict each other.
    """
    host = variables.host("HOST", default="" if lan else "127.0.0.1")
    if not lan:
        return host
    if variables.switch("HTTPS"):
        raise CannotStart(
            "LAN=on serves plain http to the network, and HTTPS=on expects a proxy that ends TLS; "
            "leave one of them out"
        )
    if host and not is_reachable(host):
        raise CannotStart(
            f"HOST is {host!r}, which is no address by which others reach this machine; "
            "with LAN=on leave HOST out, or name the machine's address in the network"
        )
    try:
        return host or network_address()
    except NoAddress as problem:
        raise CannotStart(str(problem)) from problem


def lan_settings(variables: Environment, host: str) -> dict[str, str]:
    """Return the settings of a site that the network may reach: its one host, the class code."""
    named = variables.text("ALLOWED_HOSTS")
    own = f"[{host}]" if ":" in host else host
    return {
        "ALLOWED_HOSTS": f"{own},{named}" if named else own,
        "WALL_CODE": read_code(variables) or make_code(),
    }


def address_of(host: str, port: int) -> str:
    """Return the site's address as a browser takes it."""
    if host == "127.0.0.1":
        return f"http://localhost:{port}"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announce(url: str, host: str, lan: Mapping[str, str]) -> None:
    """Print where the site is; with LAN=on, also for those who sit in the same room."""
    if lan:
        code = lan["WALL_CODE"]
        colours = is_terminal()
        say("\n" + "\n".join(invitation(url, code=code, host=host, colours=colours)))
    say(f"\n  Draw a digit:   {url}/")
    say(f"  Read records:   {url}/admin/   (make admin creates a user)")
    say(f"  Logs:           {LOGS}\n")
    say("Ctrl-C stops everything.")


def run() -> int:
    variables = Environment.of_process(ROOT / ".env")
    port = variables.integer("PORT", default=8000, least=1, most=65535)
    in_network = variables.switch("LAN")
    host = choose_host(variables, lan=in_network)
    lan = lan_settings(variables, host) if in_network else {}
    if not port_is_free(port, host):
        raise CannotStart(
            f"port {port} is in use by another program; stop that, or choose another port: "
            f"make run PORT={port + 1}"
        )
    shared: dict[str, str] = {}  # what manage.py beside the site needs as well
    key = variables.secret("SECRET_KEY")
    if not key:
        key = shared["SECRET_KEY"] = development_key()
    refuse_weak_keys(key, variables.secrets("SECRET_KEY_FALLBACKS"))
    models_dir = variables.directory("MODELS_DIR", default=VAR / "models").resolve()
    shared["MODELS_DIR"] = str(models_dir)
    own_model_server = not variables.text("SERVING_URL")
    if own_model_server:
        for line in install_bundled(models_dir):
            say(line)
        serving_port = choose_model_server_port()
        shared["SERVING_URL"] = f"http://127.0.0.1:{serving_port}"
    environment = {
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webui.settings",
        "PORT": str(port),
        "HOST": host,
        **lan,
        **shared,
    }
    make_private_directory(VAR)
    LOGS.mkdir(exist_ok=True)
    write_development_env(shared)

    supervisor = Supervisor()
    signal.signal(signal.SIGINT, supervisor.on_signal)
    signal.signal(signal.SIGTERM, supervisor.on_signal)
    try:
        say("Starting the model server and the site; this takes a few seconds")
        model_server = None
        if own_model_server:
            model_server = supervisor.start(
                "the model server", model_server_command(serving_port, models_dir), environment
            )
        prepare_site(environment)
        if variables.text("CASSANDRA_HOSTS"):
            # In the background: the site starts, and keeps records in its spool, while
            # Cassandra is down or still starting.
            supervisor.start(
                "sync_records", [sys.executable, "manage.py", "sync_records"], environment
            )
        wait_for_model(supervisor, model_server, Environment(environment))
        if supervisor.stop_requested:
            return 0
        site = supervisor.start(
            "the site",
            [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "webui.wsgi"],
            environment,
        )
        url = address_of(host, port)
        if supervisor.wait_until(
            lambda: answers(f"{url}/healthz"), seconds=START_SECONDS, needed=site
        ):
            announce(url, host, lan)
        elif not supervisor.stop_requested:
            raise CannotStart(
                f"the site does not answer after {START_SECONDS} s:\n{site.end_of_log()}"
            )
        return supervisor.watch(
            site=site,
            model_server=model_server,
            answer_watch=AnswerWatch(shared["SERVING_URL"], start_seconds=START_SECONDS)
            if own_model_server
            else None,
        )
    finally:
        supervisor.stop()


def wait_for_model(
    supervisor: Supervisor, own_server: Process | None, variables: Environment
) -> None:
    """Wait until a prediction can be made, so that no visitor meets a model that still loads.

    Another machine's model server (`SERVING_URL`) is waited for a shorter time and then done
    without: nobody knows when it comes back, and the records and the admin need none.

    Raises:
        CannotStart: our own model server stopped, or loads no model.
    """
    urls = variables.http_urls("SERVING_URL", default="http://127.0.0.1:8501")
    model_name = variables.text("MODEL_NAME", default="digits")
    clients = [ServingClient(base_url=url, model_name=model_name) for url in urls]
    seconds = START_SECONDS if own_server else OTHER_SERVER_SECONDS
    ready = supervisor.wait_until(
        lambda: not model_problem(clients), seconds=seconds, needed=own_server
    )
    if ready or supervisor.stop_requested:
        return
    problem = f"no prediction can be made after {seconds} s: {model_problem(clients)}"
    if own_server:
        raise CannotStart(f"{problem}\n{own_server.end_of_log()}")
    say(
        f"Starting the site without a model, since {problem}\n"
        f"Until {' or '.join(urls)} answers, predictions are answered with 503"
    )


def main() -> int:
    try:
        return run()
    except (CannotStart, ImproperlyConfigured) as problem:
        say(f"Cannot start: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
