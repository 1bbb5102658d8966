"""Counts requests in a Valkey or Redis server, for several web machines together.

The algorithm is that of `webui.access.limiter`, in a script that the server runs as one step and
by its own clock. A count expires when nothing of its rate is used any more. While the server does
not answer, each machine counts for itself.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from django.core.exceptions import ImproperlyConfigured

from webui.access.limiter import LEAST_WAIT_SECONDS, Limiter
from webui.access.rate import Rate

if TYPE_CHECKING:
    pass

PREFIX = "digits:limit:"
TIMEOUT_SECONDS = 0.5  # a count takes less than a millisecond
LEFT_OUT_SECONDS = 5.0  # after a failure

# KEYS: callers. ARGV: the time, or "" for the server's; units; then interval and seconds of each
# caller's rate. Returns the seconds to wait, as text, since numbers are returned as integers.
SCRIPT = f"""
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local units, wait, due = tonumber(ARGV[2]), 0, {{}}
for i, caller in ipairs(KEYS) do
  local interval, seconds = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  due[i] = math.max(tonumber(redis.call('GET', caller) or '0'), now)
  local ahead = due[i] - now + (units - 1) * interval
  if ahead > seconds - interval / 2 then
    wait = math.max(wait, ahead - seconds + interval, {LEAST_WAIT_SECONDS})
  end
end
if wait == 0 then
  for i, caller in ipairs(KEYS) do
    due[i] = due[i] + units * tonumber(ARGV[2 * i + 1])
    local milliseconds = math.ceil((due[i] - now) * 1000)
    redis.call('SET', caller, string.format('%.6f', due[i]), 'PX', milliseconds)
  end
end
return string.format('%.6f', wait)
"""

logger = structlog.get_logger(__name__)

T = TypeVar("T")


class SharedLimiter:
    """A `Limiter` whose counts are in a server; safe for threads, before and after a fork.

    Args:
        url: like valkey://:PASSWORD@valkey:6379/0.
        own: counts while the server does not answer.

    Raises:
        ImproperlyConfigured: the client library is not installed.
    """

    def __init__(self, url: str, *, own: Limiter) -> None:
        try:
            import valkey
        except ImportError as problem:
            raise ImproperlyConfigured(
                f"LIMITS_URL is set, and valkey is not installed ({problem}); install "
                "requirements/limits.txt, or unset LIMITS_URL"
            ) from problem
        self._own = own
        self._errors = (valkey.ValkeyError, OSError)
        self._client: valkey.Valkey = valkey.Valkey.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )
        self._script = self._client.register_script(SCRIPT)
        self._own_until = 0.0  # time.monotonic()

    def wait(self, caller: str, rate: Rate, *, now: float | None = None) -> float:
        """Count one request of one caller; see `wait_for_all`."""
        return self.wait_for_all([(caller, rate)], now=now)

    def wait_for_all(
        self, counted: Sequence[tuple[str, Rate]], *, units: int = 1, now: float | None = None
    ) -> float:
        """Count `units` requests for each caller, or for none, as `Limiter.wait_for_all`."""
        rates = [number for _, rate in counted for number in (rate.interval, rate.seconds)]
        arguments = ["" if now is None else repr(now), units, *rates]

        def ask() -> float:
            keys = [f"{PREFIX}{caller}" for caller, _ in counted]
            return float(self._script(keys=keys, args=arguments))

        return self._ask(ask, lambda: self._own.wait_for_all(counted, units=units, now=now))

    def ahead(self, caller: str) -> float:
        """Return the seconds until nothing of the caller's rate is used any more."""

        def ask() -> float:
            left: Any = self._client.pttl(f"{PREFIX}{caller}")  # -2 without a count
            return float(max(left, 0)) / 1000

        return self._ask(ask, lambda: self._own.ahead(caller))

    def close(self) -> None:
        """Close the connections; the next call opens one again."""
        self._client.close()  # type: ignore[no-untyped-call]
        self._own.close()

    def _ask(self, ask: Callable[[], T], without: Callable[[], T]) -> T:
        if time.monotonic() < self._own_until:
            return without()
        try:
            answer = ask()
        except self._errors as problem:
            if not self._own_until:
                logger.warning("limits_counted_by_each_machine", problem=str(problem))
            self._own_until = time.monotonic() + LEFT_OUT_SECONDS
            return without()
        if self._own_until:
            self._own_until = 0.0
            logger.warning("limits_counted_together_again")
        return answer
