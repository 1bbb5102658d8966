"""Moves spooled events into Cassandra, oldest first, and notices when it is back.

Every process has a mover, started with its first use of the store; a lease in the default
database lets one of them move at a time, on whatever machine. Nothing depends on the lease
but order and thrift: an event moved twice is moved once.
"""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby

from django.db import close_old_connections, connection

from webui.leases import Lease, LeaseLost
from webui.records.store import StoreUnavailable
from webui.records_cassandra.breaker import Breaker
from webui.records_cassandra.models import Lease as LeaseRow
from webui.records_cassandra.models import SpooledEvent
from webui.records_cassandra.spool import Kind, Spool, grain_of_event, record_of_event
from webui.records_cassandra.tables import Tables

log = logging.getLogger(__name__)

BATCH = 100  # events read, moved and taken out of the spool at a time
SPOOL_LEASE = "move_spool"
EAGER_SECONDS = 1.0  # between looks while Cassandra is down or events wait
IDLE_SECONDS = 5.0  # between looks otherwise; another process may have spooled and died


class Mover:
    """Moves what waits; by itself in a thread, or when told."""

    def __init__(self, tables: Tables, spool: Spool, breaker: Breaker) -> None:
        self._tables = tables
        self._spool = spool
        self._breaker = breaker
        self._awake()

    def _awake(self) -> None:
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._pid = os.getpid()

    # --- moving ----------------------------------------------------------------------------

    def move(self) -> Iterator[int]:
        """Moves everything that is due and nobody else is moving; how many, batch by batch.

        Raises:
            StoreUnavailable: if Cassandra does not take them; what is left stays.
        """
        lease = Lease(LeaseRow, SPOOL_LEASE)
        if not self._spool.something_waits() or not lease.acquire():
            return
        try:
            while events := self._spool.oldest(BATCH):
                yield self._move_batch(events)
                lease.renew()  # a batch takes far less than a lease lasts
        except LeaseLost:
            log.info("another process moves the rest of the spool")
        finally:
            lease.release()

    def _move_batch(self, events: Sequence[SpooledEvent]) -> int:
        moved = 0
        for kind, run in groupby(events, key=lambda event: event.kind):
            some = list(run)
            problems = (
                self._tables.write_many(
                    [(record_of_event(event), grain_of_event(event)) for event in some]
                )
                if kind == Kind.APPEND
                else [self._apply(event) for event in some]
            )
            outcome = list(zip(some, problems, strict=True))
            done = [event for event, problem in outcome if problem is None]
            self._spool.done(done)
            moved += len(done)
            for event, problem in outcome:
                if isinstance(problem, StoreUnavailable):
                    raise problem
                if problem is not None:
                    log.error("Cassandra refuses spooled event %s: %s", event, problem)
                    self._spool.refused(event, str(problem))
        return moved

    def _apply(self, event: SpooledEvent) -> Exception | None:
        try:
            if event.kind == Kind.DELETE:
                self._tables.delete([event.record_id], at=event.happened_at)
                return None
            noted = self._tables.correct(
                event.record_id,
                label=event.document["label"],
                by=event.document["by"],
                at=event.happened_at,
            )
        except Exception as problem:
            return problem
        if not noted and self._spool.append_waits(event.record_id):
            return LookupError("its record is still waiting in the spool")
        if not noted:
            log.warning("the record of spooled event %s is gone; nothing to correct", event)
        return None

    # --- by itself -------------------------------------------------------------------------

    def ensure_started(self) -> None:
        """Starts the thread where there is none: at first use, and after a fork."""
        if self._pid != os.getpid():
            self._awake()
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="spool-mover", daemon=True)
                self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        pause = 0.0  # look at once: a predecessor may have left something
        while not self._stop.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if self._stop.is_set():
                return
            pause = IDLE_SECONDS
            close_old_connections()
            try:
                self._look()
            except StoreUnavailable:
                self._breaker.trip()
            except Exception:  # the default database may be away, too; the thread must not end
                log.exception("the spool could not be looked at")
            finally:
                connection.close()
            if self._breaker.open:
                pause = EAGER_SECONDS
                self._stop.wait(pause)  # a wake-up must not turn this into a busy loop
                pause = 0.0

    def _look(self) -> None:
        if self._breaker.open:
            self._tables.probe()
            self._breaker.close()
            log.info("Cassandra answers again")
        for moved in self.move():
            log.info("moved %d events from the spool to Cassandra", moved)
