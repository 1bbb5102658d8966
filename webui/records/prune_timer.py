"""Prunes once an hour, in a thread of the site, which also keeps the database's reserve.

Every process has the thread; the time of the last run and a lease, both in the default database,
let one of them prune.
"""

from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings

from webui.database.reserve import keep_reserve
from webui.leases import LeaseLost
from webui.records.pruning import Pruned, PrunedElsewhere, last_run, prune
from webui.timer import Timer

logger = structlog.get_logger(__name__)

INTERVAL = timedelta(hours=1)
LOOK_SECONDS = 300.0  # how often a process looks whether a run is due
START_SECONDS = 10.0  # at most, before it looks first; processes that start together spread
# In one run: a site that sets a retention after years keeps serving while it catches up.
MOST_RECORDS = 100_000


class PruneTimer(Timer):
    """The thread; `start` it once in each process that serves."""

    def __init__(self) -> None:
        super().__init__(
            name="prune-timer",
            failure="pruning_failed",
            seconds=LOOK_SECONDS,
            start_seconds=START_SECONDS,
        )

    def job(self) -> None:
        keep_reserve()
        prune_if_due()


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
