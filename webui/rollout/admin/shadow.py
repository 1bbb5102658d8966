"""The list of drawings that a shadow read otherwise than the visitor was told, with pictures."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from serving.verdict import NOT_A_DIGIT
from webui.records.drawings import thumbnail
from webui.records.models import Verdict
from webui.records.store import StoreError, store
from webui.rollout import selectors
from webui.rollout.models import ShadowAnswer

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[ShadowAnswer]
else:
    ModelAdmin = admin.ModelAdmin  # not generic at run time


def label_text(label: str) -> str:
    return str(Verdict.NOT_A_DIGIT.label) if label == NOT_A_DIGIT else label


@admin.register(ShadowAnswer)
class ShadowAnswerAdmin(ModelAdmin):
    """Disagreements, newest first; each leads to its record. Nobody may edit them."""

    list_display = ("drawing", "time", "answered", "by_shadow", "confidence_percent")
    list_display_links = None
    list_filter = ("version", "answered_label", "label")
    list_per_page = 50
    show_full_result_count = False
    sortable_by = ()
    change_list_template = "admin/rollout/shadow_answers.html"

    class Media:
        css = {"all": ("records/admin.css", "rollout/versions.css")}

    @admin.display(description="Drawing")
    def drawing(self, answer: ShadowAnswer) -> SafeString | str:
        """The picture as the models saw it, with a link to the record."""
        url = reverse(
            f"{self.admin_site.name}:records_record_change", args=(quote(str(answer.record_id)),)
        )
        try:
            uri = thumbnail(store().get(answer.record_id))
        except StoreError:  # deleted just now, or not to be read now
            uri = ""
        if not uri:
            return format_html('<a href="{}">record</a>', url)
        return format_html(
            '<a href="{}"><img class="record-thumbnail" src="{}" alt="drawing, to the record" '
            'width="28" height="28"></a>',
            url,
            uri,
        )

    @admin.display(description="Time (UTC)")
    def time(self, answer: ShadowAnswer) -> SafeString:
        return format_html(
            '<time datetime="{}">{}</time>',
            answer.recorded_at.isoformat(),
            f"{answer.recorded_at:%Y-%m-%d %H:%M:%S}",
        )

    @admin.display(description="Answered")
    def answered(self, answer: ShadowAnswer) -> str:
        return f"{label_text(answer.answered_label)} (version {answer.answered_version})"

    @admin.display(description="The shadow")
    def by_shadow(self, answer: ShadowAnswer) -> str:
        unsure = "?" if answer.verdict == Verdict.UNSURE else ""
        return f"{label_text(answer.label)}{unsure} (version {answer.version})"

    @admin.display(description="Its confidence")
    def confidence_percent(self, answer: ShadowAnswer) -> str:
        return f"{answer.confidence:.1%}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShadowAnswer]:
        return super().get_queryset(request).filter(agrees=False)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "title": "Drawings that a shadow read otherwise",
            "statistics": selectors.shadow_statistics(),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def has_view_permission(self, request: HttpRequest, obj: ShadowAnswer | None = None) -> bool:
        # The list shows what people drew.
        return request.user.has_perm("records.view_record") and super().has_view_permission(
            request, obj
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ShadowAnswer | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ShadowAnswer | None = None) -> bool:
        return False
