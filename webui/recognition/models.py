"""Requests that may be sent again with the same Idempotency-Key."""

from django.db import models


class KeyedRequest(models.Model):
    """A request with an Idempotency-Key, kept for a day; it holds neither the drawing nor the key.

    The ids of its records are made before any of them is stored. Whoever serves the request
    again, after a crash too, therefore writes the same records.
    """

    digest = models.CharField(max_length=64, primary_key=True)  # of caller and key
    body_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    busy_until = models.DateTimeField()  # while a process serves it; that may have been killed
    record_ids = models.JSONField()  # one for each picture
    outcomes = models.JSONField(null=True)  # see `webui.recognition.idempotency.Outcome`

    class Meta:
        db_table = "keyed_requests"

    def __str__(self) -> str:
        return f"{self.digest[:8]} of {self.created_at:%Y-%m-%d %H:%M:%S} UTC"
