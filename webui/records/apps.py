"""Records of predictions: their shape, where they are kept, and their pages in the admin."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "webui.records"
    verbose_name = "Predictions"
