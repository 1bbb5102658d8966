"""Memory of a whole site under 24 clients who send the costliest pictures: docs/limits.md.

    SECRET_KEY=... python benchmarks/hostile_clients.py [seconds]

The site has four workers, as in its container. Half of the clients send the pictures as they are,
half in bodies of 7 MB; one more visitor draws all the time.
"""

import base64
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.process_tree import memory, processes
from tests.attacks.hostile_pictures import hostile, png_chunk
from tests.harness.drawings import SEVEN
from tests.harness.fake_model_server import SURE_SEVEN, fake_model_server
from tests.harness.site import SiteProcess

CLIENTS = 24
WORKERS = 4
PICTURES = (
    "PNG, RGBA of 16 bits, Paeth, 25 MP", "PNG, RGBA, ink on transparency, 25 MP",
    "WebP, lossless, 6 MP", "JPEG, CMYK, 65,000 x 380",
)  # fmt: skip
SAMPLE_SECONDS = 0.02


def attack(url: str, number: int, deadline: float, statuses: "Counter[int]") -> None:
    picture = hostile(PICTURES[number % len(PICTURES)])
    files: dict[str, bytes] | None = {"image": picture}
    body: dict[str, str] | None = None
    if number % 8 < 4 and picture.startswith(b"\x89PNG"):
        padded = picture[:33] + png_chunk(b"tEXt", b"x" * (5_200_000 - len(picture))) + picture[33:]
        files, body = None, {"image": "data:image/png;base64," + base64.b64encode(padded).decode()}
    while time.monotonic() < deadline:
        try:
            answer = requests.post(url, files=files, json=body, timeout=60)
            statuses[answer.status_code] += 1
        except requests.RequestException:
            statuses[0] += 1


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as directory, fake_model_server() as model:
        model.labels, model.loaded, model.predictions = {"stable": 4}, {4}, [SURE_SEVEN]
        site = SiteProcess(
            Path(directory), SERVING_URL=model.url, MODELS_DIR=directory,
            WEB_CONCURRENCY=str(WORKERS),
        )  # fmt: skip
        site.succeed("migrate", "--verbosity=0")
        site.succeed("collectstatic", "--verbosity=0", "--no-input")
        site.start()
        assert site.process is not None
        url = f"{site.url}/api/v1/predictions"
        for _ in range(40):
            requests.post(url, files={"image": SEVEN}, timeout=60)
        all_processes = processes(site.process.pid)
        rest = [memory(pid) for pid in all_processes]
        statuses: Counter[int] = Counter()
        deadline = time.monotonic() + seconds
        attackers = [
            threading.Thread(target=attack, args=(url, number, deadline, statuses))
            for number in range(CLIENTS)
        ]
        most_of_all, most = 0, [0] * len(all_processes)
        took: list[float] = []
        drawings: Counter[int] = Counter()

        def draw() -> None:
            while time.monotonic() < deadline:
                started = time.monotonic()
                answer = requests.post(url, files={"image": SEVEN}, timeout=60)
                drawings[answer.status_code] += 1
                took.append(time.monotonic() - started)
                time.sleep(0.1)

        for thread in (*attackers, threading.Thread(target=draw)):
            thread.start()
        while any(thread.is_alive() for thread in attackers):
            now = [memory(pid) for pid in all_processes]
            most_of_all = max(most_of_all, sum(now))
            most = [max(pair) for pair in zip(most, now, strict=True)]
            time.sleep(SAMPLE_SECONDS)
        above = max(high - low for high, low in zip(most, rest, strict=True))
        print(f"answers: {dict(statuses)}; drawings: {dict(drawings)}")
        if took:
            print(f"a drawing: median {statistics.median(took):.2f} s, longest {max(took):.2f} s")
        print(
            f"the site: {sum(rest) / 1e6:.0f} MB at rest, {most_of_all / 1e6:.0f} MB at most; "
            f"one process: {above / 1e6:.0f} MB above rest at most"
        )
        site.stop()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30)
