"""Records of predictions: the model, the stores, and the pages in the admin."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "webui.records"
    verbose_name = "Predictions"
