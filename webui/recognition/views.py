"""The page on which a digit is drawn."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from serving.verdict import DIGITS, NOT_A_DIGIT
from webui.access.visitors import identify, remember
from webui.request_limits import MAX_PICTURE_BYTES


@require_safe
@never_cache
@ensure_csrf_cookie
def draw(request: HttpRequest) -> HttpResponse:
    """Render the empty canvas; the page's script then uses the JSON API."""
    response = render(
        request,
        "recognition/draw.html",
        {
            "max_picture_bytes": MAX_PICTURE_BYTES,
            "digits": range(DIGITS),
            "not_a_digit": NOT_A_DIGIT,
        },
    )
    if "Authorization" not in request.headers:
        remember(response, identify(request))
    return response
