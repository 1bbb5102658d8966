"""What the site itself keeps about model versions: the canary's share, one lock, the history.

Which versions exist, are loaded and labelled is not kept here: that is on disk, in the model
server and in `models.config`, and would only disagree.
"""

from typing import Any, NoReturn

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone


class ModelVersion(models.Model):
    """No table: stands for the versions in the admin, and for the permissions to them."""

    class Meta:
        managed = False
        default_permissions = ("view", "change")
        verbose_name = "model version"

    def __str__(self) -> str:
        return "model version"


class RolloutState(models.Model):
    """One row for each model: how many visitors get the canary, and who is at work on it."""

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
    """What can be done to a model's versions."""

    PUBLISH = "publish", "published"
    PROMOTE = "promote", "promoted"
    ROLLBACK = "rollback", "rolled back"
    CANARY = "canary", "canary"
    WITHDRAW = "withdraw", "canary withdrawn"
    RETIRE = "retire", "retired"


class AppendOnly(Exception):
    """History is added to, never changed."""


class HistoryQuerySet(models.QuerySet["HistoryEntry"]):
    """Reads, and adds; a statement over many rows would pass the model's own guard."""

    def _refuse(self) -> NoReturn:
        raise AppendOnly("the history of model versions is append-only")

    def update(self, **_kwargs: Any) -> NoReturn:
        self._refuse()

    def delete(self) -> NoReturn:
        self._refuse()

    def bulk_update(
        self,
        objs: Any,
        fields: Any,
        batch_size: Any = None,
    ) -> NoReturn:
        self._refuse()


class HistoryEntry(models.Model):
    """Who did what, when, from which version to which, and why; also what failed."""

    at = models.DateTimeField("at (UTC)", default=timezone.now, db_index=True)
    by = models.CharField(max_length=150)
    action = models.CharField(max_length=16, choices=Action.choices)
    model_name = models.CharField(max_length=100)
    from_version = models.PositiveBigIntegerField(null=True, blank=True)
    to_version = models.PositiveBigIntegerField(null=True, blank=True)
    share = models.PositiveSmallIntegerField("share (%)", null=True, blank=True)
    succeeded = models.BooleanField(default=True)
    detail = models.TextField(blank=True)  # why it failed, in the model server's words
    note = models.TextField(blank=True)  # why it was done, in the operator's words

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
