"""Every variable is documented, and a wrong value stops the site with the variable's name."""

import ast
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.harness import ROOT
from webui.environment import Environment

STRONG = "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLM"
METHODS = {name for name in vars(Environment) if not name.startswith("_")}
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+")
# deploy/gunicorn.conf.py sets it and prometheus-client reads it.
INTERNAL = {"PROMETHEUS_MULTIPROC_DIR"}
GUNICORN = {"HOST", "PORT", "WEB_CONCURRENCY", "WEB_THREADS"}
# Any text is a right value.
FREE_TEXT = {
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "CASSANDRA_DC",
    "CASSANDRA_USER",
    "CASSANDRA_PASSWORD",
}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILES": "off", "SECRET_KEY": STRONG, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def variables_read(source: str) -> Iterator[str]:
    """The variables that a module reads by a method of Environment or by os.environ.get."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=owner, attr=method), args=[ast.Constant(str(name)), *_]
            ) if VARIABLE.fullmatch(name):
                if method in METHODS or (method, ast.unparse(owner)) == ("get", "os.environ"):
                    yield name
                if method in {"secret", "secrets", "database", "valkey_url"}:
                    yield f"{name}_FILE"


def documented() -> tuple[set[str], set[str]]:
    """The variables of the site, and those of the programs beside it."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    site, others = text.split("## Programs beside the site")
    row = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)
    return {*row.findall(site), *re.findall(r"`([A-Z_]+_FILE)`", site)}, {*row.findall(others)}


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    modules = [
        path for part in ("webui", "serving", "deploy") for path in (ROOT / part).rglob("*.py")
    ]
    read = {name for path in modules for name in variables_read(path.read_text())}
    assert read - INTERNAL == set.union(*documented())


WRONG = {
    "DEBUG": "2",
    "ALLOWED_HOSTS": "*",
    "HTTPS": "ture",
    "DATABASE_URL": "mysql://user@host/name",
    "SERVING_URL": "serving:8501",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
    "MODEL_NAME": "digits/1",
    "MODELS_DIR": __file__,
    "CASSANDRA_HOSTS": "10.0.0.1:9042",
    "CASSANDRA_PORT": "0",
    "CASSANDRA_KEYSPACE": "Mnist",
    "CASSANDRA_RF": "none",
    "CASSANDRA_TLS_CA": "/no/such/file.pem",
    "CASSANDRA_TLS_CERT": "/no/such/file.pem",
    "CASSANDRA_TLS_KEY": "/no/such/file.pem",
    "CASSANDRA_TLS_VERIFY_HOST": "maybe",
    "CASSANDRA_BUCKET": "week",
    "CASSANDRA_SHARDS": "0",
    "RECORDS_TTL_DAYS": "30d",
    "PICTURES_TTL_DAYS": "7.5",
    "CASSANDRA_RECORDS_TTL_DAYS": "forever",
    "CASSANDRA_PICTURES_TTL_DAYS": "-1",
    "CASSANDRA_TIMEOUT_MS": "2s",
    "RATE_LIMIT": "fast",
    "READING_RATE_LIMIT": "fast",
    "LIMITS_URL": "valkey:6379",
    "CANARY_ROLLBACK": "maybe",
    "COLLECT_WITHOUT_CODE": "maybe",
    "HOST": "http://localhost",
    "PORT": "eighty",
    "WEB_CONCURRENCY": "0",
    "WEB_THREADS": "many",
    "FORWARDED_ALLOW_IPS": "proxy",
    "RUNTIME_DIR": __file__,
    "STATIC_ROOT": __file__,
    "ENV_FILES": "no files",
    "METRICS_TOKEN": "guessed",
    "WALL_CODE": "class4b",
    "WALL_CODE_FILE": "/no/such/file",
    "PRIVACY_CONTACT": "Ada\nExample",
    "METRICS_TOKEN_FILE": "/no/such/file",
    "LIMITS_URL_FILE": "/no/such/file",
    "SECRET_KEY_FILE": "/no/such/file",
    "SECRET_KEY_FALLBACKS_FILE": "/no/such/file",
    "DATABASE_URL_FILE": "/no/such/file",
    "CASSANDRA_PASSWORD_FILE": "/no/such/file",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items())
def test_a_wrong_value_stops_the_site_and_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CASSANDRA_HOSTS", "127.0.0.1")
    if name.endswith("_FILE"):
        monkeypatch.delenv(name.removesuffix("_FILE"), raising=False)
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is ") as refused:
        # The error comes before the module changes anything in this process.
        runpy.run_path(
            str(ROOT / ("deploy/gunicorn.conf.py" if name in GUNICORN else "webui/settings.py"))
        )
    assert "; it must be " in str(refused.value) or "_FILE" in name


def test_every_variable_of_the_site_has_a_wrong_value_here() -> None:
    assert documented()[0] - WRONG.keys() - FREE_TEXT == set()


def test_a_missing_secret_key_stops_the_site() -> None:
    finished = run("-c", "import webui.settings", SECRET_KEY="")
    assert finished.returncode != 0
    assert "ImproperlyConfigured: SECRET_KEY is not set" in finished.stderr


@pytest.mark.parametrize("weak", [{"SECRET_KEY": "x"}, {"SECRET_KEY_FALLBACKS": f"{STRONG},x"}])
def test_a_weak_key_serves_no_site(weak: dict[str, str]) -> None:
    given = {"DJANGO_SETTINGS_MODULE": "webui.settings", **weak}
    finished = run("-c", "import webui.wsgi", **given)
    assert finished.returncode != 0
    assert f"ImproperlyConfigured: {next(iter(weak))}" in finished.stderr
    assert "has 1 characters, 1 different ones; it must have at least 50" in finished.stderr
    assert "secrets.token_urlsafe" in finished.stderr


def test_gunicorn_refuses_debug() -> None:
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


def test_djangos_deployment_check_finds_no_issues() -> None:
    finished = run(
        "manage.py", "check", "--deploy", "--fail-level", "INFO",
        HTTPS="on", ALLOWED_HOSTS="digits.example.org",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert "no issues" in finished.stdout
