"""Draws the dashboard's panels from a real Prometheus that watches a site under traffic.

    python benchmarks/dashboard_picture.py --seconds 240 --output docs/dashboard.png

Site, embedded model server and a Cassandra node under the JMX exporter run on this machine;
recorded strokes, blanks and broken pictures are sent, and the canary gets a share after a while.
Grafana is not needed: each panel's queries are evaluated over the time of the traffic.
"""

import argparse
import math
import random
import re
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw

from deploy.cassandra.node import Node, running
from tests.harness.bundled_site import bundled_site
from tests.harness.dashboard import Panel, panels
from tests.harness.drawings import blank_picture, encoded, recorded_strokes
from tests.harness.ports import free_port
from tests.harness.prometheus import MONITORING, Prometheus, Series, prometheus
from tests.harness.site import SiteProcess
from tests.harness.visitors import predict

TOKEN = "only-for-this-picture-1"  # noqa: S105 - of a site that ends with this program
RATE_INTERVAL = "30s"
COLUMNS = 3
CLIENTS = 3


def pictures() -> list[bytes]:
    """Return the recorded digits three times, a blank and a file that is no picture."""
    drawn = []
    for strokes in recorded_strokes().values():
        image = Image.new("L", (300, 300), 255)
        for stroke in strokes:
            points = [(int(point[0]), int(point[1])) for point in stroke]
            ImageDraw.Draw(image).line(points, fill=0, width=14, joint="curve")
        drawn.append(encoded(image, "PNG"))
    return [blank_picture(), b"no picture", *drawn * 3]


def send(url: str, until: float, seed: int) -> None:
    """Ask for predictions, in waves, until the time is over."""
    choose = random.Random(seed)
    choices = pictures()
    while time.monotonic() < until:
        predict(url, choose.choice(choices))
        time.sleep(0.15 + 0.15 * math.sin(time.monotonic() / 20))


def traffic(site: SiteProcess, seconds: float) -> None:
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=send, args=(site.url, until, seed)) for seed in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 3)
    site.succeed("models", "canary", "1", "--share", "30")
    for thread in threads:
        thread.join()


def draw(watched: Prometheus, *, seconds: float, output: Path) -> None:
    shown = list(panels(rate_interval=RATE_INTERVAL))
    figure, places = plt.subplots(
        -(-len(shown) // COLUMNS), COLUMNS, figsize=(16, 20), layout="constrained"
    )
    for place, panel in zip(places.flat, shown, strict=False):
        draw_panel(place, panel, watched, seconds)
    for place in places.flat[len(shown) :]:
        place.set_axis_off()
    figure.savefig(output, dpi=70)


def draw_panel(place: Axes, panel: Panel, watched: Prometheus, seconds: float) -> None:
    for query, legend in panel.queries:
        for series in watched.query_range(query, seconds=seconds, step=max(1, seconds / 200)):
            times = np.array([int(at) for at, _ in series["values"]], "datetime64[s]")  # UTC
            values = [float(value) for _, value in series["values"]]
            place.plot(times, values, label=name_of(series, legend))
    place.set_title(f"{panel.title} ({panel.unit})" if panel.unit else panel.title, fontsize=10)
    place.set_ylim(bottom=0)
    place.tick_params(labelsize=7)
    place.tick_params(axis="x", rotation=30)
    place.grid(alpha=0.3)
    if place.lines:
        place.legend(fontsize=7).set_in_layout(False)
    else:
        place.text(0.5, 0.5, "no data", ha="center", transform=place.transAxes)


def name_of(series: Series, legend: str) -> str:
    """Return a legend as Grafana makes it, without the addresses of this machine."""
    labels = {key: re.sub(r"127\.0\.0\.1:\d+", "", text) for key, text in series["metric"].items()}
    return re.sub(r"{{(\w+)}}", lambda key: labels.get(key[1], ""), legend).strip() or "all"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--output", type=Path, default=Path("var/dashboard.png"))
    parser.add_argument("--agent", type=Path, required=True, help="jmx_prometheus_javaagent's jar")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        exporter = free_port()
        flags = [f"-javaagent:{options.agent}={exporter}:{MONITORING / 'cassandra-exporter.yml'}"]
        node = Node(
            directory=directory / "node", port=free_port(), storage_port=free_port(), flags=flags
        )
        stack.enter_context(running([node]))
        settings = {"CASSANDRA_HOSTS": node.address, "CASSANDRA_PORT": str(node.port)}
        site = stack.enter_context(bundled_site(directory, METRICS_TOKEN=TOKEN, **settings))
        site.succeed("sync_records")
        targets = {
            "site": site.url,
            "model-server": site.environment["SERVING_URL"],
            "cassandra": f"http://127.0.0.1:{exporter}",
        }
        watched = stack.enter_context(
            prometheus(directory, targets=targets, token=TOKEN, interval="5s")
        )
        traffic(site, options.seconds)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        draw(watched, seconds=options.seconds, output=options.output)
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
