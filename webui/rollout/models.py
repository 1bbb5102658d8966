"""Tables of the site about model versions: shares, the history, what canary and shadow did.

The versions themselves and their labels are on disk, in the model server and in `models.config`;
a copy here could only disagree.
"""

import math
from typing import Any, NoReturn

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone

from webui.records.models import Verdict


class ModelVersion(models.Model):
    """Represents the versions in the admin and their permissions; it has no table."""

    class Meta:
        managed = False
        default_permissions = ("view", "change")
        verbose_name = "model version"

    def __str__(self) -> str:
        return "model version"


class RolloutState(models.Model):
    """One row for each model: the shares, and the lease of the operator who changes it."""

    model_name = models.CharField(max_length=100, primary_key=True)
    canary_share = models.PositiveSmallIntegerField(
        "canary share (%)", default=0, validators=(MaxValueValidator(100),)
    )
    shadow_share = models.PositiveSmallIntegerField(
        "shadow share (%)", default=0, validators=(MaxValueValidator(100),)
    )
    locked_by = models.CharField(max_length=150, blank=True)
    locked_for = models.CharField(max_length=200, blank=True)  # what is being done
    lock_token = models.CharField(max_length=32, blank=True)
    locked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.model_name}: {self.canary_share} % canary"


class CanaryWatch(models.Model):
    """One row for each model: what the sequential test has counted of its canary so far."""

    model_name = models.CharField(max_length=100, primary_key=True)
    holder = models.CharField(max_length=64, blank=True)  # the lease of the process that counts
    until = models.DateTimeField(null=True, blank=True)
    stable = models.PositiveBigIntegerField(null=True, blank=True)
    canary = models.PositiveBigIntegerField(null=True, blank=True)
    began_at = models.DateTimeField(null=True, blank=True)  # of the two versions side by side
    counted_until = models.DateTimeField(null=True, blank=True)
    stable_drawings = models.PositiveBigIntegerField(default=0)
    stable_corrected = models.PositiveBigIntegerField(default=0)
    canary_drawings = models.PositiveBigIntegerField(default=0)
    canary_corrected = models.PositiveBigIntegerField(default=0)
    log_products = models.JSONField(default=list)  # see webui.rollout.sequential_test
    largest = models.FloatField(default=0.0)  # log E

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.model_name}: canary {self.canary} beside {self.stable}"

    @property
    def p(self) -> float:
        """The p-value that is valid whenever one looks."""
        return math.exp(-max(self.largest, 0.0))

    @property
    def stable_percent(self) -> float:
        return 100 * self.stable_corrected / self.stable_drawings

    @property
    def canary_percent(self) -> float:
        return 100 * self.canary_corrected / self.canary_drawings


class Action(models.TextChoices):
    """The kinds of change."""

    PUBLISH = "publish", "published"
    PROMOTE = "promote", "promoted"
    ROLLBACK = "rollback", "rolled back"
    CANARY = "canary", "canary"
    WITHDRAW = "withdraw", "canary withdrawn"
    SHADOW = "shadow", "shadow"
    END_SHADOW = "end-shadow", "shadow ended"
    RETIRE = "retire", "retired"


class ShadowAnswer(models.Model):
    """The shadow's answer to a recorded drawing, beside what the visitor was answered.

    It references the record by its id alone, since records may be in Cassandra, and is deleted
    with it.
    """

    record_id = models.UUIDField("record")
    recorded_at = models.DateTimeField("predicted at (UTC)")  # follows from the record's id
    version = models.PositiveBigIntegerField("shadow")
    label = models.CharField(max_length=16)  # "0".."9" or "not_a_digit"
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    digit = models.PositiveSmallIntegerField(null=True, blank=True)
    confidence = models.FloatField()
    answered_version = models.PositiveBigIntegerField("visitor's version")
    answered_label = models.CharField(max_length=16)
    agrees = models.BooleanField()

    class Meta:
        default_permissions = ("view",)
        ordering = ("-recorded_at", "-id")
        verbose_name = "shadow disagreement"
        constraints = (
            models.UniqueConstraint(fields=("record_id", "version"), name="shadow_once"),
        )
        indexes = (
            models.Index(fields=("agrees", "-recorded_at", "-id"), name="shadow_disagreeing"),
            models.Index(fields=("version", "agrees"), name="shadow_by_version"),
            models.Index(fields=("recorded_at",), name="shadow_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.label} by version {self.version}, {self.answered_label} answered"


class AppendOnly(Exception):
    """An attempt to change or delete an entry of the history."""


class HistoryQuerySet(models.QuerySet["HistoryEntry"]):
    """Refuses statements over many rows, which bypass the methods of the model."""

    def _refuse(self) -> NoReturn:
        raise AppendOnly("the history of model versions is append-only")

    def update(self, **_kwargs: Any) -> NoReturn:
        self._refuse()

    def delete(self) -> NoReturn:
        self._refuse()

    def bulk_update(self, objs: Any, fields: Any, batch_size: Any = None) -> NoReturn:
        self._refuse()


class HistoryEntry(models.Model):
    """A change with operator, time, versions and reason; also one that failed."""

    at = models.DateTimeField("at (UTC)", default=timezone.now, db_index=True)
    by = models.CharField(max_length=150)
    action = models.CharField(max_length=16, choices=Action.choices)
    model_name = models.CharField(max_length=100)
    from_version = models.PositiveBigIntegerField(null=True, blank=True)
    to_version = models.PositiveBigIntegerField(null=True, blank=True)
    share = models.PositiveSmallIntegerField("share (%)", null=True, blank=True)
    succeeded = models.BooleanField(default=True)
    detail = models.TextField(blank=True)  # why it failed, as the model server reports it
    note = models.TextField(blank=True)  # why it was done, by the operator
    # Why a version was published against the gate, or without its verdict.
    gate_override = models.TextField("reason to override the gate", blank=True)

    objects = HistoryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = "history entry"
        verbose_name_plural = "history"

    def __str__(self) -> str:
        outcome = "" if self.succeeded else " (failed)"
        return f"{self.get_action_display()} {self.to_version or self.from_version}{outcome}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("the history of model versions is append-only")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AppendOnly("the history of model versions is append-only")
