"""The rate limits of visitors, keys and addresses.

They are counted on each web machine for itself (`limiter.py`), or for all together in a Valkey
server (`shared_limiter.py`), by the same algorithm.

A request counts for a visitor and for an address, and only if both may ask: a refused request
counts for neither, so that a visitor who hammers leaves the address's rate to the others.

Dropping or collecting cookies does not evade the limit: a request without a cookie counts for its
address at the same rate, and every visitor's request counts for its address at `SHARED_ADDRESS`
times the rate, so that a school class behind one address can draw.
"""

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from webui.access.addresses import address_of
from webui.access.limiter import Limiter
from webui.access.rate import Rate
from webui.access.shared_limiter import SharedLimiter
from webui.access.visitors import Caller
from webui.errors import ApiError

SHARED_ADDRESS = 10  # visitors who may draw at full speed behind one address
ROUNDING = 0.01  # of a request, for sums of floats as large as today's clock
QUOTAS = "digits.quotas"  # in a request's META: what `charge` left of its rates

logger = structlog.get_logger(__name__)


@cache
def limiter() -> Limiter | SharedLimiter:
    own = Limiter(settings.RUNTIME_DIR / "limits.sqlite3")
    return SharedLimiter(settings.LIMITS_URL, own=own) if settings.LIMITS_URL else own


def seconds_to_wait(counted: Sequence[tuple[str, Rate]], *, units: int = 1) -> float:
    """Count `units` requests for each caller, or for none; return the seconds that it must wait."""
    try:
        return limiter().wait_for_all(counted, units=units)
    except (sqlite3.Error, OSError) as problem:
        # Without a count everybody may ask: a full disk must not stop the site.
        logger.exception("rate_limit_not_counted", problem=str(problem))
        return 0.0


def charge(request: HttpRequest, caller: Caller, *, action: str, units: int = 1) -> None:
    """Count `units` of `action`, for the visitor and for the address, unless they are refused.

    Raises:
        ApiError: 413 when the rate never allows as many at once.
        ApiError: 429 with the seconds to wait, when the caller exceeds the rate.
    """
    rate: Rate | None = settings.READING_RATE_LIMIT if action == "reading" else settings.RATE_LIMIT
    if rate is None:
        return
    address = address_of(request)
    if units > rate.count:
        raise ApiError(
            413,
            "too_large",
            f"{rate.in_words} are allowed, and so {rate.count} at once; send fewer in a request.",
        )
    counted = [(f"{action} {caller.visitor}", rate)]
    if caller.key is None and caller.is_new:
        counted.append((f"{action} nobody at {address}", rate))
    if caller.key is None:
        counted.append((f"{action} all at {address}", rate.times(SHARED_ADDRESS)))
    seconds = seconds_to_wait(counted, units=units)
    request.META[QUOTAS] = _quotas(action, counted)
    if seconds:
        raise ApiError(
            429,
            "rate_limited",
            f"That was more than {rate.in_words}; please wait {max(1, math.ceil(seconds))} s.",
            retry_after=seconds,
        )


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The part of a rate that a caller has left."""

    name: str
    rate: Rate
    ahead: float  # seconds until the whole rate is left

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.rate.count};w={self.rate.seconds}'

    @property
    def remaining(self) -> str:
        left = math.floor((self.rate.seconds - self.ahead) / self.rate.interval + ROUNDING)
        left = min(max(left, 0), self.rate.count)
        until_one_more = self.ahead - self.rate.seconds + (left + 1) * self.rate.interval
        return f'"{self.name}";r={left};t={max(math.ceil(until_one_more - ROUNDING), 1)}'


def _quotas(action: str, counted: Sequence[tuple[str, Rate]]) -> list[Quota]:
    """Return what is left for the caller and, unless it has a key, for all at its address."""
    names = (action,) if len(counted) == 1 else (action, f"{action}-address")
    # Of a visitor without a cookie the count of the address binds, which stands before the last.
    shown = counted if len(counted) < 3 else counted[1:]
    try:
        return [
            Quota(name=name, rate=rate, ahead=limiter().ahead(caller))
            for name, (caller, rate) in zip(names, shown, strict=True)
        ]
    except (sqlite3.Error, OSError):
        return []  # logged when it was counted


class RateLimitHeadersMiddleware:
    """Tells callers how much of their rates is left, with or without a refusal.

    The headers are those of the IETF's draft-ietf-httpapi-ratelimit-headers-11: `q` requests in a
    window of `w` seconds; `r` are left, and no more than these within `t` seconds, when the next
    one is added. So `Retry-After` is never earlier than `t`, as section 6 wants it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        quotas: list[Quota] = request.META.get(QUOTAS, [])
        if quotas:
            response["RateLimit-Policy"] = ", ".join(quota.policy for quota in quotas)
            response["RateLimit"] = ", ".join(quota.remaining for quota in quotas)
        return response
