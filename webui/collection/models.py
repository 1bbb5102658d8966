"""Sessions, the people who take part in them, and the digits that they were asked to draw.

The drawings themselves are records, in the configured store. The rows here are in the default
database and name records by id.
"""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

LEAST_DRAWINGS, MOST_DRAWINGS = 10, 200
DEFAULT_DRAWINGS = 20  # each digit twice: two minutes


class CollectionSession(models.Model):
    """An occasion at which people draw, like a lesson; they enter its code."""

    code = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$",
                "Use lower-case letters, digits and hyphens, like class-4b.",
            )
        ],
        help_text="What people enter, like class-4b",
    )
    title = models.CharField(max_length=100, help_text="What people read, like Class 4b")
    drawings_each = models.PositiveSmallIntegerField(
        default=DEFAULT_DRAWINGS,
        validators=[MinValueValidator(LEAST_DRAWINGS), MaxValueValidator(MOST_DRAWINGS)],
        help_text="Drawings that each person is asked for; best a multiple of ten",
    )
    is_open = models.BooleanField(default=True, help_text="Whether people may begin and draw")
    created_at = models.DateTimeField("created at (UTC)", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL
    )

    class Meta:
        verbose_name = "session"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.title} ({self.code})"


class Participation(models.Model):
    """One person who takes part, from consent to the last drawing.

    A browser has one open participation. A device that several people share has several, one
    after the other.
    """

    session = models.ForeignKey(  # None: without a code
        CollectionSession, null=True, on_delete=models.PROTECT, related_name="participations"
    )
    visitor = models.CharField(max_length=64)  # as in the records: a keyed hash, not the cookie
    turn = models.PositiveIntegerField()  # of the people at this browser, from 0 on
    writer = models.CharField(max_length=32, unique=True)  # see webui.collection.writers
    drawings_wanted = models.PositiveSmallIntegerField()
    consent_version = models.PositiveSmallIntegerField()
    consent_language = models.CharField(max_length=16)
    licence = models.CharField(max_length=40)
    started_at = models.DateTimeField("started at (UTC)", auto_now_add=True)
    ended_at = models.DateTimeField("ended at (UTC)", null=True, blank=True)

    class Meta:
        verbose_name = "participant"
        ordering = ("-started_at",)
        constraints = (
            models.UniqueConstraint(fields=("visitor", "turn"), name="participation_turn"),
            models.UniqueConstraint(
                fields=("visitor",),
                condition=models.Q(ended_at__isnull=True),
                name="participation_open",
            ),
        )

    def __str__(self) -> str:
        return f"writer {self.writer}"


class PromptedDrawing(models.Model):
    """One prompt that was answered with a drawing, and the record of it."""

    participation = models.ForeignKey(
        Participation, on_delete=models.CASCADE, related_name="drawings"
    )
    number = models.PositiveSmallIntegerField()  # of the prompt, from 0 on
    digit = models.PositiveSmallIntegerField()  # what was asked for
    # Made before anything is recorded, so that a repeated request records the same drawing once.
    record_id = models.UUIDField(unique=True)
    drawn_at = models.DateTimeField("drawn at (UTC)", null=True)  # None until it is recorded

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("participation", "number"), name="prompt_once"),
        )

    def __str__(self) -> str:
        return f"a {self.digit} by {self.participation_id}"
