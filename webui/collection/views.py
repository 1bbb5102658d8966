"""The page on which people draw the digits that they are asked for."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from webui.access.visitors import identify, remember
from webui.collection.consent import CURRENT
from webui.collection.schemas import MAX_CODE, collection
from webui.collection.selectors import open_participation, progress_of
from webui.operations.languages import script_catalog

# What collect.js imports: named in the page, so that a browser fetches all of them at once.
MODULES = (
    "records/ink.js",
    "records/replay.js",
    *(f"recognition/{name}.js" for name in ("api", "drawing", "pad", "texts")),
)


@require_safe
@never_cache
@gzip_page
@ensure_csrf_cookie
def collect(request: HttpRequest) -> HttpResponse:
    """Render the text to agree to, or the canvas for those who have; the script does the rest."""
    caller = None if "Authorization" in request.headers else identify(request)
    participation = open_participation(caller.visitor) if caller else None
    response = render(
        request,
        "collection/collect.html",
        {
            "modules": MODULES,
            "consent": CURRENT,
            "code": request.GET.get("code", "")[:MAX_CODE],
            "max_code": MAX_CODE,
            "code_needed": not settings.COLLECT_WITHOUT_CODE,
            "progress": collection(progress_of(participation)) if participation else None,
            "catalog": script_catalog(),
        },
    )
    if caller:
        remember(response, caller)
    return response
