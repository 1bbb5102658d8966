"""Prometheus and Grafana beside the stack: valid, held down, and asking for what there is."""

import re
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.test_compose import BASE, EMBEDDED, POSTGRES, command, config, published
from tests.harness import ROOT
from tests.harness.dashboard import alerts, metrics_of, panels
from tests.harness.drawings import SEVEN
from tests.harness.fixtures import METRICS_TOKEN
from tests.harness.needs import need
from tests.harness.prometheus import MISSING, MONITORING, Prometheus, prometheus
from tests.harness.site import SiteProcess
from tests.harness.visitors import predict
from tests.harness.waiting import wait_until

__all__ = ["command"]  # the fixture

WATCHED = "docker-compose.monitoring.yml"
COUNTED = (  # of each server, once it has had traffic
    "digits_predictions_total > 0",
    "digits_api_errors_total > 0",
    ":tensorflow:serving:request_count > 0",
)
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.parametrize("more", [(), (EMBEDDED,), (POSTGRES,)], ids=" + ".join)
def test_watchers_are_added_and_held_down(more: tuple[str, ...], command: list[str]) -> None:
    services = config((BASE, *more, WATCHED), command=command, JMX_EXPORTER="/agent.jar")[
        "services"
    ]
    for name, networks in {
        "prometheus": ["digits", "monitoring"],
        "grafana": ["monitoring"],
    }.items():
        service = services[name]
        assert service["mem_limit"]
        assert int(service["pids_limit"]) <= 256
        assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert sorted(service["networks"]) == networks
        assert service["logging"]["options"]["max-size"]
        assert all(published(port).startswith("127.0.0.1:") for port in service["ports"])


def test_without_the_file_nothing_of_it_is_there(command: list[str]) -> None:
    services = config((BASE,), command=command)["services"]
    assert not {"prometheus", "grafana"} & set(services)
    assert "JVM_EXTRA_OPTS" not in services["cassandra"]["environment"]


def test_the_targets_are_services_of_the_stack(command: list[str]) -> None:
    services = config((BASE, WATCHED), command=command, JMX_EXPORTER="/agent.jar")["services"]
    document = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    targets = {job["static_configs"][0]["targets"][0] for job in document["scrape_configs"]}
    assert targets == {"web:8000", "serving:8501", "cassandra:7070"}
    assert {target.split(":")[0] for target in targets} < set(services)
    assert "=7070:" in services["cassandra"]["environment"]["JVM_EXTRA_OPTS"]
    assert services["web"]["environment"]["METRICS_TOKEN_FILE"] == "/run/secrets/metrics_token"


def test_the_alerts_fire_when_they_should() -> None:
    need(not MISSING, MISSING)
    finished = subprocess.run(
        ["promtool", "test", "rules", "tests/deploy/alerts.test.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_alert_is_tested_and_has_a_runbook() -> None:
    tested = re.findall(r"alertname: (\w+)", (ROOT / "tests/deploy/alerts.test.yml").read_text())
    runbooks = re.findall(r"^\*\*(\w+)\*\*", OPERATIONS, re.MULTILINE)
    assert set(tested) == set(alerts()) == set(runbooks)


def test_the_exporter_gives_every_metric_of_cassandra_that_is_asked_for() -> None:
    rules = yaml.safe_load((MONITORING / "cassandra-exporter.yml").read_text())["rules"]
    asked = {name for name in asked_for() if name.startswith("cassandra_")}
    assert asked
    assert asked <= {rule["name"] for rule in rules}


def asked_for() -> set[str]:
    """Return every metric that an alert or a panel names."""
    expressions = [query for panel in panels(rate_interval="5m") for query, _ in panel.queries]
    return {name for query in [*expressions, *alerts().values()] for name in metrics_of(query)}


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, live_site: SiteProcess
) -> Iterator[Prometheus]:
    """A Prometheus that watches a site with traffic, and its model server."""
    need(not MISSING, MISSING)
    targets = {"site": live_site.url, "model-server": live_site.environment["SERVING_URL"]}
    directory = tmp_path_factory.mktemp("prometheus")
    with prometheus(directory, targets=targets, token=METRICS_TOKEN) as started:

        def watches_traffic() -> bool:
            send_traffic(live_site)
            return all(map(started.has_data, COUNTED))

        wait_until(watches_traffic, seconds=200, message="predictions and errors are counted")
        yield started


def send_traffic(site: SiteProcess) -> None:
    """Send one prediction and one request without a picture."""
    for picture in (SEVEN, b"no picture"):
        predict(site.url, picture)


def test_site_and_model_server_answer_prometheus(watched: Prometheus) -> None:
    up = {series["metric"]["job"]: series["value"][1] for series in watched.query("up")}
    assert up == {"site": "1", "model-server": "1"}


def test_every_metric_that_is_asked_for_exists(watched: Prometheus) -> None:
    exposed = set(watched.ask("label/__name__/values"))
    # Counted from the first refusal or comparison on.
    later = {"digits_http_refusals_total", "digits_input_drift"}
    asked = {name for name in asked_for() if not name.startswith("cassandra_")}
    assert len(asked) >= 8
    assert asked - exposed <= later
    assert {"digits_http_refusals", "digits_input_drift"} <= declared()


def declared() -> set[str]:
    """Return the names of metrics that the site's code declares."""
    sources = (ROOT / "webui").rglob("*.py")
    return {name for file in sources for name in re.findall(r'"(digits_\w+)"', file.read_text())}


def test_every_panel_of_the_site_shows_data(watched: Prometheus, live_site: SiteProcess) -> None:
    later = ("Drift of the input", "Cassandra")
    waiting_for = {
        query
        for panel in panels(rate_interval="1m")
        for query, _ in panel.queries
        if not panel.title.startswith(later) and "digits_http_refusals" not in query
    }

    def show_data() -> bool:
        # A rate needs two scrapes with traffic between them, of each of the two servers.
        send_traffic(live_site)
        waiting_for.difference_update({query for query in waiting_for if watched.has_data(query)})
        return not waiting_for

    wait_until(
        show_data,
        seconds=120,
        message="every panel shows data",
        details=lambda: "no data yet: " + "\n".join(sorted(waiting_for)),
    )


def test_the_rules_are_evaluated_and_none_fires(watched: Prometheus) -> None:
    (group,) = watched.ask("rules")["groups"]
    assert {rule["name"] for rule in group["rules"]} == set(alerts())
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}
    assert not [rule["name"] for rule in group["rules"] if rule["state"] == "firing"]
