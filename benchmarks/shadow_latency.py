"""Measures what a shadow adds to the time of a prediction: periods with and without one, in turns.

    python benchmarks/shadow_latency.py --share 10 --rounds 10

A site of two workers and the embedded model server, both as `make run` starts them. Version 2
answers, version 1 is the shadow. Each round has a period without and one with the shadow, every
second round in the other order, so that both meet the same other load of the machine. Drawings come
at a steady rate, whether or not earlier ones have been answered.
"""

import argparse
import os
import secrets
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import numpy as np
import requests
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from serving.labels import SHADOW, STABLE
from serving.versions.bundled import install_bundled
from serving.versions.repository import Repository
from tests.harness.drawings import draw_seven
from tests.harness.model_server import ModelServerProcess
from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until

PICTURE = draw_seven()
SEED = 90
SHADOWING = 1  # a bundled version; the stable one answers
SHARE_SECONDS = 2.0  # as in webui.rollout.canary, which needs Django's settings


def period(url: str, *, seconds: float, rate: float) -> list[float]:
    """Return the milliseconds of each prediction that is asked for at a steady rate."""
    times: list[float] = []

    def ask() -> None:
        started = time.perf_counter()
        answer = requests.post(
            f"{url}/api/v1/predictions",
            data=PICTURE,
            headers={"Content-Type": "image/png"},
            timeout=60,
        )
        if answer.status_code != 201:
            raise RuntimeError(f"a prediction was answered {answer.status_code}: {answer.text}")
        times.append((time.perf_counter() - started) * 1000)

    threads = []
    begun = time.perf_counter()
    for number in range(int(seconds * rate)):
        time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        thread = threading.Thread(target=ask)
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return times


def set_share(site: SiteProcess, share: int) -> None:
    """Change the share in every process of the site."""
    with closing(sqlite3.connect(site.database, timeout=30)) as database, database:
        database.execute(
            "INSERT INTO rollout_rolloutstate (model_name, canary_share, shadow_share, locked_by, "
            "locked_for, lock_token) VALUES ('digits', 0, ?, '', '', '') "
            "ON CONFLICT (model_name) DO UPDATE SET shadow_share = excluded.shadow_share",
            (share,),
        )
    time.sleep(SHARE_SECONDS + 0.5)


def added(off: list[list[float]], on: list[list[float]], percentile: float) -> tuple[float, ...]:
    """Return the ratio of a percentile with and without the shadow, and its 95 % interval.

    The interval is that of a bootstrap over rounds.
    """

    def ratio(rounds: NDArray[np.int64]) -> float:
        with_shadow, without = (
            np.percentile(np.concatenate([times[one] for one in rounds]), percentile)
            for times in (on, off)
        )
        return float(with_shadow / without)

    rng = np.random.default_rng(SEED)
    resampled = [ratio(rng.integers(0, len(off), len(off))) for _ in range(2000)]
    return ratio(np.arange(len(off))), *np.percentile(resampled, [2.5, 97.5]).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--share", type=int, default=10, help="percent of the drawings")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each period")
    parser.add_argument("--rate", type=float, default=8.0, help="drawings a second")
    options = parser.parse_args()
    os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))  # which the harness reads
    with tempfile.TemporaryDirectory() as directory:
        server = ModelServerProcess(Path(directory) / "models")
        install_bundled(server.models_dir)
        repository = Repository(models_dir=server.models_dir, model_name="digits")
        answering = repository.config().labels[STABLE]
        repository.write_config(
            versions=(SHADOWING, answering), labels={STABLE: answering, SHADOW: SHADOWING}
        )
        site = SiteProcess(
            Path(directory), SERVING_URL=server.url, MODELS_DIR=str(server.models_dir)
        )
        try:
            server.start()
            site.succeed("migrate", "--verbosity=0")
            site.start()
            url = f"{server.url}/v1/models/digits/labels/{SHADOW}/metadata"
            wait_until(lambda: requests.get(url, timeout=20).ok, message="the shadow is loaded")
            period(site.url, seconds=5, rate=options.rate)  # warm-up
            measured: dict[bool, list[list[float]]] = {False: [], True: []}
            for number in range(options.rounds):
                for shadowed in (False, True) if number % 2 else (True, False):
                    set_share(site, options.share if shadowed else 0)
                    measured[shadowed].append(
                        period(site.url, seconds=options.seconds, rate=options.rate)
                    )
            asked = int(site.succeed("shell", "--verbosity=0", "--command", COUNT))
        finally:
            site.stop()
            server.kill()
    for name, percentile in (("median", 50), ("p99", 99)):
        ratio, low, high = added(measured[False], measured[True], percentile)
        print(f"{name} with the shadow / without: {ratio:.3f} ({low:.3f} to {high:.3f})")
    print(
        f"{sum(map(len, measured[True]))} predictions with and {sum(map(len, measured[False]))} "
        f"without; the shadow answered {asked}; median without "
        f"{median(np.concatenate(measured[False]).tolist()):.1f} ms"
    )


COUNT = "from webui.rollout.models import ShadowAnswer; print(ShadowAnswer.objects.count())"

if __name__ == "__main__":
    main()
