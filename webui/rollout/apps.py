"""The app that decides which model version answers a visitor."""

from django.apps import AppConfig


class RolloutConfig(AppConfig):
    name = "webui.rollout"
    label = "rollout"
    verbose_name = "Rollout"

    def ready(self) -> None:
        from webui.records.deletions import delete_with_records
        from webui.rollout.models import ShadowAnswer

        delete_with_records({ShadowAnswer: "recorded_at"})
