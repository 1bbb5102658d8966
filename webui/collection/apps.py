"""Prompted collection: sessions, who takes part, and what they were asked to draw."""

from django.apps import AppConfig


class CollectionConfig(AppConfig):
    name = "webui.collection"
    label = "collection"

    def ready(self) -> None:
        from webui.collection.models import PromptedDrawing
        from webui.records.deletions import delete_with_records

        delete_with_records({PromptedDrawing: "drawn_at"})
