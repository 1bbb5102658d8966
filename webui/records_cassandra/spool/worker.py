"""The spool worker: replays spooled events into Cassandra, and notices when it is back.

Every process has a worker thread, started at the store's first use; a lease in the default
database lets one of them replay at a time, on whatever machine. The lease only keeps the order
and saves work: an event that is replayed twice has one effect.
"""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby

from django.db import close_old_connections, connection

from webui.leases import Lease, LeaseLost
from webui.records.store import StoreUnavailable
from webui.records_cassandra.models import Lease as LeaseRow
from webui.records_cassandra.models import SpooledEvent
from webui.records_cassandra.spool.spool import Kind, Spool, layout_of_event, record_of_event
from webui.records_cassandra.tables.reader import RecordReader
from webui.records_cassandra.tables.writer import RecordWriter

log = logging.getLogger(__name__)

BATCH = 100  # events read, replayed and removed at a time
SPOOL_LEASE = "move_spool"  # its row's key
BUSY_SECONDS = 1.0  # between rounds while Cassandra is down
IDLE_SECONDS = 5.0  # between rounds otherwise; another process may have spooled and died


class CircuitBreaker:
    """Open while Cassandra is known to be down, so that only the spool worker waits for it."""

    def __init__(self) -> None:
        self._open = threading.Event()

    @property
    def open(self) -> bool:
        return self._open.is_set()

    def trip(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()


class SpoolWorker:
    """Replays the spool: continuously in a thread, or once by `replay`."""

    def __init__(
        self,
        reader: RecordReader,
        writer: RecordWriter,
        spool: Spool,
        circuit_breaker: CircuitBreaker,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._spool = spool
        self._circuit_breaker = circuit_breaker
        self._reset()

    def _reset(self) -> None:
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._pid = os.getpid()

    # --- one replay ------------------------------------------------------------------------

    def replay(self) -> Iterator[int]:
        """Replays all due events unless another process does; yields the number in each batch.

        Raises:
            StoreUnavailable: Cassandra does not take an event; the rest stay in the spool.
        """
        lease = Lease(LeaseRow, SPOOL_LEASE)
        if not self._spool.has_due() or not lease.acquire():
            return
        try:
            while events := self._spool.oldest_due(BATCH):
                yield self._replay_batch(events)
                lease.renew()  # a batch takes far less than a lease lasts
        except LeaseLost:
            log.info("another process replays the rest of the spool")
        finally:
            lease.release()

    def _replay_batch(self, events: Sequence[SpooledEvent]) -> int:
        replayed = 0
        for kind, group in groupby(events, key=lambda event: event.kind):
            same_kind = list(group)
            problems = (
                self._writer.write_many(
                    [(record_of_event(event), layout_of_event(event)) for event in same_kind]
                )
                if kind == Kind.APPEND
                else [self._apply(event) for event in same_kind]
            )
            outcomes = list(zip(same_kind, problems, strict=True))
            acknowledged = [event for event, problem in outcomes if problem is None]
            self._spool.remove(acknowledged)
            replayed += len(acknowledged)
            for event, problem in outcomes:
                if isinstance(problem, StoreUnavailable):
                    raise problem
                if problem is not None:
                    log.error("Cassandra refuses spooled event %s: %s", event, problem)
                    self._spool.postpone(event, because=str(problem))
        return replayed

    def _apply(self, event: SpooledEvent) -> Exception | None:
        """Applies a correction or a deletion; returns the error, if any."""
        try:
            if event.kind == Kind.DELETE:
                self._writer.delete([event.record_id], at=event.happened_at)
                return None
            corrected = self._writer.correct(
                event.record_id,
                label=event.document["label"],
                by=event.document["by"],
                at=event.happened_at,
            )
        except Exception as problem:
            return problem
        if not corrected and self._spool.has_append(event.record_id):
            return LookupError("its record is still pending in the spool")
        if not corrected:
            log.warning("the record of spooled event %s is gone; nothing to correct", event)
        return None

    # --- the thread ------------------------------------------------------------------------

    def ensure_started(self) -> None:
        """Starts the thread if there is none: at first use, and after a fork."""
        if self._pid != os.getpid():
            self._reset()
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="spool-worker", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        """Ends the thread's current pause."""
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        pause = 0.0  # none at first: an earlier process may have left events
        while not self._stop.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if self._stop.is_set():
                return
            pause = IDLE_SECONDS
            close_old_connections()
            try:
                self._replay_if_answering()
            except StoreUnavailable:
                self._circuit_breaker.trip()
            except Exception:  # the default database may be down too; the thread must not end
                log.exception("the spool could not be replayed")
            finally:
                connection.close()
            if self._circuit_breaker.open:
                self._stop.wait(BUSY_SECONDS)  # whatever wakes it, never a busy loop
                pause = 0.0

    def _replay_if_answering(self) -> None:
        if self._circuit_breaker.open:
            self._reader.probe()
            self._circuit_breaker.close()
            log.info("Cassandra answers again")
        for replayed in self.replay():
            log.info("replayed %d spooled events into Cassandra", replayed)
