"""Data set snapshots."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "webui.datasets"
    label = "datasets"
