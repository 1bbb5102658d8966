"""Decisions of reviewers, in the default database, wherever the records are.

A decision references a record by its id alone, so no query joins the two.
"""

from django.db import models

from serving.verdict import NOT_A_DIGIT
from webui.records.models import LABELS

REJECTED = "rejected"  # unreadable, offensive, two digits: of no use to anybody
DECISIONS = (*LABELS, REJECTED)


class Decision(models.Model):
    """One reviewer's label of a drawing; each has at most one that is not undone."""

    record_id = models.UUIDField("record")
    # When the record was predicted, which follows from its id: the stable order of decisions, and
    # what expires with the record.
    recorded_at = models.DateTimeField("recorded at (UTC)")
    label = models.CharField(
        max_length=16,
        choices=[
            *((str(digit), str(digit)) for digit in range(10)),
            (NOT_A_DIGIT, "not a digit"),
            (REJECTED, "rejected"),
        ],
    )
    reviewer = models.CharField(max_length=150)  # the user name, as in `Record.corrected_by`
    at = models.DateTimeField("at (UTC)")
    answer = models.CharField(max_length=16)  # what the model said: "0".."9" or "not_a_digit"
    model_version = models.PositiveBigIntegerField()  # the version that said it
    batch = models.UUIDField()  # decisions made in one go are undone in one go
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("recorded_at", "record_id", "at", "id")
        default_permissions = ("view",)
        permissions = (("review_drawings", "Can review drawings"),)
        constraints = (
            models.UniqueConstraint(
                fields=("record_id", "reviewer"),
                condition=models.Q(undone_at=None),
                name="review_once",
            ),
        )
        indexes = (
            models.Index(fields=("recorded_at", "record_id", "at", "id"), name="review_in_order"),
            models.Index(fields=("record_id",), name="review_of_record"),
            models.Index(fields=("reviewer", "-at", "-id"), name="review_latest"),
        )

    def __str__(self) -> str:
        return f"{self.get_label_display()} by {self.reviewer}"


class Dispute(models.Model):
    """A drawing that two reviewers see differently, until a third decides."""

    record_id = models.UUIDField(primary_key=True)
    recorded_at = models.DateTimeField()
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("since",)
        default_permissions = ()
        indexes = (models.Index(fields=("since",), name="review_disputed"),)

    def __str__(self) -> str:
        return str(self.record_id)


class ReviewLease(models.Model):
    """A drawing that is on a reviewer's screen, so that another gets a different one."""

    record_id = models.UUIDField(primary_key=True)
    holder = models.CharField(max_length=150, blank=True)
    until = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.record_id} for {self.holder}"


class ReviewQueue(models.Model):
    """Represents the queue in the admin; it has no table."""

    class Meta:
        managed = False
        default_permissions = ()
        verbose_name = "review queue"
        verbose_name_plural = "review queue"

    def __str__(self) -> str:
        return "review queue"
