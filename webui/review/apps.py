"""The app in which people review recorded drawings."""

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "webui.review"
    label = "review"
    verbose_name = "Review"

    def ready(self) -> None:
        from webui.review import deletions

        deletions.connect()
