"""Asks the shadow about a share of the recorded drawings, after the visitor has the answer.

A prediction only puts the drawing into a queue, which takes no time and never fails. A thread asks
the version that the label `shadow` names, with a client and time limits of its own, and keeps the
answer beside the record. A shadow that is slow fills the queue, and further drawings are dropped
and counted; one that is dead is counted too. The thread is a daemon: a site that stops does not
wait for it, and what is in the queue is lost, since nobody waits for these answers.
"""

import os
import queue
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
import structlog
from django.conf import settings
from django.db import close_old_connections, connection

from serving.client import ServingError
from serving.labels import SHADOW
from serving.preprocessing import INSTANCE_SIZE
from serving.verdict import NOT_A_DIGIT
from webui.database.maintenance import require_room
from webui.operations import metrics
from webui.recognition.answers import read_answer
from webui.records.models import Record
from webui.records.selectors import predicted_label
from webui.records.store import RecordNotFound, StoreUnavailable, store
from webui.rollout.canary import place_of, shares
from webui.rollout.models import ShadowAnswer
from webui.rollout.serving import shadow_client

QUEUED = 200  # drawings of each process; about 200 kB
# By then the visitor has the answer, and the thread does not compete with it for the processor.
AFTER_SECONDS = 0.25

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawing for the shadow, with the answer that the visitor got."""

    record_id: UUID
    recorded_at: datetime
    instance: bytes
    answered_version: int
    answered_label: str
    due: float = 0.0  # time.monotonic(), not before which it is asked

    @classmethod
    def of(cls, record: Record) -> "Drawing":
        return cls(
            record_id=record.id,
            recorded_at=record.predicted_at,
            instance=bytes(record.instance),
            answered_version=record.model_version,
            answered_label=predicted_label(record),
            due=time.monotonic() + AFTER_SECONDS,
        )


class ShadowThread:
    """The queue and the thread of one process; it starts with the first drawing after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._drawings: queue.Queue[Drawing] = queue.Queue(QUEUED)

    def put(self, drawing: Drawing) -> bool:
        """Queue a drawing; returns False if the queue is full."""
        self._ensure_started()
        try:
            self._drawings.put_nowait(drawing)
        except queue.Full:
            return False
        return True

    def _ensure_started(self) -> None:
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._drawings = queue.Queue(QUEUED)
                thread = threading.Thread(target=self._run, name="shadow", daemon=True)
                thread.start()
                self._pid = os.getpid()

    def _run(self) -> None:
        drawings = self._drawings
        while True:
            drawing = drawings.get()
            time.sleep(max(0.0, drawing.due - time.monotonic()))
            close_old_connections()
            try:
                ask(drawing)
            except Exception:  # the database may be down; the thread must not end
                metrics.SHADOW.labels("failed").inc()
                logger.exception("shadow_failed")
            if drawings.empty():
                connection.close()
            drawings.task_done()


_thread = ShadowThread()


def offer(record: Record) -> None:
    """Queue a recorded drawing for the shadow if it is one of its share; never raises."""
    try:
        share = shares.shadow_percent(settings.MODEL_NAME)
        # By the record's id, so that the drawings of all visitors have the same chance.
        if not share or place_of(str(record.id), model_name=settings.MODEL_NAME) >= share:
            return
        if not _thread.put(Drawing.of(record)):
            metrics.SHADOW.labels("dropped").inc()
    except Exception:
        logger.exception("shadow_failed")


def ask(drawing: Drawing) -> ShadowAnswer | None:
    """Ask the shadow about a drawing and keep its answer; None if it gives none.

    The answer is not kept if the record has been deleted meanwhile.
    """
    pixels = np.frombuffer(drawing.instance, np.uint8).astype(np.float32) / np.float32(255)
    instance = pixels.reshape(1, INSTANCE_SIZE, INSTANCE_SIZE)
    try:
        answer = shadow_client().predict(instance, label=SHADOW, or_stable=False)
        reading = read_answer(answer)
    except ServingError as problem:
        metrics.SHADOW.labels("failed").inc()
        logger.info("shadow_does_not_answer", record=str(drawing.record_id), why=str(problem))
        return None
    label = NOT_A_DIGIT if reading.digit is None else str(reading.digit)
    agrees = label == drawing.answered_label
    metrics.SHADOW.labels("agreed" if agrees else "disagreed").inc()
    kept = ShadowAnswer(
        record_id=drawing.record_id,
        recorded_at=drawing.recorded_at,
        version=answer.version,
        label=label,
        verdict=reading.verdict,
        digit=reading.digit,
        confidence=reading.confidence,
        answered_version=drawing.answered_version,
        answered_label=drawing.answered_label,
        agrees=agrees,
    )
    require_room()
    ShadowAnswer.objects.bulk_create([kept], ignore_conflicts=True)
    # After the answer is written: a deletion either finds it, or is seen here.
    try:
        store().get(drawing.record_id)
    except (RecordNotFound, StoreUnavailable):
        ShadowAnswer.objects.filter(record_id=drawing.record_id).delete()
        return None
    return kept
