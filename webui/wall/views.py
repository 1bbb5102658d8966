"""The wall, the form for its code, and the latest readings that its script asks for.

The script polls. A stream of server-sent events would hold one of the site's threads for each
viewer, for as long as the wall is open (docs/decisions/0012-wall-polls.md).
"""

import hashlib
import math

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.request import split_domain_port
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from webui.operations.languages import script_catalog
from webui.records.store import StoreUnavailable
from webui.wall import access
from webui.wall.address import qr_image
from webui.wall.selectors import latest

MODULES = ("recognition/texts.js",)  # what wall.js imports
REFRESH_SECONDS = 2
RETRY_SECONDS = 5
THIS_MACHINE_ALONE = frozenset({"localhost", "127.0.0.1", "[::1]"})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@gzip_page
def wall(request: HttpRequest) -> HttpResponse:
    """Render the wall, or the form for the class code, which a POST request sends."""
    if request.method == "POST":
        return _enter(request)
    if not access.may_see(request):
        return _form(request, status=200 if settings.WALL_CODE else 403)
    address = request.build_absolute_uri("/")
    host, _ = split_domain_port(request.get_host())
    try:
        readings, unavailable = latest().get(), False
    except StoreUnavailable:
        readings, unavailable = (), True
    return render(
        request,
        "wall/wall.html",
        {
            "address": address,
            "address_shown": address.removesuffix("/"),
            "qr": qr_image(address),
            "this_machine_alone": host in THIS_MACHINE_ALONE,
            "readings": readings,
            "unavailable": unavailable,
            "refresh_ms": REFRESH_SECONDS * 1000,
            "modules": MODULES,
            "catalog": script_catalog(),
        },
    )


@require_safe
@gzip_page
def latest_readings(request: HttpRequest) -> HttpResponse:
    """Render the latest readings alone; 304 if they are those that the page has."""
    if not access.may_see(request):
        return _plain(gettext("The wall is closed here. Reload the page."), status=403)
    try:
        readings = latest().get()
    except StoreUnavailable:
        response = _plain(gettext("The records cannot be read just now."), status=503)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    response = render(request, "wall/readings.html", {"readings": readings})
    etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    unchanged = get_conditional_response(request, etag=etag, response=response)
    response = unchanged if isinstance(unchanged, HttpResponseNotModified) else response
    response["ETag"] = etag
    # Kept by this browser, and shown only after it has asked again.
    response["Cache-Control"] = "private, no-cache"
    return response


def _enter(request: HttpRequest) -> HttpResponse:
    """Open the wall in this browser if the code is right."""
    if not settings.WALL_CODE:
        return _form(request, status=403)
    seconds = math.ceil(access.seconds_until_attempt(request))
    if seconds:
        problem = ngettext(
            "That were too many attempts. Try again in %(seconds)d second.",
            "That were too many attempts. Try again in %(seconds)d seconds.",
            seconds,
        ) % {"seconds": seconds}
        response = _form(request, status=429, problem=problem)
        response["Retry-After"] = str(seconds)
        return response
    if not access.is_right(request.POST.get("code", "")):
        problem = gettext("This is not the class code. Whoever started the site has it.")
        return _form(request, status=403, problem=problem)
    response = redirect("wall")
    access.open_wall(response)
    return response


def _form(request: HttpRequest, *, status: int, problem: str = "") -> HttpResponse:
    context = {"has_code": bool(settings.WALL_CODE), "problem": problem}
    return render(request, "wall/code.html", context, status=status)


def _plain(text: str, *, status: int) -> HttpResponse:
    response = HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    return response
