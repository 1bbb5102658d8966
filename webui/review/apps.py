"""The app in which people review recorded drawings."""

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "webui.review"
    label = "review"
    verbose_name = "Review"

    def ready(self) -> None:
        from webui.records.deletions import delete_with_records
        from webui.review.models import Decision, Dispute, ReviewLease

        delete_with_records({Decision: "recorded_at", Dispute: "recorded_at", ReviewLease: None})
