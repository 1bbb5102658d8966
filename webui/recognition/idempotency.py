"""Idempotency keys: a request that is sent again gets the same answer, and makes no new record.

As in the IETF's draft-ietf-httpapi-idempotency-key-header: the client chooses a key for each
request and repeats it with the same body until it has an answer. A key is the caller's own and is
known for a day. An error is not kept: the same request may be sent again with the same key.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import DatabaseError
from django.http import HttpRequest

from webui.access.visitors import Caller
from webui.database.group_commit import commit
from webui.errors import ApiError
from webui.recognition.models import KeyedRequest
from webui.recognition.services import Prediction
from webui.recognition.submission import Submission, malformed
from webui.records.models import new_record_id
from webui.records.store import Recorded, RecordNotFound, StoreUnavailable, store

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"  # header of an answer that was given before, as in Stripe's API
MAX_LENGTH = 255
KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_LENGTH}}}")
KEPT = timedelta(days=1)
# After this a process that serves the request must have been killed: the model has ten seconds.
BUSY = timedelta(seconds=60)
DELETE_SECONDS = 60.0  # between two deletions of expired rows by a process
_next_deletion = 0.0  # time.monotonic()

# Of one picture: "stored" or "spooled", or the error as a document.
Outcome = str | dict[str, object]


@dataclass
class Once:
    """One request with an Idempotency-Key, or without one.

    Attributes:
        record_ids: of the record of each picture.
        earlier: the outcomes, if the request was served before.
        resumed: an earlier attempt failed, or was killed, and may have stored records.
    """

    record_ids: list[UUID]
    earlier: list[Outcome] | None = None
    resumed: bool = False
    outcomes: list[Outcome] | None = field(default=None, init=False)

    def complete(self, outcomes: list[Outcome]) -> None:
        """Set what a repetition of the request is answered with."""
        self.outcomes = outcomes


def key_of(request: HttpRequest) -> str | None:
    """Return the request's key; quotes around it, as in the draft, do not count.

    Raises:
        ApiError: 400 if it is too long or has other characters.
    """
    text = request.headers.get(HEADER)
    if text is None:
        return None
    key = text.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not KEY.fullmatch(key):
        raise malformed(
            f"{HEADER} must be 1 to {MAX_LENGTH} visible ASCII characters without spaces, "
            "for instance a new UUID for each drawing."
        )
    return key


@contextmanager
def once(request: HttpRequest, caller: Caller, submissions: Sequence[Submission]) -> Iterator[Once]:
    """Let the block serve a request, once for each Idempotency-Key.

    The block either uses `earlier`, or makes records with `record_ids` and calls `complete`. If
    it raises, the same request may be sent again.

    Raises:
        ApiError: 400 for a key that is malformed or that no caller can repeat, 409 for one that
            was used with another body or is in use.
        StoreUnavailable: the default database cannot tell.
    """
    key = key_of(request)
    if key is None:
        yield Once(record_ids=[new_record_id() for _ in submissions])
        return
    if caller.is_new:
        raise malformed(
            f"{HEADER} works for a caller who can be recognised: send an API key or the cookie "
            "of an earlier answer."
        )
    body_digest = _body_digest(request, submissions)
    row, resumed = _claim(_digest(caller, key), body_digest, count=len(submissions))
    ids = [UUID(text) for text in row.record_ids]
    if row.outcomes is not None:
        yield Once(record_ids=ids, earlier=row.outcomes)
        return
    served = Once(record_ids=ids, resumed=resumed)
    try:
        yield served
    finally:
        _finish(row, served.outcomes)


def _digest(caller: Caller, key: str) -> str:
    return hashlib.sha256(f"{caller.visitor} {key}".encode()).hexdigest()


def _body_digest(request: HttpRequest, submissions: Sequence[Submission]) -> str:
    """Return a digest of address and content; a form's boundary differs each time it is sent."""
    digest = hashlib.sha256(request.path.encode())
    for submission in submissions:
        digest.update(hashlib.sha256(submission.picture).digest())
        digest.update(hashlib.sha256(json.dumps(submission.ink).encode()).digest())
    return digest.hexdigest()


def _claim(digest: str, body_digest: str, *, count: int) -> tuple[KeyedRequest, bool]:
    """Return the row of a request that was served, or that this process serves from now on.

    Not a `webui.leases.Lease`, which takes six statements in place of two, because it may be
    renewed and is kept for good.
    """
    now = datetime.now(UTC)
    expired = now - KEPT
    fresh = {
        "body_digest": body_digest,
        "created_at": now,
        "busy_until": now + BUSY,
        "record_ids": [str(new_record_id()) for _ in range(count)],
        "outcomes": None,
    }
    rows = KeyedRequest.objects.filter(pk=digest)
    try:
        _delete_expired(expired)
        row = _inserted(digest, fresh)
        if row.created_at < expired:
            row.delete()
            row = _inserted(digest, fresh)
        if row.record_ids == fresh["record_ids"]:
            return row, False
        if row.body_digest != body_digest:
            raise ApiError(
                409,
                "idempotency_key_reused",
                f"This {HEADER} was sent with another body; use a new key for another request.",
            )
        if row.outcomes is not None:
            return row, False
        # One UPDATE statement: of two processes that try at once, the database lets one through.
        if row.busy_until <= now and rows.filter(
            busy_until=row.busy_until, outcomes__isnull=True
        ).update(busy_until=now + BUSY):
            return row, True
    except DatabaseError as problem:
        raise StoreUnavailable(f"idempotency keys cannot be looked up: {problem}") from problem
    raise ApiError(
        409,
        "request_in_progress",
        f"A request with this {HEADER} is being served; send it again in a moment.",
        retry_after=1,
    )


def _inserted(digest: str, fresh: dict[str, object]) -> KeyedRequest:
    """Insert the row of a key, unless there is one, and return that which there is."""
    row = KeyedRequest(pk=digest, **fresh)
    commit(lambda: KeyedRequest.objects.bulk_create([row], ignore_conflicts=True))
    return KeyedRequest.objects.get(pk=digest)


def _delete_expired(expired: datetime) -> None:
    """Delete old rows, once a minute: it takes the write lock, also when there are none."""
    global _next_deletion
    if time.monotonic() >= _next_deletion:
        _next_deletion = time.monotonic() + DELETE_SECONDS
        KeyedRequest.objects.filter(created_at__lt=expired).delete()


def _finish(row: KeyedRequest, outcomes: list[Outcome] | None) -> None:
    """Keep what the request came to; if it failed, let it be sent again at once."""
    rows = KeyedRequest.objects.filter(pk=row.pk)
    try:
        if outcomes is None:
            rows.update(busy_until=datetime.now(UTC))
        else:
            commit(lambda: rows.update(outcomes=outcomes))
    except DatabaseError as problem:
        # The records are stored. A repetition waits until the row is free and finds them.
        raise StoreUnavailable(f"an idempotency key cannot be kept: {problem}") from problem


def earlier_prediction(record_id: UUID, outcome: Outcome) -> Prediction:
    """Return the prediction that the request made when it was first served.

    Raises:
        ApiError: 409 if it was deleted since.
        StoreUnavailable
    """
    try:
        return Prediction(record=store().get(record_id), recorded=Recorded(str(outcome)))
    except RecordNotFound:
        raise ApiError(
            409,
            "prediction_deleted",
            f"The prediction of this {HEADER} was deleted; use a new key to make another.",
        ) from None
