"""The rates that `RATE_LIMIT` and `READING_RATE_LIMIT` set.

The settings import this module, so it imports no models.
"""

import re
from dataclasses import dataclass

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
UNITS = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}
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

    @property
    def in_words(self) -> str:
        """The rate in a sentence, like "120 requests a minute"."""
        requests = "request" if self.count == 1 else "requests"
        return f"{self.count} {requests} {UNITS[self.seconds]}"

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in SECONDS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


DEFAULT_RATE = Rate(count=120, seconds=60)  # two a second, faster than a hand draws and presses
DEFAULT_READING_RATE = Rate(count=240, seconds=60)  # twice that: nobody lifts a pen more often
VALID_RATE = f"a number per s, m, h or d, like {DEFAULT_RATE}, or off"


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
