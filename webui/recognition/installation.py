"""The manifest and the service worker, with which a browser installs the page."""

import json
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import get_template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

PACKAGE = Path(__file__).parent
WORKER = PACKAGE / "service_worker.js"
TEMPLATES = ("recognition/base.html", "recognition/draw.html")  # of the page
# What page.js imports: named in the page, so that a browser fetches all of them at once.
MODULES = (
    "records/ink.js",
    "records/replay.js",
    *(
        f"recognition/{name}.js"
        for name in (
            *("answer", "api", "drawing", "kept", "live", "pad"),
            *("recent", "retry", "several", "texts", "why"),
        )
    ),
)
ICON = "recognition/icon.svg"
FILES = ("recognition/page.css", "recognition/page.js", ICON, *MODULES)
PNG_ICONS = {
    "recognition/icon-192.png": "any",
    "recognition/icon-512.png": "any",
    "recognition/icon-maskable-512.png": "maskable",
}
GROUND = "#eef0f4"  # --ground in page.css


def worker_address() -> str:
    """Return the address of the service worker; "" before `collectstatic` has run.

    Only then do the names of files change with their content, so that they may be kept.
    """
    return reverse("service-worker") if getattr(staticfiles_storage, "hashed_files", None) else ""


@require_safe
@cache_control(no_cache=True)
def service_worker(_request: HttpRequest) -> HttpResponse:
    """Serve the script; it changes with the page and its files, and browsers then install it."""
    files = [static(name) for name in FILES]
    facts = {"PAGE": reverse("draw"), "FILES": files, "VERSION": _version(tuple(files))}
    content = f"self.KEPT = {json.dumps(facts)};\n{WORKER.read_text()}"
    return HttpResponse(content, content_type="text/javascript; charset=utf-8")


@cache
def _version(files: tuple[str, ...]) -> str:
    """Return a hash of the page: the names of its files, its templates and its translations."""
    templates = [get_template(name).template.source for name in TEMPLATES]  # type: ignore[attr-defined]
    compiled = sorted(settings.LOCALE_PATHS[0].glob("*/*/*.mo"))
    translations = [path.read_bytes() for path in compiled]
    content = [*(text.encode() for text in (*files, *templates)), *translations]
    return sha256(b"\0".join(content)).hexdigest()[:16]


@require_safe
@cache_control(no_cache=True)
def manifest(_request: HttpRequest) -> HttpResponse:
    """Serve the web app manifest (https://www.w3.org/TR/appmanifest/)."""
    icons = [{"src": static(ICON), "type": "image/svg+xml", "sizes": "any"}]
    for name, purpose in PNG_ICONS.items():
        side = Path(name).stem.rpartition("-")[2]
        icon = {"src": static(name), "type": "image/png", "sizes": f"{side}x{side}"}
        icons.append({**icon, "purpose": purpose})
    return JsonResponse(
        {
            "name": gettext("Draw a digit"),
            "short_name": gettext("Digit"),
            "description": gettext("Draw a digit; a neural network reads it."),
            "lang": get_language(),
            "id": reverse("draw"),
            "start_url": reverse("draw"),
            "scope": reverse("draw"),
            "display": "standalone",
            "background_color": GROUND,
            "theme_color": GROUND,
            "icons": icons,
        },
        content_type="application/manifest+json",
    )
