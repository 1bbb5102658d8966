"""Taking part in prompted collection: join, draw, draw again, end, leave.

A drawing is recorded like any prediction, in the configured store or its spool. Its row, with the
label, is written before, so that there is no record whose label is lost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from webui.collection.consent import CURRENT
from webui.collection.models import (
    DEFAULT_DRAWINGS,
    CollectionSession,
    Participation,
    PromptedDrawing,
)
from webui.collection.prompts import prompts_of
from webui.collection.selectors import open_participation
from webui.collection.writers import writer_of
from webui.database.maintenance import erase_deleted
from webui.errors import ApiError
from webui.recognition import services
from webui.recognition.submission import Submission
from webui.records.models import new_record_id
from webui.records.store import StoreUnavailable, store


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Turns errors of an unavailable default database into `StoreUnavailable`."""
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as problem:
        raise StoreUnavailable(f"the default database does not answer: {problem}") from problem


def participation_of(visitor: str) -> Participation:
    """Return what the visitor takes part in.

    Raises:
        ApiError: 404 if it is nothing.
        StoreUnavailable
    """
    with _translate_errors():
        found = open_participation(visitor)
    if found is None:
        raise ApiError(
            404, "not_taking_part", "You take part in no collection; agree to its text first."
        )
    return found


def join(*, visitor: str, code: str, consent_version: int, language: str) -> Participation:
    """Begin to take part, or return the participation that the visitor has begun already.

    Args:
        visitor: as stored with records.
        code: of a session; "" for none.
        consent_version: the version of the text that was shown and agreed to.
        language: in which it was shown.

    Raises:
        ApiError: 404 if there is no open session with the code, 409 if the text has changed.
        StoreUnavailable
    """
    if consent_version != CURRENT.version:
        raise ApiError(
            409,
            "consent_changed",
            f"The text that you agree to is now version {CURRENT.version}; read it again.",
        )
    with _translate_errors():
        session = _open_session(code)
        for _ in range(2):  # of two requests at once, the second finds what the first has made
            found = open_participation(visitor)
            if found is not None:
                return found
            turns = Participation.objects.filter(visitor=visitor).aggregate(last=Max("turn"))
            turn = 0 if turns["last"] is None else turns["last"] + 1
            try:
                with transaction.atomic():
                    return Participation.objects.create(
                        session=session,
                        visitor=visitor,
                        turn=turn,
                        writer=writer_of(visitor, turn=turn),
                        drawings_wanted=session.drawings_each if session else DEFAULT_DRAWINGS,
                        consent_version=CURRENT.version,
                        consent_language=language,
                        licence=CURRENT.licence,
                    )
            except IntegrityError:
                continue
    raise StoreUnavailable("the participation was changed by several requests at once")


def _open_session(code: str) -> CollectionSession | None:
    """Return the session; None without a code, where the settings allow that."""
    wanted = code.strip().lower()
    if not wanted and settings.COLLECT_WITHOUT_CODE:
        return None
    found = CollectionSession.objects.filter(code=wanted, is_open=True).first() if wanted else None
    if found is None:
        raise ApiError(
            404,
            "unknown_code",
            "There is no open session with this code; ask whoever gave it to you."
            if wanted
            else "Enter the code of your session; whoever invited you has it.",
        )
    return found


def draw(participation: Participation, *, number: int, submission: Submission) -> None:
    """Record the drawing that answers a prompt; a prompt that has one keeps it.

    Raises:
        ApiError: 404 for a prompt that the participant is not asked, 409 if the session has been
            closed, or the drawings were deleted meanwhile.
        PictureError, DecodingBusy, ServingError: as `webui.recognition.services.recognise`; the
            prompt stays open.
        StoreUnavailable
    """
    session = participation.session
    if session is not None and not session.is_open:
        raise ApiError(409, "session_closed", "This session is closed; thank you for drawing.")
    prompts = prompts_of(participation.writer, participation.drawings_wanted)
    if number >= len(prompts):
        raise ApiError(404, "not_found", f"You are asked for {len(prompts)} drawings, from 0 on.")
    gone = ApiError(409, "not_taking_part", "Your drawings were deleted meanwhile; begin again.")
    with _translate_errors():
        try:
            with transaction.atomic():
                row, created = PromptedDrawing.objects.get_or_create(
                    participation=participation,
                    number=number,
                    defaults={"digit": prompts[number], "record_id": new_record_id()},
                )
        except IntegrityError:  # the participation is gone
            raise gone from None
    if row.drawn_at is not None:
        return
    # A repeated request finds what the first one recorded before it was interrupted.
    if created or services.resume(row.record_id) is None:
        services.recognise(
            picture=submission.picture,
            ink=submission.ink,
            visitor=participation.visitor,
            record_id=row.record_id,
        )
    with _translate_errors():
        kept = PromptedDrawing.objects.filter(pk=row.pk).update(drawn_at=timezone.now())
    if not kept:  # deleted while the model read it
        store().delete([row.record_id])
        raise gone


def discard(participation: Participation, *, number: int) -> None:
    """Delete the drawing of a prompt for good, and open the prompt again.

    Raises:
        StoreUnavailable
    """
    with _translate_errors():
        rows = PromptedDrawing.objects.filter(participation=participation, number=number)
        ids = list(rows.values_list("record_id", flat=True))
    with _translate_errors(), transaction.atomic():
        store().delete(ids)  # and their rows; see webui.records.deletions
        rows.filter(record_id__in=ids).delete()
        erase_deleted()


def end(participation: Participation) -> None:
    """End a participation, so that the next person at this browser can begin.

    Raises:
        StoreUnavailable
    """
    with _translate_errors():
        Participation.objects.filter(pk=participation.pk, ended_at__isnull=True).update(
            ended_at=timezone.now()
        )


def delete(participation: Participation) -> int:
    """Delete a participation with all its drawings for good; return how many those were.

    In one transaction, so that the rows stay if the store fails, and it can be asked for again.

    Raises:
        StoreUnavailable
    """
    with _translate_errors():
        ids = list(participation.drawings.values_list("record_id", flat=True))
    with _translate_errors(), transaction.atomic():
        store().delete(ids)
        Participation.objects.filter(pk=participation.pk).delete()
        erase_deleted()
    return len(ids)


def delete_all_of(visitor: str) -> set[UUID]:
    """Delete all participations of a visitor, as `delete`; return the ids of their drawings.

    Raises:
        StoreUnavailable
    """
    with _translate_errors():
        participations = list(Participation.objects.filter(visitor=visitor))
        drawings = PromptedDrawing.objects.filter(participation__in=participations)
        ids = set(drawings.filter(drawn_at__isnull=False).values_list("record_id", flat=True))
    for participation in participations:
        delete(participation)
    return ids
