"""Review in the admin: the queue, one drawing at a time or in a grid, and the decisions."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime

from webui.records.admin.record_admin import label_text, prediction_text
from webui.records.admin.unavailable import unavailable_as_503
from webui.records.drawings import UNKNOWN_PICTURE, content_type, picture_response, thumbnail
from webui.records.models import Record
from webui.records.store import RecordNotFound, StoreUnavailable, store
from webui.review import queue, services
from webui.review import record_admin as record_admin  # registers the records' pages
from webui.review.models import DECISIONS, Decision, ReviewQueue

if TYPE_CHECKING:
    QueueAdminBase = admin.ModelAdmin[ReviewQueue]
    DecisionAdminBase = admin.ModelAdmin[Decision]
else:
    QueueAdminBase = DecisionAdminBase = admin.ModelAdmin  # not generic at run time

PERMISSION = "review.review_drawings"
FETCHED = 12  # drawings that the page asks for at once; it asks again when half are left
MOST_HELD = 200  # drawings that a reviewer may put off
GRID = 50
MOST_CHOSEN = GRID  # drawings that a link of the grid opens one by one
INVALID_DECISION = (
    "A decision has the id of a record, and a label: 0 to 9, not_a_digit or rejected."
)
MARKED = "marked"  # in the grid's form: the reviewer will look at this drawing alone


class DecisionForm(forms.Form):
    """A decision as the page's script sends it."""

    id = forms.UUIDField()
    label = forms.ChoiceField(choices=[(label, label) for label in DECISIONS])


@admin.register(ReviewQueue)
class ReviewQueueAdmin(QueueAdminBase):
    """The queue in place of a change list; every view needs the permission to review."""

    def has_view_permission(self, request: HttpRequest, obj: ReviewQueue | None = None) -> bool:
        return bool(request.user.is_staff and request.user.has_perm(PERMISSION))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ReviewQueue | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ReviewQueue | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="review_reviewqueue_changelist"),
            path("next.json", view(self.next_view), name="review_next"),
            path("decide/", view(self.decide_view), name="review_decide"),
            path("undo/", view(self.undo_view), name="review_undo"),
            path("grid/", view(self.grid_view), name="review_grid"),
            path("<uuid:record_id>/picture/", view(self.picture_view), name="review_picture"),
        ]

    # --- one drawing at a time ---------------------------------------------------------------

    @unavailable_as_503
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._must_review(request)
        before = _instant(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Review queue",
            "opts": self.opts,
            "next_url": f"{reverse('admin:review_next')}?{request.GET.urlencode()}",
            "earlier_url": self._earlier_url("admin:review_reviewqueue_changelist", before),
            "before": before,
            "window": queue.WINDOW,
            "digits": range(10),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/review/queue.html", context)

    def next_view(self, request: HttpRequest) -> JsonResponse:
        """Returns the reviewer's next drawings, or those that the address names."""
        self._must_review(request)
        try:
            if chosen := _chosen(request):
                assigned = queue.assign_chosen(_name(request), chosen)
            else:
                count = FETCHED + _held(request)
                assigned = queue.assign(_name(request), count, before=_instant(request))
        except StoreUnavailable:
            return _unavailable()
        return JsonResponse(
            {"drawings": [_as_json(request, one) for one in assigned]},
            headers={"Cache-Control": "no-store"},
        )

    def decide_view(self, request: HttpRequest) -> JsonResponse:
        """Takes one decision."""
        self._must_review(request, posting=True)
        form = DecisionForm(request.POST)
        if not form.is_valid():
            return JsonResponse({"error": INVALID_DECISION}, status=400)
        try:
            services.decide(
                form.cleaned_data["id"],
                label=form.cleaned_data["label"],
                reviewer=_name(request),
            )
        except services.AlreadyReviewed as problem:
            return JsonResponse({"error": str(problem)}, status=409)
        except RecordNotFound:
            return JsonResponse({"error": "This drawing has been deleted."}, status=404)
        except StoreUnavailable:
            return _unavailable()
        return JsonResponse({})

    def undo_view(self, request: HttpRequest) -> JsonResponse:
        """Takes the reviewer's latest decision back and returns its drawings."""
        self._must_review(request, posting=True)
        try:
            undone = services.undo(_name(request))
            assigned = queue.assign_chosen(_name(request), [one.record_id for one in undone])
        except services.NothingToUndo as problem:
            return JsonResponse({"error": str(problem)}, status=409)
        except StoreUnavailable:
            return _unavailable()
        return JsonResponse({"drawings": [_as_json(request, one) for one in assigned]})

    @unavailable_as_503
    def picture_view(self, request: HttpRequest, record_id: UUID) -> HttpResponse:
        """Serves the picture as it was recorded, to reviewers who may not see all records."""
        self._must_review(request)
        try:
            record = store().get(record_id)
        except RecordNotFound:
            raise Http404("There is no such picture.") from None
        if not record.picture:
            raise Http404("There is no such picture.")
        return picture_response(record)

    # --- a grid ------------------------------------------------------------------------------

    @unavailable_as_503
    def grid_view(self, request: HttpRequest) -> HttpResponse:
        """Shows many drawings with the labels that accepting confirms; takes the decisions."""
        self._must_review(request)
        if request.method == "POST":
            return self._decide_grid(request)
        before = _instant(request)
        assigned = queue.assign(_name(request), GRID, before=before)
        drawings = [
            {
                "id": str(one.record.id),
                "label": queue.proposed_label(one.record),
                "text": label_text(queue.proposed_label(one.record)),
                "thumbnail": thumbnail(one.record),
                "confidence": f"{one.record.confidence:.0%}",
                "reason": one.reason.value,
            }
            for one in assigned
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "Review in a grid",
            "opts": self.opts,
            # Side by side, so that one which differs is seen.
            "drawings": sorted(drawings, key=lambda drawing: drawing["label"]),
            "earlier_url": self._earlier_url("admin:review_grid", before),
            "before": before,
            "window": queue.WINDOW,
            "labels": [(label, label_text(label)) for label in DECISIONS],
        }
        return TemplateResponse(request, "admin/review/grid.html", context)

    def _decide_grid(self, request: HttpRequest) -> HttpResponse:
        here = request.get_full_path()
        if "undo" in request.POST:
            try:
                count = len(services.undo(_name(request)))
                self.message_user(request, f"Undone: {_drawings(count)}.", messages.SUCCESS)
            except services.NothingToUndo as problem:
                self.message_user(request, str(problem), messages.WARNING)
            return HttpResponseRedirect(here)
        try:
            labels, marked = _grid_labels(request)
            services.decide_together(labels, reviewer=_name(request))
        except services.ReviewError as problem:
            self.message_user(request, str(problem), messages.ERROR)
            return HttpResponseRedirect(here)
        except RecordNotFound:
            self.message_user(
                request,
                "Nothing was decided: one of the drawings has been deleted. Here are the others.",
                messages.ERROR,
            )
            return HttpResponseRedirect(here)
        self.message_user(request, f"Decided: {_drawings(len(labels))}.", messages.SUCCESS)
        if marked:
            chosen = ",".join(str(one) for one in marked)
            here = f"{reverse('admin:review_reviewqueue_changelist')}?only={chosen}"
        return HttpResponseRedirect(here)

    # --- ------------------------------------------------------------------------------------

    def _must_review(self, request: HttpRequest, *, posting: bool = False) -> None:
        if not self.has_view_permission(request) or (posting and request.method != "POST"):
            raise PermissionDenied

    def _earlier_url(self, view: str, before: datetime | None) -> str:
        oldest = queue.earlier(before)
        return f"{reverse(view)}?before={oldest:%Y-%m-%dT%H:%M:%S.%fZ}" if oldest else ""


@admin.register(Decision)
class DecisionAdmin(DecisionAdminBase):
    """The decisions with reviewer and time; nobody may edit them, undoing is in the queue."""

    list_display = ("at", "reviewer", "label", "answer", "model_version", "record_id", "undone_at")
    list_filter = ("label", "model_version")
    search_fields = ("reviewer",)
    date_hierarchy = "at"
    ordering = ("-at", "-id")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Decision | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Decision | None = None) -> bool:
        return False


def _name(request: HttpRequest) -> str:
    return request.user.get_username()


def _drawings(count: int) -> str:
    return "1 drawing" if count == 1 else f"{count} drawings"


def _instant(request: HttpRequest) -> datetime | None:
    """Returns where the window begins; None, the latest drawing, also for an invalid text."""
    try:
        instant = parse_datetime(request.GET.get("before", ""))
    except ValueError:
        return None
    return instant if instant is not None and instant.tzinfo is not None else None


def _held(request: HttpRequest) -> int:
    """Returns how many undecided drawings the page has already; they come first again."""
    text = request.GET.get("held", "")
    return min(int(text), MOST_HELD) if text.isascii() and text.isdecimal() else 0


def _chosen(request: HttpRequest) -> list[UUID]:
    """Returns the ids that the address names; invalid ones are left out."""
    chosen = []
    for text in request.GET.get("only", "").split(",")[:MOST_CHOSEN]:
        try:
            chosen.append(UUID(text))
        except ValueError:
            continue
    return chosen


def _grid_labels(request: HttpRequest) -> tuple[Sequence[tuple[UUID, str]], Sequence[UUID]]:
    """Returns the decisions of the grid's form, and the drawings to be looked at alone.

    Raises:
        UnknownLabel: the form is not one of the grid's.
    """
    labels: list[tuple[UUID, str]] = []
    marked: list[UUID] = []
    for text in request.POST.getlist("drawing")[:GRID]:
        try:
            record_id = UUID(text)
        except ValueError:
            raise services.UnknownLabel(f"“{text}” is not the id of a record.") from None
        label = request.POST.get(f"label-{text}", "")
        if f"{MARKED}-{text}" in request.POST:
            marked.append(record_id)
        else:
            labels.append((record_id, label))
    return labels, marked


def _unavailable() -> JsonResponse:
    return JsonResponse(
        {"error": "The records cannot be read just now; try again in a few seconds."}, status=503
    )


def _as_json(request: HttpRequest, assigned: queue.Assigned) -> dict[str, Any]:
    record: Record = assigned.record
    label = queue.proposed_label(record)
    shown = content_type(bytes(record.picture)) != UNKNOWN_PICTURE
    may_view = request.user.has_perm("records.view_record")
    return {
        "id": str(record.id),
        "reason": assigned.reason.value,
        "label": label,
        "label_text": label_text(label),
        "predicted": prediction_text(record),
        "corrected": label_text(record.corrected_label),
        "confidence": f"{record.confidence:.1%}",
        "version": record.model_version,
        "at": f"{record.predicted_at:%Y-%m-%d %H:%M} UTC",
        "instance": thumbnail(record),
        "picture": reverse("admin:review_picture", args=(record.id,)) if shown else "",
        "ink": record.ink or [],
        "url": reverse("admin:records_record_change", args=(record.id,)) if may_view else "",
    }
