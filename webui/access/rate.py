"""The rate that `RATE_LIMIT` sets. The settings import this module, so it imports no models."""

import re
from dataclasses import dataclass

from webui.environment import Environment

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RATE = re.compile(r"([1-9][0-9]{0,8})/([smhd])")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `count` requests in `seconds`."""

    count: int
    seconds: int

    @property
    def interval(self) -> float:
        """The seconds between two requests at this rate."""
        return self.seconds / self.count

    def times(self, factor: int) -> "Rate":
        return Rate(count=self.count * factor, seconds=self.seconds)

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in SECONDS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


DEFAULT_RATE = Rate(count=120, seconds=60)  # two a second, faster than a hand draws and presses


def parse_rate(text: str) -> Rate | None:
    """Return the rate that a text like `120/m` describes; None for `off`.

    Raises:
        ValueError: if the text describes no rate.
    """
    if text.lower() == "off":
        return None
    match = RATE.fullmatch(text.lower())
    if match is None:
        raise ValueError(text)
    return Rate(count=int(match[1]), seconds=SECONDS[match[2]])


def read_rate(environment: Environment) -> Rate | None:
    """Return the rate of `RATE_LIMIT`; None if it is off."""
    valid = f"a number per s, m, h or d, like {DEFAULT_RATE}, or off"
    return environment.parsed("RATE_LIMIT", parse_rate, default=DEFAULT_RATE, valid=valid)
