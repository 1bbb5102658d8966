"""API keys in the admin: created, shown once, revoked, not edited; and failed logins."""

from typing import TYPE_CHECKING, Any, cast

from axes.admin import AccessAttemptAdmin
from axes.models import AccessAttempt
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from webui.access.keys import issue, revoke
from webui.access.models import ApiKey

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    ModelAdmin = admin.ModelAdmin[ApiKey]
else:
    ModelAdmin = admin.ModelAdmin


admin.site.register(AccessAttempt, AccessAttemptAdmin)  # deleting an attempt unlocks its name


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    list_display = ("name", "hint", "created_at", "created_by", "last_used_on", "revoked_at")
    fields = ("name",)
    actions = ("revoke_keys",)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False  # corrections name the key that made them

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        obj.created_by = cast("User", request.user)
        issue(obj)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key, on this page only; a message would be stored in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy the API key now",
            "opts": self.opts,
            "entry": obj,
        }
        response = TemplateResponse(request, "access/api_key_created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke selected API keys", permissions=["revoke"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset.filter(revoked_at__isnull=True):
            revoke(key)
            self.log_change(request, key, "Revoked.")
        self.message_user(request, "The keys are revoked; they open nothing any more.")
