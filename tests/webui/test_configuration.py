"""Configuration is documented, typed, and refused by name; production refuses to be unsafe."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READERS = ("webui/settings.py", "deploy/gunicorn.conf.py", "webui/records_cassandra")
STRONG = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM"
READ = re.compile(r"""(?:env\.\w+\(|read_\w+\(\s*os\.environ,|environ\.get\()\s*"([A-Z_]+)\"""")
OTHERS = {"PROMETHEUS_MULTIPROC_DIR"}  # made by gunicorn.conf.py for prometheus-client


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILES": "off", "SECRET_KEY": STRONG, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    sources = ""
    for name in READERS:
        path = ROOT / name
        files = path.glob("*.py") if path.is_dir() else [path]
        sources += "".join(file.read_text() for file in files)
    read = set(READ.findall(sources)) | set(re.findall(r'"(CASSANDRA_[A-Z_]+)"', sources))
    read -= OTHERS
    text = (ROOT / "docs" / "configuration.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))
    assert read - documented == set()
    assert {name for name in documented if f'"{name}"' not in sources} == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS", "ture"),
        ("DEBUG", "2"),
        ("RATE_LIMIT", "fast"),
        ("SERVING_URL", "serving:8501"),
        ("SECRET_KEY", ""),
        ("ALLOWED_HOSTS", "*"),
    ],
)
def test_a_wrong_value_stops_the_site_and_is_named(name: str, value: str) -> None:
    finished = run("-c", "import webui.settings", **{name: value})
    assert finished.returncode != 0
    last = finished.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert name in last


def test_production_refuses_debug() -> None:
    finished = run("-c", "import webui.wsgi", DEBUG="on", DJANGO_SETTINGS_MODULE="webui.settings")
    assert finished.returncode != 0
    assert "DEBUG is on" in finished.stderr


def test_a_wrong_port_is_named() -> None:
    finished = run(
        "-m", "gunicorn", "--check-config", "-c", "deploy/gunicorn.conf.py", "webui.wsgi",
        PORT="eighty", DJANGO_SETTINGS_MODULE="webui.settings",
    )  # fmt: skip
    assert finished.returncode != 0
    assert "PORT is 'eighty'" in finished.stderr + finished.stdout


def test_djangos_own_check_for_production_has_nothing_to_say() -> None:
    finished = run(
        "manage.py", "check", "--deploy", "--fail-level", "INFO",
        HTTPS="on", ALLOWED_HOSTS="digits.example.org",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert "no issues" in finished.stdout
