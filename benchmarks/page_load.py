"""Speed of the pages on a slow phone: first paint, layout shift, blocking, bytes.

    SECRET_KEY=... python benchmarks/page_load.py [loads]

Chromium as a phone of 360x740 with a quarter of this machine's CPU, on Lighthouse's slow 4G: 150
ms a round trip, 1.6 Mbit/s down, 0.75 Mbit/s up. Each load has an empty cache. The least of the
times is printed, which other work on the machine disturbs least, and the most of the rest.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.harness.site import SiteProcess

PATHS = ("/", "/privacy", "/api/v1/docs")
LOADS = 5
CPU_SLOWDOWN = 4
NETWORK = {
    "offline": False,
    "latency": 150,  # ms
    "downloadThroughput": 1.6e6 / 8,  # bytes a second
    "uploadThroughput": 0.75e6 / 8,
}
SETTLED_MS = 1000
KIND = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}
OBSERVE = """
window.seen = {shift: 0, blocked: 0, largest: 0};
const observe = (type, keep) =>
  new PerformanceObserver((list) => list.getEntries().forEach(keep))
    .observe({type, buffered: true});
observe("layout-shift", (entry) => { seen.shift += entry.value; });
observe("longtask", (entry) => { seen.blocked += entry.duration - 50; });
observe("largest-contentful-paint", (entry) => { seen.largest = entry.startTime; });
"""
READ = """() => ({
  ...seen,
  first: performance.getEntriesByName("first-contentful-paint")[0].startTime,
  ready: performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
  sizes: performance.getEntries()
    .filter(({entryType}) => ["navigation", "resource"].includes(entryType))
    .map(({transferSize}) => transferSize),
})"""


def load(browser: Browser, address: str) -> dict[str, float]:
    """Return the figures of one load: milliseconds, bytes, requests, and the layout shift."""
    context = browser.new_context(**KIND)  # type: ignore[arg-type]
    page = context.new_page()
    page.add_init_script(OBSERVE)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", NETWORK)
    session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    page.goto(address, wait_until="networkidle")
    page.wait_for_timeout(SETTLED_MS)
    figures: dict[str, Any] = page.evaluate(READ)
    context.close()
    sizes = figures.pop("sizes")
    return {**figures, "bytes": sum(sizes), "requests": len(sizes)}


def measure(site: str, loads: int) -> None:
    """Print the figures, a line for each page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for path in PATHS:
            runs = [load(browser, site + path) for _ in range(loads)]
            least = {name: min(run[name] for run in runs) for name in runs[0]}
            most = {name: max(run[name] for run in runs) for name in runs[0]}
            print(
                f"{path:14} first paint {least['first'] / 1000:.2f} s,"
                f" largest {least['largest'] / 1000:.2f} s, ready {least['ready'] / 1000:.2f} s,"
                f" blocked {least['blocked']:.0f} ms, layout shift {most['shift']:g},"
                f" {most['bytes']:,.0f} bytes in {most['requests']:.0f} requests",
                flush=True,
            )
        browser.close()


def main() -> None:
    loads = int(sys.argv[1]) if len(sys.argv) > 1 else LOADS
    with tempfile.TemporaryDirectory() as folder:
        site = SiteProcess(Path(folder), SERVING_URL="http://127.0.0.1:9")
        site.succeed("migrate", "--verbosity=0")
        site.succeed("collectstatic", "--verbosity=0", "--no-input")
        site.start(probe="/healthz")
        try:
            measure(site.url, loads)
        finally:
            site.stop()


if __name__ == "__main__":
    main()
