"""The app that says which model version answers whom."""

from django.apps import AppConfig


class RolloutConfig(AppConfig):
    name = "webui.rollout"
    label = "rollout"
    verbose_name = "Rollout"
