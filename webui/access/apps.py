"""Visitors, API keys, rate limits and cross-site checks."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "webui.access"
    # The table, the recorded migrations, the permissions and the admin's addresses have this label.
    label = "recognition"
    verbose_name = "Access to the API"

    def ready(self) -> None:
        """Connect the receivers, after those of django-axes, whose result they log."""
        from webui.access import logins  # noqa: F401
