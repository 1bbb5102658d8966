"""Sessions and participants in the admin; a participant is deleted with all drawings."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from webui.collection import services
from webui.collection.models import CollectionSession, Participation
from webui.records.store import StoreUnavailable

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    SessionAdminBase = admin.ModelAdmin[CollectionSession]
    ParticipationAdminBase = admin.ModelAdmin[Participation]
else:
    SessionAdminBase = ParticipationAdminBase = admin.ModelAdmin


@admin.register(CollectionSession)
class CollectionSessionAdmin(SessionAdminBase):
    list_display = ("title", "code", "link", "is_open", "people", "drawings", "created_at")
    list_filter = ("is_open",)
    search_fields = ("code", "title")
    fields = ("code", "title", "drawings_each", "is_open")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CollectionSession]:
        drawn = Count(
            "participations__drawings", filter=Q(participations__drawings__drawn_at__isnull=False)
        )
        return (
            super()
            .get_queryset(request)
            .annotate(_people=Count("participations", distinct=True), _drawings=drawn)
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: CollectionSession | None = None
    ) -> tuple[str, ...]:
        return ("code",) if obj else ()  # it is in data sets, and on people's sheets of paper

    def save_model(
        self, request: HttpRequest, obj: CollectionSession, form: Any, change: bool
    ) -> None:
        if not change:
            obj.created_by = cast("User", request.user)
        super().save_model(request, obj, form, change)

    @admin.display(description="page")
    def link(self, session: CollectionSession) -> str:
        """The address with the code filled in, to hand out."""
        return format_html('<a href="{}?code={}">open</a>', reverse("collect"), session.code)

    @admin.display(description="people")
    def people(self, session: CollectionSession) -> int:
        return int(session._people)  # type: ignore[attr-defined]

    @admin.display(description="drawings")
    def drawings(self, session: CollectionSession) -> int:
        return int(session._drawings)  # type: ignore[attr-defined]


@admin.register(Participation)
class ParticipationAdmin(ParticipationAdminBase):
    list_display = ("writer", "session", "drawn", "started_at", "consent_version", "licence")
    list_filter = ("session",)
    list_select_related = ("session",)
    search_fields = ("=writer",)
    actions = ("delete_with_drawings",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participation]:
        drawn = Count("drawings", filter=Q(drawings__drawn_at__isnull=False))
        return super().get_queryset(request).annotate(_drawn=drawn)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Participation | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out Django's own deletion, which would keep the records."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def delete_model(self, request: HttpRequest, obj: Participation) -> None:
        services.delete(obj)

    @admin.display(description="drawings")
    def drawn(self, participation: Participation) -> int:
        return int(participation._drawn)  # type: ignore[attr-defined]

    @admin.action(
        description="Delete selected participants and their drawings", permissions=["delete"]
    )
    def delete_with_drawings(self, request: HttpRequest, queryset: QuerySet[Participation]) -> None:
        count = 0
        try:
            for participation in queryset:
                self.log_deletions(request, queryset.filter(pk=participation.pk))
                count += services.delete(participation)
        except StoreUnavailable as problem:
            self.message_user(request, f"Not all are deleted: {problem}", messages.ERROR)
        self.message_user(request, f"{count} drawings are deleted for good.")
