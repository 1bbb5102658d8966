"""The app that decides which model version answers a visitor."""

from django.apps import AppConfig


class RolloutConfig(AppConfig):
    name = "webui.rollout"
    label = "rollout"
    verbose_name = "Rollout"

    def ready(self) -> None:
        from webui.rollout import deletions

        deletions.connect()
