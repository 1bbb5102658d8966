"""nginx with a configuration of deploy/nginx, at other paths and ports."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import ROOT
from tests.harness.needs import need
from tests.harness.ports import is_listening
from tests.harness.waiting import wait_until

CONFIGURATIONS = ROOT / "deploy" / "nginx"

# Takes a configuration's name, what to replace in all of them, and the port that it listens on.
StartNginx = Callable[..., None]


@contextmanager
def nginx_in(directory: Path) -> Iterator[StartNginx]:
    """Yields a function that starts nginx, with its files in a folder, and stops it at the end."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    need(nginx is not None, "nginx (apt-get install nginx-light)")
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, replaced: dict[str, str], *, port: int) -> None:
        # /tmp first: the paths of the others may begin with it.
        replaced = {"/tmp/": f"{directory}/", "/etc/nginx/digits": str(directory), **replaced}
        for file in CONFIGURATIONS.iterdir():
            text = file.read_text()
            for old, new in replaced.items():
                text = text.replace(old, new)
            (directory / file.name).write_text(text)
        command = [str(nginx), "-e", "stderr", "-g", "daemon off;", "-c", str(directory / name)]
        with (directory / "output").open("wb") as output:
            started.append(subprocess.Popen(command, stdout=output, stderr=output))
        wait_until(
            lambda: is_listening(port),
            seconds=30,
            message="nginx listens",
            details=(directory / "output").read_text,
        )

    try:
        yield start
    finally:
        for process in started:
            process.terminate()
            process.wait(timeout=30)


def start_on_a_host(
    start: StartNginx, directory: Path, name: str, *, port: int, **replaced: str
) -> None:
    """Start a configuration that a host's nginx.conf would include in its http context."""
    (directory / "main.conf").write_text(
        f"pid {directory}/nginx.pid; events {{}} http {{ access_log off; "
        f"include {directory}/container-http.conf; include {directory}/host-only.conf; }}"
    )
    text = (CONFIGURATIONS / name).read_text()
    limits = "include /etc/nginx/digits/limits.conf;"  # container-http.conf includes it, too
    assert limits in text
    text = text.replace(limits, "").replace("/etc/nginx/digits", str(directory))
    for old, new in {"listen 80;": f"listen 127.0.0.1:{port};", **replaced}.items():
        assert old in text, old
        text = text.replace(old, new)
    (directory / "host-only.conf").write_text(text)
    start("main.conf", {}, port=port)
