"""Looks at the canary every minute, in a thread of the site, if `CANARY_ROLLBACK` is on.

Every process has the thread; the lease of `webui.rollout.canary_watch` lets one of them look.
"""

import structlog
from django.conf import settings

from webui.leases import LeaseLost
from webui.rollout import canary_watch, services
from webui.timer import Timer

LOOK_SECONDS = 60.0
START_SECONDS = 30.0

logger = structlog.get_logger(__name__)


class CanaryTimer(Timer):
    """The thread; `start` it once in each process that serves."""

    def __init__(self) -> None:
        super().__init__(
            name="canary-timer",
            failure="canary_watch_failed",
            seconds=LOOK_SECONDS,
            start_seconds=START_SECONDS,
        )

    def job(self) -> None:
        if not settings.CANARY_ROLLBACK:
            return
        try:
            canary_watch.look(withdraw=True)
        except (services.Busy, LeaseLost) as problem:
            logger.info("canary_watch_postponed", why=str(problem))
