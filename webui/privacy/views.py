"""The privacy page, with the deletion of everything of a visitor."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from webui.access.rate_limits import charge
from webui.access.visitors import COOKIE, COOKIE_SECONDS, Caller, identify
from webui.errors import ApiError
from webui.privacy.services import delete_everything
from webui.records.store import StoreUnavailable
from webui.wall.access import COOKIE_SECONDS as WALL_COOKIE_SECONDS

RETRY_SECONDS = 5


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@gzip_page
def privacy(request: HttpRequest) -> HttpResponse:
    """Render what is kept; a POST request deletes everything of the visitor first."""
    caller = None if "Authorization" in request.headers else identify(request)
    known = caller is not None and not caller.is_new
    if request.method != "POST" or caller is None or not known:
        return _page(request, known=known)
    return _delete(request, caller)


def _delete(request: HttpRequest, caller: Caller) -> HttpResponse:
    if request.POST.get("sure") != "on":
        problem = gettext("Nothing is deleted. Tick the box first if you are sure.")
        return _page(request, known=True, problem=problem, status=400)
    try:
        charge(request, caller, action="change")
        count = delete_everything(caller.visitor)
    except StoreUnavailable:
        problem = gettext("Not everything could be deleted just now. Please try again soon.")
        response = _page(request, known=True, problem=problem, status=503)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    except ApiError as refusal:
        return _page(request, known=True, problem=refusal.message, status=refusal.status)
    done = ngettext(
        "%(count)d drawing is deleted for good, and so is the cookie.",
        "%(count)d drawings are deleted for good, and so is the cookie.",
        count,
    ) % {"count": count}
    response = _page(request, known=False, done=done)
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


def _page(
    request: HttpRequest, *, known: bool, problem: str = "", done: str = "", status: int = 200
) -> HttpResponse:
    records, pictures = _retention()
    context = {
        "known": known,
        "problem": problem,
        "done": done,
        "records_days": records and records.days,
        "pictures_days": pictures and pictures.days,
        "wall_is_on": bool(settings.WALL_CODE),
        "contact": settings.PRIVACY_CONTACT,
        "visitor_cookie_days": COOKIE_SECONDS // 86400,
        "wall_cookie_hours": WALL_COOKIE_SECONDS // 3600,
    }
    return render(request, "privacy/privacy.html", context, status=status)


def _retention() -> tuple[timedelta | None, timedelta | None]:
    """Return for how long the configured store keeps records, and their pictures; None: no end."""
    if settings.CASSANDRA:
        return settings.CASSANDRA.records_ttl, settings.CASSANDRA.pictures_ttl
    return settings.RETENTION.records, settings.RETENTION.pictures
