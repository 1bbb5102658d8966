"""The page, the JSON API, and the service behind both."""

from django.apps import AppConfig


class RecognitionConfig(AppConfig):
    name = "webui.recognition"
    label = "recognition_page"  # webui.access has the label "recognition"
