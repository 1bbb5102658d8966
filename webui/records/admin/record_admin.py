"""Records in Django's admin: the same pages for every store.

All access goes through `store()`, never to the table of the database store. Records can be
viewed, corrected and deleted, but not added or edited.
"""

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from serving.verdict import NOT_A_DIGIT
from webui.records.admin.changelist import CURSORS, FiltersOnly, RecordChangeList
from webui.records.admin.downloads import FORMATS, Download
from webui.records.admin.filters import (
    ConfidenceFilter,
    CorrectionFilter,
    DayFilter,
    DigitFilter,
    ModelVersionFilter,
    VerdictFilter,
    range_of_form,
)
from webui.records.admin.record_query import InvalidParameter, RecordQuery
from webui.records.admin.unavailable import unavailable_as_503
from webui.records.drawings import (
    UNKNOWN_PICTURE,
    bars,
    content_type,
    ink_drawing,
    picture_response,
    thumbnail,
)
from webui.records.exports import Labels, label_of
from webui.records.models import LABELS, Record, Verdict
from webui.records.searching import search
from webui.records.store import Recorded, RecordNotFound, store


def label_text(label: str) -> str:
    """Returns a label's text for people."""
    return str(Verdict.NOT_A_DIGIT.label) if label == NOT_A_DIGIT else label


if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Record]
    ModelAdmin = admin.ModelAdmin[Record]
else:
    ModelForm = forms.ModelForm
    ModelAdmin = admin.ModelAdmin


class CorrectionForm(ModelForm):
    """The label that a person gives to a drawing."""

    corrected_label = forms.ChoiceField(
        label="Really drawn",
        required=False,
        choices=[("", "no correction"), *((label, label_text(label)) for label in LABELS)],
        widget=forms.RadioSelect(attrs={"class": "correction"}),
        help_text="Exports use this label instead of the prediction.",
    )

    class Meta:
        model = Record
        fields = ("corrected_label",)


@admin.register(Record)
class RecordAdmin(ModelAdmin):
    form = CorrectionForm
    list_display: tuple[Any, ...] = (
        "drawing",
        "time",
        "predicted",
        "confidence_percent",
        "answered_by",
        "corrected",
    )
    list_display_links = ("drawing", "time")
    list_filter = (
        DayFilter,
        DigitFilter,
        VerdictFilter,
        ModelVersionFilter,
        CorrectionFilter,
        ConfidenceFilter,
    )
    list_per_page = 50
    search_fields = ("id",)
    search_help_text = "The id of a record, as the API and the page's answer name it."
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()
    actions_selection_counter = True

    class Media:
        css = {"all": ("records/admin.css",)}

    # --- columns ---------------------------------------------------------------------------

    @admin.display(description="Drawing")
    def drawing(self, record: Record) -> SafeString | str:
        uri = thumbnail(record)
        if not uri:
            return "–"
        return format_html(
            '<img class="record-thumbnail" src="{}" alt="drawing" width="28" height="28">', uri
        )

    @admin.display(description="Time (UTC)")
    def time(self, record: Record) -> SafeString:
        return format_html(
            '<time datetime="{}">{}</time>',
            record.predicted_at.isoformat(),
            f"{record.predicted_at:%Y-%m-%d %H:%M:%S}",
        )

    @admin.display(description="Predicted")
    def predicted(self, record: Record) -> SafeString:
        return format_html(
            '<span class="record-predicted record-predicted-{}">{}</span>',
            record.verdict,
            prediction_text(record),
        )

    @admin.display(description="Confidence")
    def confidence_percent(self, record: Record) -> str:
        return f"{record.confidence:.1%}"

    @admin.display(description="Model")
    def answered_by(self, record: Record) -> str:
        return f"{record.model_version} ({record.model_label})"

    @admin.display(description="Corrected", empty_value="")
    def corrected(self, record: Record) -> str | None:
        return f"to {label_text(record.corrected_label)}" if record.corrected_label else None

    # --- permissions -----------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # only predictions make records

    # --- the list --------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Any:
        return RecordQuery()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecordChangeList]:
        return FiltersOnly if getattr(request, "filters_only", False) else RecordChangeList

    @unavailable_as_503
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        searched = request.GET.get("q", "").strip()
        if searched:
            return self._search(request, searched)
        if (value := range_of_form(request.GET)) is not None:
            return self._list_with_range(request, value)
        context = {
            "pending": store().pending(),
            "export_formats": FORMATS,
            **(extra_context or {}),
        }
        try:
            if request.method != "POST":
                return super().changelist_view(request, context)
            with transaction.atomic():  # the log must not contain a deletion that failed
                return super().changelist_view(request, context)
        except InvalidParameter as invalid:
            return self._list_without(request, invalid.name, str(invalid))

    def _search(self, request: HttpRequest, text: str) -> HttpResponse:
        try:
            record_id = UUID(text)
        except ValueError:
            return self._list_without(
                request,
                "q",
                f"“{text}” is not a record id; an id looks like "
                "4a1f7c60-1f83-11f1-8a2e-3d0f6b7c9e21.",
            )
        try:
            record = store().get(record_id)
        except RecordNotFound:
            return self._list_without(request, "q", f"There is no record {record_id}.")
        return HttpResponseRedirect(self._url("change", record.id))

    def _list_with_range(self, request: HttpRequest, value: str) -> HttpResponse:
        """Redirects from the form of the confidence filter to the address of the list."""
        kept = request.GET.copy()
        for name in ("confidence_from", "confidence_to", *CURSORS):
            kept.pop(name, None)
        kept["confidence"] = value
        return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}")

    def _query_of(self, request: HttpRequest, address: str) -> RecordQuery:
        """Returns the query of a list's address; raises InvalidParameter."""
        listed = copy(request)
        listed.GET = QueryDict(address)
        listed.filters_only = True  # type: ignore[attr-defined]
        query: RecordQuery = self.get_changelist_instance(listed).queryset
        return query

    @unavailable_as_503
    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Streams the records of the filtered list as a file."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        address = request.GET.copy()
        kind = address.pop("format", [""])[-1]
        if kind not in FORMATS:
            raise Http404(f"There is no export as “{kind}”; there are {', '.join(FORMATS)}.")
        try:
            query = self._query_of(request, address.urlencode())
        except InvalidParameter as invalid:
            self.message_user(request, str(invalid), messages.ERROR)
            return HttpResponseRedirect(self._list_url())
        return Download(query.filters, query.conditions, self.export_labels).response(kind)

    def export_labels(self, records: Sequence[Record]) -> Sequence[str | None]:
        """Returns the label with which each record is exported."""
        return [label_of(record, Labels.CORRECTED) for record in records]

    def _list_url(self) -> str:
        return reverse(f"{self.admin_site.name}:records_record_changelist")

    def _list_without(self, request: HttpRequest, name: str, message: str) -> HttpResponse:
        """Redirects to the list without the invalid parameter, with a message that says so."""
        self.message_user(request, message, messages.ERROR)
        kept = request.GET.copy()
        kept.pop(name, None)
        return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}".rstrip("?"))

    # --- one record ------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        picture = path(
            "<path:object_id>/picture/",
            self.admin_site.admin_view(self.picture_view),
            name="records_record_picture",
        )
        export = path(
            "export/", self.admin_site.admin_view(self.export_view), name="records_record_export"
        )
        return [picture, export, *super().get_urls()]

    def _url(self, view: str, record_id: UUID) -> str:
        return reverse(
            f"{self.admin_site.name}:records_record_{view}", args=(quote(str(record_id)),)
        )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Record | None:
        try:
            return store().get(UUID(object_id))
        except (ValueError, RecordNotFound):
            return None

    def get_fieldsets(self, request: HttpRequest, obj: Record | None = None) -> Any:
        if not self.has_change_permission(request, obj):
            return []
        return [("Correction", {"fields": ("corrected_label",)})]

    @unavailable_as_503
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except RecordNotFound:  # deleted between reading and writing
            redirect: HttpResponse = self._get_obj_does_not_exist_redirect(  # type: ignore[attr-defined]
                request, self.opts, object_id
            )
            return redirect

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Record | None = None,
    ) -> HttpResponse:
        if obj is not None:
            shown = content_type(bytes(obj.picture)) != UNKNOWN_PICTURE
            context |= {
                "title": "Record",
                "predicted": prediction_text(obj),
                "confidence": self.confidence_percent(obj),
                "corrected": label_text(obj.corrected_label),
                "thumbnail": thumbnail(obj),
                "picture_url": self._url("picture", obj.id) if shown else "",
                "bars": bars(obj.probabilities),
                "ink": ink_drawing(obj.ink),
                "day": f"{obj.predicted_at:%Y-%m-%d}",
                **self._neighbours(request, obj),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _neighbours(self, request: HttpRequest, record: Record) -> dict[str, str]:
        """Returns the addresses of the next newer and older record of the list one came from."""
        address = request.GET.get("_changelist_filters", "")
        try:
            query = self._query_of(request, address)
        except (InvalidParameter, IncorrectLookupParameters):
            query, address = RecordQuery(), ""
        read = partial(search, query.filters, query.conditions, size=1)
        pages = {
            "newer_url": read(newer_than=record.id).page.records,
            "older_url": read(older_than=record.id).page.records,
        }
        kept = f"?{urlencode({'_changelist_filters': address})}" if address else ""
        return {
            name: f"{self._url('change', found[0].id)}{kept}" if found else ""
            for name, found in pages.items()
        }

    def save_model(self, request: HttpRequest, obj: Record, form: Any, change: bool) -> None:
        if not form.changed_data:
            return
        recorded = store().correct(
            obj.id,
            label=form.cleaned_data["corrected_label"],
            by=request.user.get_username(),
            at=timezone.now(),
        )
        self._report_if_spooled(request, recorded)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        if not form.changed_data:
            return []
        label = form.cleaned_data["corrected_label"]
        return f"Corrected to {label_text(label)}." if label else "Correction withdrawn."

    def _report_if_spooled(self, request: HttpRequest, recorded: Recorded) -> None:
        if recorded is Recorded.SPOOLED:
            self.message_user(
                request,
                "Cassandra is unavailable: this change is in the spool, and will show here later.",
                messages.WARNING,
            )

    @unavailable_as_503
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().history_view(request, object_id, extra_context)

    @unavailable_as_503
    def picture_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serves the picture as it was recorded, with headers that let a browser only show it."""
        record = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        if record is None or not record.picture:
            raise Http404("There is no such picture.")
        return picture_response(record)

    # --- deleting --------------------------------------------------------------------------

    @unavailable_as_503
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists the records to delete; nothing else refers to them."""
        named = [
            format_html('Record: <a href="{}">{}</a>', self._url("change", record.id), record)
            for record in objs
        ]
        missing = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return named, {self.opts.verbose_name_plural: len(named)}, missing, []

    def delete_model(self, request: HttpRequest, obj: Record) -> None:
        self._report_if_spooled(request, store().delete([obj.id]))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        self._report_if_spooled(request, store().delete([record.id for record in queryset]))


def prediction_text(record: Record) -> str:
    """Returns the prediction in a few characters."""
    if record.digit is None:
        return str(Verdict.NOT_A_DIGIT.label)
    return f"{record.digit}?" if record.verdict == Verdict.UNSURE else str(record.digit)
