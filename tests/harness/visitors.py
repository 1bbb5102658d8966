"""Visitors who ask for predictions all the time, and a record of every answer they got."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.harness.drawings import draw_seven
from tests.harness.waiting import wait_until

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request for a prediction and its answer."""

    started: float  # time.monotonic(), seconds
    ended: float
    status: int = 0  # of HTTP; 0: there was no answer
    error: str = ""  # "no connection", "connection broken", "no answer in time"
    retry_after: str = ""
    prediction: dict[str, Any] = field(default_factory=dict)  # the document of a 201
    before: Any = None  # what `Visitors.observe` returned before the request
    after: Any = None  # and after the answer

    @property
    def predicted(self) -> bool:
        return self.status == 201

    @property
    def record_id(self) -> str:
        return str(self.prediction["id"])

    @property
    def version(self) -> int:
        return int(self.prediction["model"]["version"])

    @property
    def label(self) -> str:
        return str(self.prediction["model"]["label"])

    @property
    def outcome(self) -> str:
        """ "stored", "spooled", "503 with Retry-After", "no connection", …"""
        if self.predicted:
            return str(self.prediction["recorded"])
        if self.status:
            return f"{self.status} {'with' if self.retry_after else 'WITHOUT'} Retry-After"
        return self.error


def predict(url: str, picture: bytes, *, observe: Callable[[], Any] = lambda: None) -> Visit:
    """Asks for one prediction as a new visitor, over a connection of its own."""
    started = time.monotonic()
    before = observe()
    answer: dict[str, Any] = {}
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(
                f"{url}/api/v1/predictions",
                files={"image": ("drawing.png", picture, "image/png")},
                timeout=TIMEOUT_SECONDS,
            )
        answer["status"] = response.status_code
        answer["retry_after"] = response.headers.get("Retry-After", "")
        if response.status_code == 201:
            answer["prediction"] = response.json()
    except requests.ConnectionError as problem:  # refused, or ended before the whole answer
        refused = "refused" in str(problem).lower()
        answer["error"] = "no connection" if refused else "connection broken"
    except requests.Timeout:
        answer["error"] = "no answer in time"
    after = observe()
    return Visit(started=started, ended=time.monotonic(), before=before, after=after, **answer)


class Visitors:
    """Threads that each ask for one prediction after the other while the `with` block runs."""

    def __init__(
        self,
        url: str,
        *,
        count: int = 8,
        pause: float = 0.05,
        observe: Callable[[], Any] = lambda: None,
    ) -> None:
        """
        Args:
            pause: seconds between an answer and the next request.
            observe: called before each request and after its answer; see `Visit`.
        """
        self._url = url
        self._pause = pause
        self._observe = observe
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._visits: list[Visit] = []
        self._threads = [threading.Thread(target=self._draw, daemon=True) for _ in range(count)]

    def _draw(self) -> None:
        picture = draw_seven()
        while not self._stop.wait(self._pause):
            visit = predict(self._url, picture, observe=self._observe)
            with self._lock:
                self._visits.append(visit)

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS * 2)

    def visits(self, *, since: float = 0.0) -> list[Visit]:
        """Return the visits started at or after `since`, in the order of their answers."""
        with self._lock:
            return [visit for visit in self._visits if visit.started >= since]

    def wait_for(self, count: int, *, status: int = 201, seconds: float = 240) -> list[Visit]:
        """Returns when `count` visits that start from now on have been answered with `status`."""
        since = time.monotonic()
        wait_until(
            lambda: sum(visit.status == status for visit in self.visits(since=since)) >= count,
            seconds=seconds,
            message=f"{count} answers with status {status}",
            details=lambda: outcomes(self.visits(since=since)),
        )
        return self.visits(since=since)


def outcomes(visits: Iterable[Visit]) -> str:
    """Return the number of each outcome, like "stored 412, spooled 31"."""
    counted = Counter(visit.outcome for visit in visits)
    return ", ".join(f"{outcome} {number}" for outcome, number in counted.most_common())


def longest_gap(visits: Iterable[Visit]) -> float:
    """Return the seconds of the longest time in which no visitor got a prediction."""
    moments = sorted(visit.ended for visit in visits if visit.predicted)
    return max((b - a for a, b in itertools.pairwise(moments)), default=float("inf"))
