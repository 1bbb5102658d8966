"""API keys, by which programs reach predictions."""

from django.conf import settings
from django.db import models


class ApiKey(models.Model):
    """A key that staff gave to a program. The key itself is shown once and not stored."""

    name = models.CharField(max_length=100, help_text="Which program or person holds the key")
    # One round of SHA-256 is enough: a key is 256 random bits, which nobody can guess.
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField("begins with", max_length=12, editable=False)
    created_at = models.DateTimeField("created at (UTC)", auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, editable=False, on_delete=models.SET_NULL
    )
    last_used_on = models.DateField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField("revoked at (UTC)", null=True, blank=True, editable=False)

    plain_text = ""  # the key itself, only on the instance that `issue` just gave it to

    class Meta:
        verbose_name = "API key"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"
