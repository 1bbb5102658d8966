"""The rate that `RATE_LIMIT` sets, read at start so that a wrong value stops the site by name."""

import re
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RATE = re.compile(r"([1-9][0-9]{0,8})/([smhd])")
DEFAULT_RATE = "120/m"  # two drawings a second, faster than a hand draws and presses


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `count` requests in `seconds`."""

    count: int
    seconds: int

    def times(self, factor: int) -> "Rate":
        return Rate(count=self.count * factor, seconds=self.seconds)

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in SECONDS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


def parse_rate(text: str, *, name: str = "RATE_LIMIT") -> Rate | None:
    """The rate that a text like `120/m` names; None for `off`.

    Raises:
        ImproperlyConfigured: naming the variable, what it is and what it could be.
    """
    if text.strip().lower() == "off":
        return None
    match = RATE.fullmatch(text.strip().lower())
    if match is None:
        raise ImproperlyConfigured(
            f"{name} is {text!r}; it must be a number per s, m, h or d, like {DEFAULT_RATE}, or off"
        )
    return Rate(count=int(match[1]), seconds=SECONDS[match[2]])
