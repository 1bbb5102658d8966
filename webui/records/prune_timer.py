"""Prunes once an hour, in a thread of the site, which also keeps the database's reserve.

Every process has the thread; the time of the last run and a lease, both in the default database,
let one of them prune.
"""

import random
import threading
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import close_old_connections, connection

from webui.database.reserve import keep_reserve
from webui.leases import LeaseLost
from webui.records.pruning import Pruned, PrunedElsewhere, last_run, prune

logger = structlog.get_logger(__name__)

INTERVAL = timedelta(hours=1)
LOOK_SECONDS = 300.0  # how often a process looks whether a run is due
START_SECONDS = 10.0  # at most, before it looks first; processes that start together spread
# In one run: a site that sets a retention after years keeps serving while it catches up.
MOST_RECORDS = 100_000


class PruneTimer:
    """The thread; `start` it once in each process that serves."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prune-timer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        pause = random.uniform(0, START_SECONDS)  # noqa: S311 - not a secret
        while not self._stop.wait(pause):
            pause = LOOK_SECONDS
            close_old_connections()
            try:
                keep_reserve()
                prune_if_due()
            except Exception:  # the database may be down; the thread must not end
                logger.exception("pruning_failed")
            finally:
                connection.close()


def prune_if_due() -> Pruned:
    """Prunes if the last run was an hour ago, and returns what was deleted."""
    last = last_run()
    if last is not None and timedelta() <= datetime.now(UTC) - last < INTERVAL:
        return Pruned()
    try:
        done = prune(settings.RETENTION, limit=MOST_RECORDS)
    except (PrunedElsewhere, LeaseLost):
        return Pruned()
    if done != Pruned():
        logger.info("pruned", records=done.records, pictures=done.pictures)
    return done
