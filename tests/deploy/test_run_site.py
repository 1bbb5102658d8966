"""`make run` in a fresh checkout, with the real site and the real model server."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deploy.lan import network_address, qr_lines
from deploy.run_site import KEPT_LOGS, keep_earlier_logs
from tests.harness import ROOT
from tests.harness.ports import free_port
from tests.harness.visitors import Visitors, outcomes
from tests.harness.waiting import wait_until

PATIENCE_SECONDS = 120  # TensorFlow's import on two busy cores


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked and the new files, without anything that a run leaves behind."""
    place = tmp_path_factory.mktemp("checkout")
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name in names.decode().split("\0"):
        source = ROOT / name
        if name and source.is_file() and not name.startswith("tests/"):
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return place


def clean_environment() -> dict[str, str]:
    """Return this environment without the settings of tests/harness/environment.py."""
    ours = {"SECRET_KEY", "ENV_FILES", "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in ours}


def start(checkout: Path, port: int, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "deploy/run_site.py"],
        cwd=checkout,
        # The checkout's packages, not those of the editable install.
        env=clean_environment() | {"PORT": str(port), "PYTHONPATH": str(checkout)} | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return the output up to the line with these words."""
    printed = ""
    assert process.stdout
    for line in process.stdout:
        printed += line
        if words in line:
            return printed
    pytest.fail(f"ended without printing {words!r}; it printed:\n{printed}")


def processes_of_site(port: int) -> list[int]:
    """Return the processes that have SITE_UNDER_TEST of this port in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if f"SITE_UNDER_TEST={port}".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def site(checkout: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    process = start(checkout, port, SITE_UNDER_TEST=str(port))
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PATIENCE_SECONDS)
        if process.stdout:
            process.stdout.close()


@pytest.mark.timeout(300)
def test_from_nothing_to_a_prediction_and_away_again(
    site: subprocess.Popen[str], checkout: Path, port: int
) -> None:
    read_until(site, "Ctrl-C stops everything")
    url = f"http://localhost:{port}"
    page = requests.get(f"{url}/", timeout=20)
    assert page.status_code == 200
    assert "predict it" in page.text
    assert requests.get(f"{url}/readyz", timeout=20).status_code == 200
    picture = (ROOT / "tests/data/seven.png").read_bytes()
    answer = requests.post(
        f"{url}/api/v1/predictions", files={"image": ("seven.png", picture)}, timeout=60
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["digit"] == 7
    private = ["var", "var/secret_key", "var/site.sqlite3", "var/site.sqlite3-wal"]
    for name in private:
        assert (checkout / name).stat().st_mode & 0o077 == 0, f"{name} is its owner's alone"

    # manage.py beside the running site finds the same models and model server.
    listed = subprocess.run(
        [sys.executable, "manage.py", "models", "list"],
        cwd=checkout, capture_output=True, text=True, timeout=60,
        env=clean_environment(),
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr
    assert "AVAILABLE" in listed.stdout

    os.killpg(site.pid, signal.SIGINT)
    assert site.wait(timeout=PATIENCE_SECONDS) == 0
    assert processes_of_site(port) == [], "Ctrl-C leaves nothing running"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_the_model_server_comes_back_by_itself(
    site: subprocess.Popen[str], port: int, fault: signal.Signals
) -> None:
    read_until(site, "Ctrl-C stops everything")
    servers = [
        process
        for process in processes_of_site(port)
        if b"serving.server" in Path(f"/proc/{process}/cmdline").read_bytes()
    ]
    for server in servers:
        os.kill(server, fault)
    read_until(site, "starting it again")  # a frozen one is noticed after 20 s
    wait_until(
        lambda: requests.get(f"http://localhost:{port}/readyz", timeout=20).status_code == 200,
        seconds=PATIENCE_SECONDS,
        message="the site is ready again",
        interval=0.5,
    )
    os.killpg(site.pid, signal.SIGTERM)
    assert site.wait(timeout=PATIENCE_SECONDS) == 0


@pytest.mark.timeout(400)
def test_a_restart_refuses_connections_until_a_prediction_can_be_made(
    checkout: Path, port: int
) -> None:
    settings = {"RATE_LIMIT": "off", "SITE_UNDER_TEST": str(port)}
    with Visitors(f"http://localhost:{port}", count=4) as visitors:
        for _ in range(2):  # the first start, and a restart
            process = start(checkout, port, **settings)
            try:
                visitors.wait_for(4)
                read_until(process, "Ctrl-C stops everything")
            finally:
                os.killpg(process.pid, signal.SIGINT)
                process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 0
    visits = visitors.visits()
    assert {visit.status for visit in visits} == {0, 201}, outcomes(visits)
    assert {visit.error for visit in visits if not visit.predicted} <= {
        "no connection", "connection broken"
    }, outcomes(visits)  # fmt: skip


@pytest.mark.timeout(300)
def test_without_the_model_server_of_somebody_else_the_site_starts_and_says_so(
    checkout: Path, port: int
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    process = start(checkout, port, SERVING_URL=nobody, SITE_UNDER_TEST=str(port))
    try:
        printed = read_until(process, "Ctrl-C stops everything")
        assert f"no model server answers at {nobody}" in printed
        assert requests.get(f"http://localhost:{port}/healthz", timeout=20).status_code == 200
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


@pytest.mark.timeout(300)
def test_a_class_reaches_the_site_by_its_one_address(checkout: Path, port: int) -> None:
    process = start(checkout, port, LAN="on", SITE_UNDER_TEST=str(port))
    try:
        printed = read_until(process, "Ctrl-C stops everything")
        host = network_address()
        url = f"http://{host}:{port}"
        assert "\n".join(qr_lines(f"{url}/", colours=False)) in printed
        assert f"{url}/wall" in printed
        assert "plain http" in printed
        (code,) = re.findall(r"class code: (\S+)\)", printed)

        assert requests.get(f"{url}/", timeout=20).status_code == 200
        # Another name for the same address, as DNS rebinding makes one.
        assert requests.get(f"{url}/", headers={"Host": "x.example"}, timeout=20).status_code == 400
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{port}/", timeout=20)

        picture = (ROOT / "tests/data/seven.png").read_bytes()
        statuses = {
            origin: requests.post(
                f"{url}/api/v1/predictions", files={"image": picture},
                headers={"Origin": origin}, timeout=60,
            ).status_code
            for origin in (url, f"http://localhost:{port}", "http://x.example")
        }  # fmt: skip
        assert list(statuses.values()) == [201, 403, 403]

        with requests.Session() as browser:
            browser.get(f"{url}/wall", timeout=20)
            form = {"code": code, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
            shown = browser.post(f"{url}/wall", data=form, timeout=20)
        assert "It is: 7" in shown.text
        assert f"QR code of {url}" in shown.text
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"HTTPS": "on"}, "LAN=on serves plain http"),
        (
            {"HOST": "127.0.0.1"},
            "HOST is '127.0.0.1', which is no address by which others reach this machine",
        ),
        ({"WALL_CODE": "4b"}, "WALL_CODE is 2 characters long"),
        ({"LAN": "yes please"}, "LAN is 'yes please'; it must be 'on' or 'off'"),
    ],
)
def test_settings_that_contradict_an_open_site_are_named(
    checkout: Path, port: int, settings: dict[str, str], problem: str
) -> None:
    process = start(checkout, port, **{"LAN": "on", **settings})
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert problem in output


def test_the_logs_of_the_last_starts_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "site.log"
    for start_number in range(1, KEPT_LOGS + 4):
        keep_earlier_logs(log)
        assert not log.exists()
        log.write_text(f"start {start_number}")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    last = KEPT_LOGS + 3
    assert kept.pop("site.log") == f"start {last}"
    assert kept == {f"site.log.{n}": f"start {last - n}" for n in range(1, KEPT_LOGS + 1)}


def test_a_busy_port_is_named(checkout: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        process = start(checkout, busy)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"port {busy} is in use" in output
    assert f"PORT={busy + 1}" in output


@pytest.mark.parametrize("port", ["eight", "0", "70000"])
def test_a_port_that_is_none_is_refused(checkout: Path, port: str) -> None:
    process = start(checkout, 1, PORT=port)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"PORT is '{port}'" in output
