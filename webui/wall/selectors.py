"""The latest readings, as the wall shows them: without anything that identifies anybody."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from django.utils.crypto import salted_hmac

from webui.collection.selectors import prompted_among
from webui.records.drawings import thumbnail
from webui.records.models import Record, Verdict
from webui.records.store import Filters, StoreUnavailable, store

SHOWN = 9  # the newest one large, and two rows of four beside it
READ = 4 * SHOWN  # since prompted drawings are left out
NEARLY_ONE = 0.999
SALT = "webui.wall.key"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A recorded prediction on the wall.

    Attributes:
        key: what the page knows the drawing by from one refresh to the next. It is neither the
            record's id nor made of it by anybody who lacks the secret key, since an id tells the
            time to the microsecond.
        image: the instance as a data URI.
    """

    key: str
    image: str
    digit: int | None
    verdict: str
    confidence: float

    @property
    def glyph(self) -> str:
        if self.digit is None or self.verdict == Verdict.NOT_A_DIGIT:
            return "–"
        return f"{self.digit}?" if self.verdict == Verdict.UNSURE else str(self.digit)

    @property
    def percent(self) -> str:
        """The confidence as on the page on which one draws: 100 % is for exactly 1."""
        if NEARLY_ONE < self.confidence < 1:
            return "> 99.9 %"
        digits = 0 if 0.1 < self.confidence < 0.99 else 1
        return f"{100 * self.confidence:.{digits}f}".removesuffix(".0") + " %"


class SharedRead(Generic[T]):
    """A read whose result serves everybody who waits for it.

    However many viewers ask at once, one of them reads and the others take the result. A caller
    only gets a result of a read that began after its call, so nothing is shown that had been
    deleted by then.
    """

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._changed = threading.Condition()
        self._begun = 0  # number of reads
        self._running = False
        self._last: tuple[int, T | StoreUnavailable] | None = None  # a read's number, its result

    def get(self) -> T:
        """Return the result of a read that began after this call.

        Raises:
            StoreUnavailable
        """
        with self._changed:
            wanted = self._begun + 1  # the one that runs began before
            while True:
                if self._last is not None and self._last[0] >= wanted:
                    return _value(self._last[1])
                if not self._running:
                    break
                self._changed.wait()
            self._running = True
            self._begun += 1
            number = self._begun
        result: T | StoreUnavailable | None = None
        try:
            result = self._read()
        except StoreUnavailable as problem:  # for all who wait: each would wait as long again
            result = problem
        finally:
            with self._changed:
                self._running = False
                if result is not None:
                    self._last = number, result
                self._changed.notify_all()
        return _value(result)


def _value(result: T | StoreUnavailable) -> T:
    if isinstance(result, StoreUnavailable):
        raise result
    return result


def _read() -> Sequence[Shown]:
    records = store().page(Filters(), size=READ).records
    # Who takes part in prompted collection agreed to a data set, not to a screen in the room.
    prompted = prompted_among([record.id for record in records])
    return tuple(_shown(record) for record in records if record.id not in prompted)[:SHOWN]


def _shown(record: Record) -> Shown:
    return Shown(
        key=salted_hmac(SALT, str(record.id), algorithm="sha256").hexdigest()[:16],
        image=thumbnail(record),
        digit=record.digit,
        verdict=record.verdict,
        confidence=record.confidence,
    )


@cache
def latest() -> SharedRead[Sequence[Shown]]:
    """Return this process's read of the latest recorded predictions, newest first."""
    return SharedRead(_read)
