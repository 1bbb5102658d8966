"""Visitors who draw at a steady pace and remember what they were told.

The stack's test and the operations' trials measure with it what people see while a part of
the site is stopped, killed or swapped.
"""

import io
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import requests
from PIL import Image, ImageDraw

TIMEOUT_SECONDS = 15.0
PAUSE_SECONDS = 0.1  # between a visitor's drawings; the test is about faults, not about speed


def drawn_digit() -> bytes:
    """A PNG of a "7" drawn with a round pen, dark on light, as the page would send it."""
    picture = Image.new("L", (280, 280), 255)
    pen = ImageDraw.Draw(picture)
    pen.line([(80, 70), (200, 70), (120, 220)], fill=0, width=22, joint="curve")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One answer, or none."""

    asked: float  # time.monotonic() seconds
    answered: float
    outcome: str  # "stored", "spooled", "503 …", "no connection", "no answer", …
    record_id: str = ""
    version: int = 0

    @property
    def read(self) -> bool:
        """Whether the visitor got a reading."""
        return bool(self.record_id)


def ask(session: requests.Session, url: str, picture: bytes) -> Seen:
    """One prediction through the API."""
    asked = time.monotonic()
    record_id, version = "", 0
    try:
        answer = session.post(
            f"{url}/api/v1/predictions",
            files={"image": ("drawing.png", picture, "image/png")},
            timeout=TIMEOUT_SECONDS,
        )
        if answer.status_code == 201:
            body = answer.json()
            record_id, version = body["id"], body["model"]["version"]
            outcome = body["recorded"]
        else:
            after = answer.headers.get("Retry-After")
            outcome = f"{answer.status_code} {'with' if after else 'WITHOUT'} Retry-After"
    except requests.ConnectTimeout:
        outcome = "no connection"
    except requests.ConnectionError as problem:
        # A connection that was refused, or one that ended in the middle of an answer.
        outcome = "no connection" if "refused" in str(problem).lower() else "connection broken"
    except requests.Timeout:
        outcome = "no answer"
    return Seen(
        asked=asked,
        answered=time.monotonic(),
        outcome=outcome,
        record_id=record_id,
        version=version,
    )


class Visitors:
    """Several of them at once, each with a session (and so an identity) of their own."""

    def __init__(self, url: str, *, count: int) -> None:
        self._url = url
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self._threads = [threading.Thread(target=self._draw, daemon=True) for _ in range(count)]

    def _draw(self) -> None:
        picture = drawn_digit()
        with requests.Session() as session:
            while not self._stop.is_set():
                seen = ask(session, self._url, picture)
                with self._lock:
                    self._seen.append(seen)
                self._stop.wait(PAUSE_SECONDS)

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS * 2)

    def seen(self, *, since: float = 0.0) -> list[Seen]:
        """What was asked at or after `since` (monotonic seconds), in order of the answers."""
        with self._lock:
            return [seen for seen in self._seen if seen.asked >= since]

    def went_on(self, *, since: float, answers: int) -> bool:
        """Whether that many readings were asked for and given after `since`."""
        return sum(seen.read for seen in self.seen(since=since)) >= answers


def outcomes(seen: Iterable[Seen]) -> str:
    """Like "stored 412, spooled 31"."""
    counted = Counter(one.outcome for one in seen)
    return ", ".join(f"{outcome} {number}" for outcome, number in counted.most_common())


def longest_gap(seen: Iterable[Seen]) -> float:
    """Seconds of the longest time in which no visitor got a reading."""
    moments = sorted(one.answered for one in seen if one.read)
    return max((b - a for a, b in itertools.pairwise(moments)), default=float("inf"))
