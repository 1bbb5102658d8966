"""Tables of the site about model versions: the canary's share, one lease, the history.

The versions themselves and their labels are on disk, in the model server and in `models.config`;
a copy here could only disagree.
"""

from typing import Any, NoReturn

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone


class ModelVersion(models.Model):
    """Represents the versions in the admin and their permissions; it has no table."""

    class Meta:
        managed = False
        default_permissions = ("view", "change")
        verbose_name = "model version"

    def __str__(self) -> str:
        return "model version"


class RolloutState(models.Model):
    """One row for each model: the canary's share, and the lease of the operator who changes it."""

    model_name = models.CharField(max_length=100, primary_key=True)
    canary_share = models.PositiveSmallIntegerField(
        "canary share (%)", default=0, validators=(MaxValueValidator(100),)
    )
    locked_by = models.CharField(max_length=150, blank=True)
    locked_for = models.CharField(max_length=200, blank=True)  # what is being done
    lock_token = models.CharField(max_length=32, blank=True)
    locked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.model_name}: {self.canary_share} % canary"


class Action(models.TextChoices):
    """The kinds of change."""

    PUBLISH = "publish", "published"
    PROMOTE = "promote", "promoted"
    ROLLBACK = "rollback", "rolled back"
    CANARY = "canary", "canary"
    WITHDRAW = "withdraw", "canary withdrawn"
    RETIRE = "retire", "retired"


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
