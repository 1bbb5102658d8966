"""The page on which a digit is drawn."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from serving.verdict import DIGITS, NOT_A_DIGIT
from webui.access.visitors import identify, remember
from webui.operations.languages import script_catalog
from webui.recognition.installation import MODULES, worker_address
from webui.request_limits import MAX_PICTURE_BYTES


@require_safe
@never_cache
@gzip_page
@ensure_csrf_cookie
def draw(request: HttpRequest) -> HttpResponse:
    """Render the empty canvas; the page's script then uses the JSON API."""
    response = render(
        request,
        "recognition/draw.html",
        {
            "modules": MODULES,
            "catalog": script_catalog(),
            "service_worker": worker_address(),
            "max_picture_bytes": MAX_PICTURE_BYTES,
            "digits": range(DIGITS),
            "not_a_digit": NOT_A_DIGIT,
        },
    )
    if "Authorization" not in request.headers:
        remember(response, identify(request))
    return response


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Redirect browsers that look for the icon without having read a page."""
    return redirect(static("recognition/favicon.ico"))


@require_safe
def to_reference(_request: HttpRequest) -> HttpResponse:
    """Redirect who looks for what there is to the API's reference."""
    return redirect("api:openapi-view")
