"""The admin's page "Model versions", and the read-only history.

The page shows the state on disk, in the model server and in `models.config`. Each step has a
confirmation page that explains the consequence and asks for a reason. Without the model server
the page shows that it does not answer, and steps are refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from serving.versions.manager import VersionChangeError
from webui.leases import LeaseLost
from webui.rollout import selectors, services
from webui.rollout.forms import CanaryForm, NoteForm, RetireForm, ShadowForm
from webui.rollout.models import HistoryEntry, ModelVersion

if TYPE_CHECKING:
    VersionAdminBase = admin.ModelAdmin[ModelVersion]
    HistoryAdminBase = admin.ModelAdmin[HistoryEntry]
else:
    VersionAdminBase = HistoryAdminBase = admin.ModelAdmin  # not generic at run time

HISTORY_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change and the texts of its confirmation page; {version} is filled in."""

    question: str
    consequence: str
    button: str
    do: Callable[..., services.Result]
    form: type[forms.Form] = NoteForm
    dangerous: bool = False


STEPS = {
    "promote": Step(
        question="Make version {version} stable?",
        consequence=(
            "It is loaded if it is not, and then answers every visitor who is not the canary's. "
            "The version that is stable now stays loaded, so that you can roll back at once."
        ),
        button="Make it stable",
        do=services.promote,
    ),
    "canary": Step(
        question="Let version {version} answer some visitors?",
        consequence=(
            "It is loaded if it is not. Who gets it is decided by a hash of the visitor: a "
            "person keeps their version, and a larger share takes nobody's away."
        ),
        button="Start the canary",
        do=services.start_canary,
        form=CanaryForm,
    ),
    "shadow": Step(
        question="Ask version {version} about some drawings?",
        consequence=(
            "It is loaded if it is not, and asked about a share of the recorded drawings after "
            "the visitor has the answer. Nobody gets what it says; the list of disagreements "
            "shows it."
        ),
        button="Start the shadow",
        do=services.start_shadow,
        form=ShadowForm,
    ),
    "retire": Step(
        question="Retire version {version}?",
        consequence="The model server unloads it. No visitor is answered by it now.",
        button="Retire it",
        do=services.retire,
        form=RetireForm,
        dangerous=True,
    ),
    "rollback": Step(
        question="Roll back to version {version}?",
        consequence="It was stable before, and answers every visitor again.",
        button="Roll back",
        do=services.rollback,
    ),
    "withdraw": Step(
        question="End the canary?",
        consequence="Every visitor gets the stable version. Version {version} stays loaded.",
        button="End the canary",
        do=services.withdraw_canary,
    ),
    "end-shadow": Step(
        question="End the shadow?",
        consequence="Version {version} is asked about no more drawings, and stays loaded.",
        button="End the shadow",
        do=services.withdraw_shadow,
    ),
}
NOTHING_TO_CHANGE = {
    "withdraw": "There is no canary.",
    "end-shadow": "There is no shadow.",
    "rollback": "The history knows no version that was stable before.",
}
OF_A_VERSION = ("promote", "canary", "shadow", "retire")


@admin.register(ModelVersion)
class ModelVersionAdmin(VersionAdminBase):
    """One page in place of a change list, since no table holds the versions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="rollout_modelversion_changelist"),
            path("status.json", view(self.status_view), name="rollout_status"),
            path("<str:step>/", view(self.step_view), name="rollout_step"),
            path("<int:version>/<str:step>/", view(self.step_view), name="rollout_version_step"),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        self._must_view(request)
        seen = selectors.overview()
        rows = [
            {
                "row": row,
                # Only versions that answer visitors, or did until recently, are compared.
                "statistics": selectors.statistics_of(row.version) if row.served else None,
            }
            for row in seen.rows
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "Model versions",
            "opts": self.opts,
            "seen": seen,
            "rows": rows,
            "watch": selectors.watch_of(seen),
            "history": selectors.history(seen.model_name)[:HISTORY_SHOWN],
            "may_change": self.has_change_permission(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/rollout/model_versions.html", context)

    def status_view(self, request: HttpRequest) -> JsonResponse:
        """Return what the page's script polls every two seconds; reads no records."""
        self._must_view(request)
        seen = selectors.overview()
        return JsonResponse(
            {
                "server_answers": seen.server_answers,
                "stable": seen.stable,
                "canary": seen.canary,
                "share": seen.share,
                "in_progress": f"{seen.in_progress.by}: {seen.in_progress.what}"
                if seen.in_progress
                else "",
                "problems": seen.problems,
                "versions": {
                    str(row.version): {"state": row.state, "error": row.error, "labels": row.labels}
                    for row in seen.rows
                },
            },
            headers={"Cache-Control": "no-store"},
        )

    def step_view(
        self, request: HttpRequest, step: str, version: int | None = None
    ) -> HttpResponse:
        """Explain the step and ask for a reason; after the confirmation, do it."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if step not in STEPS or (step in OF_A_VERSION) != (version is not None):
            raise Http404
        meant = STEPS[step]
        form = meant.form(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            self._do(request, meant, version, form.cleaned_data)
            return HttpResponseRedirect(reverse("admin:rollout_modelversion_changelist"))
        seen = selectors.overview()
        if step == "canary" and version == seen.canary and seen.share:
            form.initial["share"] = seen.share
        if step == "shadow" and version == seen.shadow and seen.shadow_share:
            form.initial["share"] = seen.shadow_share
        about = {
            "rollback": seen.before, "withdraw": seen.canary, "end-shadow": seen.shadow
        }.get(step, version)  # fmt: skip
        if version is not None and version not in {row.version for row in seen.rows}:
            raise Http404
        if about is None:
            self.message_user(request, NOTHING_TO_CHANGE[step], messages.WARNING)
            return HttpResponseRedirect(reverse("admin:rollout_modelversion_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": meant.question.format(version=about),
            "consequence": meant.consequence.format(version=about),
            "opts": self.opts,
            "step": meant,
            "form": form,
            "seen": seen,
            "row": next((row for row in seen.rows if row.version == about), None),
        }
        return TemplateResponse(request, "admin/rollout/confirm.html", context)

    def _do(
        self, request: HttpRequest, step: Step, version: int | None, confirmed: dict[str, Any]
    ) -> None:
        arguments = dict(confirmed)
        if version is not None:
            arguments["version"] = version
        try:
            done = step.do(by=request.user.get_username(), **arguments)
        except (VersionChangeError, services.Busy, LeaseLost) as problem:
            text = ". ".join([str(problem), *getattr(problem, "__notes__", [])])
            self.message_user(request, text, messages.ERROR)
        else:
            self.message_user(request, done.message, messages.SUCCESS)

    def _must_view(self, request: HttpRequest) -> None:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied


@admin.register(HistoryEntry)
class HistoryEntryAdmin(HistoryAdminBase):
    """The changes of versions with operator, time and reason; nobody may edit them."""

    list_display = (
        "at",
        "by",
        "action",
        "from_version",
        "to_version",
        "share",
        "succeeded",
        "note",
        "gate_override",
    )
    list_filter = ("action", "succeeded", "model_name")
    search_fields = ("by", "note", "gate_override", "detail")
    date_hierarchy = "at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: HistoryEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: HistoryEntry | None = None) -> bool:
        return False
