"""Every combination of compose files is valid, and restricts its containers."""

import os
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.harness import ROOT
from tests.harness.needs import need
from tests.stack.compose import compose_commands

BASE = "docker-compose.yml"
EMBEDDED = "docker-compose.embedded.yml"
POSTGRES = "docker-compose.postgres.yml"
REPLICAS = "docker-compose.replicas.yml"
TLS = "docker-compose.tls.yml"
COMBINATIONS = [
    (BASE,), (BASE, EMBEDDED), (BASE, POSTGRES), (BASE, TLS), (BASE, REPLICAS),
    (BASE, EMBEDDED, POSTGRES, TLS),
]  # fmt: skip
NETWORKS = {"web": ["behind-proxy", "digits"], "proxy": ["behind-proxy", "public"]}
EVERY_INTERFACE = "0.0.0.0"  # noqa: S104
OURS = ("models", "prepare", "web", "serving", "serving-2", "trainer", "proxy")


def ask_compose(
    files: tuple[str, ...], *, command: list[str], environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Runs `config` on the files, with all profiles and .env.example, which sets nothing."""
    named = [word for file in files for word in ("--file", file)]
    passed = {n: v for n, v in os.environ.items() if n in ("PATH", "HOME", "DOCKER_CONFIG")}
    return subprocess.run(
        [*command, "--env-file", ".env.example", *named, "--profile", "trainer", "config"],
        cwd=ROOT,
        env={**passed, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def config(files: tuple[str, ...], *, command: list[str], **environment: str) -> dict[str, Any]:
    """Return the merged files; a warning of compose fails the test."""
    needed = {"POSTGRES_PASSWORD": "for-this-test", "TLS_CERTIFICATE": "/c", "TLS_KEY": "/k"}
    environment = {**needed, **environment}
    finished = ask_compose(files, command=command, environment=environment)
    assert finished.returncode == 0, finished.stderr
    assert not finished.stderr, finished.stderr
    read: dict[str, Any] = yaml.safe_load(finished.stdout)
    return read


def published(port: str | dict[str, Any]) -> str:
    """Return a published port as `address:port:target`; v1 writes it so, v2 as a mapping."""
    if isinstance(port, str):
        return port.removesuffix("/tcp")
    return f"{port['host_ip']}:{port['published']}:{port['target']}"


@pytest.fixture(params=compose_commands() or [[]], ids=lambda found: " ".join(found) or "none")
def command(request: pytest.FixtureRequest) -> list[str]:
    found: list[str] = request.param
    need(bool(found), "docker-compose (apt-get install docker-compose)")
    return found


@pytest.mark.parametrize("files", COMBINATIONS, ids=" + ".join)
def test_every_combination_is_valid(files: tuple[str, ...], command: list[str]) -> None:
    services = config(files, command=command)["services"]
    added = {POSTGRES: "postgres", REPLICAS: "serving-2"}
    expected = {*OURS, "cassandra"} - {*added.values()} | {added[f] for f in files if f in added}
    assert set(services) == expected


@pytest.mark.parametrize("files", COMBINATIONS, ids=" + ".join)
def test_only_the_proxy_is_published(files: tuple[str, ...], command: list[str]) -> None:
    services = config(files, command=command, PORT="8123")["services"]
    ports = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert set(ports) == {"proxy"}
    expected = ["127.0.0.1:443:8443"] if TLS in files else []
    assert sorted(map(published, ports["proxy"])) == [*expected, "127.0.0.1:8123:8080"]


def test_the_site_is_published_to_other_machines_only_on_request(command: list[str]) -> None:
    services = config((BASE,), command=command, BIND=EVERY_INTERFACE)["services"]
    assert published(services["proxy"]["ports"][0]) == f"{EVERY_INTERFACE}:8000:8080"


def test_the_site_believes_the_proxy_s_network_and_others_by_name(command: list[str]) -> None:
    given = {"PROXY_NETWORK": "10.9.8.0/29", "FORWARDED_ALLOW_IPS": "192.0.2.1"}
    document = config((BASE,), command=command, **given)
    environment = document["services"]["web"]["environment"]
    assert environment["FORWARDED_ALLOW_IPS"] == "10.9.8.0/29,192.0.2.1"
    network = document["networks"]["behind-proxy"]
    assert network["internal"] is True
    assert network["ipam"]["config"] == [{"subnet": "10.9.8.0/29"}]


def test_tls_needs_a_certificate(command: list[str]) -> None:
    refused = ask_compose((BASE, TLS), command=command, environment={})
    assert refused.returncode != 0
    assert "name the file with the certificate" in refused.stderr


def test_with_tls_the_site_knows_it(command: list[str]) -> None:
    services = config((BASE, TLS), command=command)["services"]
    assert services["web"]["environment"]["HTTPS"] == "on"
    assert services["proxy"]["command"] == ["-c", "/etc/nginx/digits/container-tls.conf"]


@pytest.mark.parametrize("files", COMBINATIONS, ids=" + ".join)
def test_every_container_is_bounded_and_held_down(
    files: tuple[str, ...], command: list[str]
) -> None:
    for name, service in config(files, command=command)["services"].items():
        assert service.get("mem_limit"), f"{name} may take all memory"
        assert 0 < int(service["pids_limit"]) <= 2048, f"{name} may fork without end"
        assert service["cpu_shares"], f"{name} may take the CPU from the others"
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], f"{name}'s log may fill the disk"
        assert sorted(service["networks"]) == NETWORKS.get(name, ["digits"]), name
        assert not service.get("privileged"), name
        if name in OURS:
            assert service["read_only"] is True, f"{name} may write to its root file system"
        if name in ("web", "serving", "cassandra", "postgres", "proxy"):
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name


@pytest.mark.parametrize("files", COMBINATIONS, ids=" + ".join)
def test_the_site_cannot_write_the_model_servers_settings(
    files: tuple[str, ...], command: list[str]
) -> None:
    services = config(files, command=command)["services"]
    mounts = {
        name: {mount_of(volume) for volume in services[name]["volumes"]}
        for name in ("web", "serving", "models")
    }
    assert mounts["serving"] == {("/models", True), ("/settings", True)}  # read-only
    assert mounts["models"] == {("/models", False), ("/settings", False)}
    assert mounts["web"] == {("/data", False), ("/models", False)}
    flags = dict(flag.split("=", 1) for flag in services["serving"]["command"])
    for flag in ("--monitoring_config_file", "--batching_parameters_file"):
        assert flags[flag].startswith("/settings/")


def mount_of(volume: str | dict[str, Any]) -> tuple[str, bool]:
    """Return the path in the container, and whether it is read-only."""
    if isinstance(volume, str):
        _, target, mode = (*volume.split(":"), "rw")[:3]
        return target, mode == "ro"
    return volume["target"], volume.get("read_only", False)


def test_the_start_waits_for_health(command: list[str]) -> None:
    services = config((BASE,), command=command)["services"]
    web = {name: needed["condition"] for name, needed in services["web"]["depends_on"].items()}
    assert web == {
        "models": "service_completed_successfully",
        "prepare": "service_completed_successfully",
        "serving": "service_healthy",
        "cassandra": "service_healthy",
    }


def test_the_embedded_server_takes_the_image_s_place_and_nothing_else(command: list[str]) -> None:
    """Flags, volume and health check are the same."""
    real = config((BASE,), command=command)["services"]
    embedded = config((BASE, EMBEDDED), command=command)["services"]
    for services in (real, embedded):  # v1 writes these differently when files are merged
        for service in services.values():
            service["networks"] = list(service["networks"])
            service.get("volumes", []).sort(key=str)
    assert real["serving"].pop("image") == "tensorflow/serving:2.20.0"
    assert embedded["serving"].pop("image") == "drawn-digits-serving"
    assert embedded["serving"].pop("build")["target"] == "serving"
    assert embedded == real


def test_the_second_model_server_is_like_the_first(command: list[str]) -> None:
    services = config((BASE, REPLICAS), command=command)["services"]
    assert services["serving-2"] == services["serving"]
    for name in ("web", "trainer"):
        addresses = services[name]["environment"]["SERVING_URL"]
        assert addresses == "http://serving:8501,http://serving-2:8501"
    assert services["web"]["depends_on"]["serving-2"]["condition"] == "service_healthy"


def test_no_secret_and_no_password_stands_in_a_file() -> None:
    for file in (BASE, EMBEDDED, POSTGRES, TLS):
        services = yaml.safe_load((ROOT / file).read_text())["services"]
        for name, service in services.items():
            for variable, value in (service.get("environment") or {}).items():
                if "PASSWORD" in variable or "SECRET" in variable:
                    literal = value and not str(value).startswith(("${", "/"))
                    assert not literal, f"{file}: {name}: {variable}={value}"


def test_every_setting_of_the_site_can_be_given(command: list[str]) -> None:
    """A setting that compose does not pass on would have no effect."""
    known = set()
    for source in [*(ROOT / "webui").rglob("*.py"), ROOT / "deploy" / "gunicorn.conf.py"]:
        known |= set(
            re.findall(
                r'"(CASSANDRA_[A-Z_]+|WEB_[A-Z]+|[A-Z_]*RATE_LIMIT|HTTPS|FORWARDED_ALLOW_IPS|METRICS_[A-Z]+)"',
                source.read_text(),
            )
        )
    assert {"CASSANDRA_DC", "RATE_LIMIT", "WEB_THREADS"} <= known
    passed = config((BASE,), command=command)["services"]["web"]["environment"]
    assert known <= set(passed)


def test_every_image_can_be_pinned_by_its_digest(command: list[str]) -> None:
    digest = "@sha256:" + "0" * 64
    variables = ("PYTHON", "TENSORFLOW_SERVING", "CASSANDRA", "POSTGRES", "NGINX")
    pinned = {f"{name}_IMAGE": f"{name.lower()}:tag{digest}" for name in variables}
    services = config((BASE, POSTGRES), command=command, **pinned)["services"]
    for name, service in services.items():
        arguments = service.get("build", {}).get("args", {})
        bases = [image for argument, image in arguments.items() if argument.endswith("_IMAGE")]
        for image in bases or [service["image"]]:
            assert image.endswith(digest), f"{name}: {image}"


def test_postgres_is_not_started_without_a_password(command: list[str]) -> None:
    refused = ask_compose((BASE, POSTGRES), command=command, environment={})
    assert refused.returncode != 0
    assert "openssl rand -hex 24" in refused.stderr


def test_settings_reach_the_site(command: list[str]) -> None:
    """Variables of the shell and .env are passed on; for others the site has its defaults."""
    given = {"ALLOWED_HOSTS": "digits.example.org", "SECRET_KEY": "k", "CASSANDRA_HOSTS": "a,b"}
    environment = config((BASE,), command=command, **given)["services"]["web"]["environment"]
    assert given.items() <= environment.items()
    assert environment.get("RATE_LIMIT") is None
