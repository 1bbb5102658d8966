"""The dashboard in the admin and its permission; nothing is stored."""

from django.db import models


class Dashboard(models.Model):
    """Represents the dashboard in the admin; it has no table."""

    class Meta:
        managed = False
        default_permissions = ("view",)
        verbose_name = "dashboard"
        verbose_name_plural = "dashboard"

    def __str__(self) -> str:
        return "dashboard"
