"""The dashboard and the alerts of deploy/monitoring, and the metrics that they name."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from tests.harness.prometheus import MONITORING

METRIC = re.compile(r"(?<![\w:]):?(?:digits|cassandra|tensorflow)[\w:]*(?=[\[{)\s]|$)")


@dataclass(frozen=True)
class Panel:
    """A panel's title, its unit, and its expressions with the pattern of their legend."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]


def panels(*, rate_interval: str) -> Iterator[Panel]:
    """Yield the dashboard's panels, with Grafana's interval replaced."""
    document = json.loads((MONITORING / "grafana" / "dashboards" / "digits.json").read_text())
    for panel in document["panels"]:
        yield Panel(
            title=panel["title"],
            unit=panel["fieldConfig"]["defaults"].get("unit", ""),
            queries=tuple(
                (target["expr"].replace("$__rate_interval", rate_interval), target["legendFormat"])
                for target in panel["targets"]
            ),
        )


def alerts() -> dict[str, str]:
    """Return the expression of each alert, by its name."""
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def metrics_of(expression: str) -> set[str]:
    return set(METRIC.findall(expression))
