"""The page, the JSON API, and the service behind both."""

from django.apps import AppConfig


class RecognitionConfig(AppConfig):
    name = "webui.recognition"
    verbose_name = "Access to the API"
