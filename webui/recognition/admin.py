"""API keys in the admin: made, shown once, revoked; never edited, never read again."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from webui.access.keys import create_key, revoke
from webui.recognition.models import ApiKey

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    list_display = ("name", "hint", "created_at", "created_by", "last_used_on", "revoked_at")
    fields = ("name",)
    actions = ("revoke_keys",)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False  # a revoked key stays, to say who made which corrections

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Makes the key; the object that the admin goes on with is the one that was kept."""
        kept, key = create_key(name=obj.name, created_by=cast("User", request.user))
        obj.__dict__.update(kept.__dict__)
        request.shown_api_key = key  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The only page that ever shows the key; not a message, which would sit in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy the API key now",
            "opts": self.opts,
            "key": request.shown_api_key,  # type: ignore[attr-defined]
            "entry": obj,
        }
        response = TemplateResponse(request, "admin/recognition/apikey/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke selected API keys", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.filter(revoked_at__isnull=True):
            revoke(key)
            self.log_change(request, key, "Revoked.")
        self.message_user(request, "The keys are revoked; they open nothing any more.")
