"""Refuses requests that a page of another site makes a visitor's browser send.

Three kinds of caller change things through the API. Another site's page can imitate none of them:

- A program with an API key sends an Authorization header, which a page cannot set across sites.
  Its requests are not checked.
- A browser sends Origin or Sec-Fetch-Site with every POST and DELETE, and both must name this
  site. If a cookie identifies the visitor, X-CSRFToken must repeat the page's CSRF token as well.
- A program without a key (curl, with or without a cookie jar) sends neither header and has no
  CSRF cookie, because it never loaded the page. Its requests are not checked: there is no browser
  that could have been misled.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from webui.access.visitors import COOKIE
from webui.errors import ApiError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})  # "none": typed or bookmarked


class _TokenCheck(CsrfViewMiddleware):
    """Django's check, which returns the reason of a refusal instead of rendering a page."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def _no_view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def token_problem(request: HttpRequest) -> str | None:
    """Return why Django would refuse the request's CSRF token or origin; None if it accepts."""
    check = _TokenCheck(_no_view)
    check.process_request(request)
    view: Callable[..., Any] = _no_view
    problem: Any = check.process_view(request, view, (), {})
    return problem or None


def refuse_cross_site(request: HttpRequest) -> None:
    """Accept a request from this site's page or from a program; refuse any other.

    Raises:
        ApiError: 403, naming the wrong header.
    """
    if request.method in SAFE_METHODS or getattr(request, "_dont_enforce_csrf_checks", False):
        return
    fetched_by = request.headers.get("Sec-Fetch-Site")
    if fetched_by is not None and fetched_by not in OWN_SITE:
        raise ApiError(403, "cross_site", "Requests that other sites' pages make are refused.")
    origin = request.headers.get("Origin")
    own = f"{request.scheme}://{request.get_host()}"
    if origin is not None and origin != own and origin not in settings.CSRF_TRUSTED_ORIGINS:
        raise ApiError(
            403, "cross_site", f"Origin must be {own}; requests from other sites are refused."
        )
    identified = COOKIE in request.COOKIES or settings.SESSION_COOKIE_NAME in request.COOKIES
    from_browser = (
        fetched_by is not None or origin is not None or settings.CSRF_COOKIE_NAME in request.COOKIES
    )
    if identified and from_browser and token_problem(request):
        raise ApiError(
            403,
            "csrf_failed",
            "X-CSRFToken must repeat the cookie csrftoken; reload the page, then try again. "
            "Programs use an API key, or leave out the page's cookies.",
        )
