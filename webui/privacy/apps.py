"""The privacy page's templates and static files."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "webui.privacy"
    label = "privacy"
