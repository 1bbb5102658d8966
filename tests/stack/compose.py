"""A compose project that a test starts, inspects and removes.

It is controlled through `docker-compose` (1.29) or `docker compose` (v2), whichever is installed,
and `docker`; every call has a time limit. Its name and port differ from those of a stack in use.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.harness import ROOT
from tests.harness.waiting import wait_until

SERVING_IMAGE = "tensorflow/serving:2.20.0"
NGINX_IMAGE = "nginx:1.28"
COMMAND_SECONDS = 120
BUILD_SECONDS = 1800  # TensorFlow is 600 MB to fetch; minutes on a slow line
PULL_SECONDS = 600
INHERITED_NOT = (  # settings of a developer's shell that must not change the test
    "SECRET_KEY", "SECRET_KEY_FILE", "SECRET_KEY_FALLBACKS", "SECRET_KEY_FALLBACKS_FILE",
    "DATABASE_URL", "DATABASE_URL_FILE", "ALLOWED_HOSTS", "BIND",
    "HTTPS", "FORWARDED_ALLOW_IPS", "PROXY_NETWORK", "TLS_CERTIFICATE", "TLS_KEY", "TLS_PORT",
    "RATE_LIMIT", "READING_RATE_LIMIT", "MODEL_NAME", "SERVING_URL",
    "CASSANDRA_HOSTS", "CASSANDRA_DC", "CASSANDRA_RF", "CASSANDRA_USER", "CASSANDRA_PASSWORD",
    "CASSANDRA_PASSWORD_FILE", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "DATA",
)  # fmt: skip


class StackError(Exception):
    """The stack is not in the expected state; names what differs, and what was found."""


def compose_commands() -> list[list[str]]:
    """Return the installed ones of v1 (`docker-compose`) and v2 (`docker compose`)."""
    found = []
    if shutil.which("docker-compose"):
        found.append(["docker-compose"])
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=60)
        if asked.returncode == 0:
            found.append(["docker", "compose"])
    return found


def docker(*arguments: str, seconds: float = COMMAND_SECONDS) -> str:
    """Return what `docker …` prints.

    Raises:
        StackError: if it fails or does not end in time, with its output.
    """
    return _run(["docker", *arguments], environment=os.environ, seconds=seconds)


def _run(command: Sequence[str], *, environment: Mapping[str, str], seconds: float) -> str:
    try:
        finished = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"`{' '.join(command)}` did not end within {seconds:.0f} s") from None
    if finished.returncode:
        output = f"{finished.stdout[-3000:]}\n{finished.stderr[-3000:]}".strip()
        raise StackError(f"`{' '.join(command)}` failed ({finished.returncode}):\n{output}")
    return finished.stdout


def have_image(name: str) -> bool:
    """Return whether the engine has the image or can pull it."""
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0:
        return True
    try:
        pulled = subprocess.run(
            ["docker", "pull", "-q", name], capture_output=True, timeout=PULL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return pulled.returncode == 0


def make_nginx_image(name: str) -> str:
    """Make an image with Debian's nginx, for where nginx's own cannot be pulled; return its name.

    Raises:
        StackError: if it cannot be made.
    """
    dockerfile = (
        "FROM python:3.11-slim-bookworm\n"
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "Dockerfile").write_text(dockerfile)
        docker("build", "--quiet", "--tag", name, directory, seconds=BUILD_SECONDS)
    return name


class ComposeProject:
    """The services of one compose project."""

    def __init__(
        self,
        *,
        project: str,
        files: Sequence[str],
        port: int,
        environment: Mapping[str, str],
        env_file: Path,
    ) -> None:
        """
        Args:
            files: compose files; later ones override earlier ones.
            port: port of this machine on which the site is published.
            environment: settings of the site, as in a shell or `.env`.
            env_file: used in place of a developer's `.env`; may be empty.
        """
        found = compose_commands()
        if not found:
            raise StackError("neither docker-compose nor docker compose is installed")
        self.project = project
        self.port = port
        self._files = files
        self._command = [*found[0], "--env-file", str(env_file), "--project-name", project]
        for file in files:
            self._command += ["--file", file]
        self._environment = {n: v for n, v in os.environ.items() if n not in INHERITED_NOT}
        self._environment |= {**environment, "PORT": str(port)}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def shell_environment(self) -> dict[str, str]:
        """Return an environment in which `docker-compose` without options means this project."""
        files = os.pathsep.join(str(ROOT / file) for file in self._files)
        names = {"COMPOSE_PROJECT_NAME": self.project, "COMPOSE_FILE": files}
        return {**self._environment, **names}

    def compose(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> str:
        """Return what `docker-compose …` prints; raises StackError."""
        return _run([*self._command, *arguments], environment=self._environment, seconds=seconds)

    def build(self, *services: str) -> None:
        self.compose("build", *services, seconds=BUILD_SECONDS)

    def up(self) -> None:
        self.compose("up", "--detach", "--no-build", seconds=300)

    def take_down(self, *, images: bool) -> None:
        """Removes containers, network and volumes; with `images`, also those built for the test."""
        down = ["down", "--volumes", "--remove-orphans", "--timeout", "5"]
        self.compose(
            "--profile", "trainer", *down, *(["--rmi", "local"] if images else []), seconds=300
        )

    def execute(self, service: str, *command: str, seconds: float = COMMAND_SECONDS) -> str:
        """Return what a command in the service's container prints; raises StackError."""
        return docker("exec", self.container(service), *command, seconds=seconds)

    def manage(self, *arguments: str) -> str:
        """Return what `manage.py` prints in the site's container; raises StackError."""
        return self.execute("web", "python", "manage.py", *arguments)

    def container(self, service: str) -> str:
        """Return the id of the service's container, running or not."""
        found = docker(
            "ps", "--all", "--quiet", "--no-trunc",
            "--filter", f"label=com.docker.compose.project={self.project}",
            "--filter", f"label=com.docker.compose.service={service}",
            "--filter", "label=com.docker.compose.oneoff=False",
        ).split()  # fmt: skip
        if len(found) != 1:
            raise StackError(f"{len(found)} containers of service {service}; there must be one")
        return found[0]

    def containers(self) -> list[str]:
        return docker(
            "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}"
        ).split()

    def inspect(self, service: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(docker("inspect", self.container(service)))
        return found[0]

    def is_healthy(self, service: str) -> bool:
        state = self.inspect(service)["State"]
        return bool(state["Running"] and state.get("Health", {}).get("Status") == "healthy")

    def wait_healthy(self, *services: str, seconds: float) -> float:
        return wait_until(
            lambda: all(self.is_healthy(service) for service in services),
            message=f"{', '.join(services)} healthy",
            seconds=seconds,
            interval=0.25,
        )

    def kill_process(self, service: str) -> None:
        """Sends SIGKILL to the service's first process from outside its container.

        After `docker kill` the engine would not start the container again.
        """
        state = self.inspect(service)["State"]
        docker(
            "run", "--rm", "--pid=host", "--user=0", "--entrypoint=python",
            self.inspect("web")["Image"], "-c", f"import os; os.kill({state['Pid']}, 9)",
        )  # fmt: skip

    def starts(self, service: str) -> int:
        """Return the number of times that the engine has restarted the container."""
        return int(self.inspect(service)["RestartCount"])

    def logs(self, *services: str, lines: int = 40) -> str:
        return self.compose("logs", "--no-color", f"--tail={lines}", *services)
