"""Chooses the visitors that the canary answers: a share of them, each always the same.

A visitor's place between 0 and 100 % is a hash, so that a visitor keeps their version while the
share is unchanged, and nobody who has the canary loses it when the share grows.
"""

import hashlib
import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError

from serving.labels import CANARY, STABLE
from webui.rollout.models import RolloutState

SHARE_SECONDS = 2.0  # a changed share reaches every process after this, with no restart

logger = logging.getLogger(__name__)


class ShareCache:
    """The shares as this process last read them; one query each two seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares = (0, 0)  # of canary and shadow
        self._expires = 0.0  # time.monotonic()

    def percent(self, model_name: str) -> int:
        """Return the canary's share, 0..100; the last one when the database does not answer."""
        return self._read(model_name)[0]

    def shadow_percent(self, model_name: str) -> int:
        """Return the share of recorded drawings that the shadow is asked about, likewise."""
        return self._read(model_name)[1]

    def _read(self, model_name: str) -> tuple[int, int]:
        if time.monotonic() < self._expires:
            return self._shares
        with self._lock:
            if time.monotonic() < self._expires:
                return self._shares
            try:
                rows = RolloutState.objects.filter(pk=model_name)
                row = rows.values_list("canary_share", "shadow_share").first()
                self._shares = row or (0, 0)
            except DatabaseError:
                logger.warning("the shares could not be read; they stay", exc_info=True)
            self._expires = time.monotonic() + SHARE_SECONDS
        return self._shares

    def forget(self) -> None:
        self._expires = 0.0


shares = ShareCache()


def place_of(visitor: str, *, model_name: str) -> float:
    """Return a visitor's place between 0 and 100, evenly spread and always the same.

    It differs from model to model, so that the same visitors are not the first every time.
    """
    digest = hashlib.sha256(f"{model_name}\0{visitor}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * 100


def label_for(visitor: str) -> str:
    """Return the label whose version answers this visitor: "canary" for its share, or "stable".

    Args:
        visitor: the visitor's hash, as on a record; an unknown one ("") gets "stable".
    """
    if not visitor:
        return STABLE
    model_name: str = settings.MODEL_NAME
    share = shares.percent(model_name)
    return CANARY if place_of(visitor, model_name=model_name) < share else STABLE
