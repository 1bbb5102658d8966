"""Refuses what another site makes a visitor's browser send.

Three kinds of caller change things through the API, and each is told apart by what a page of
another site cannot forge:

- A program with an API key: the Authorization header cannot be set across sites. No check.
- A browser: it sends Origin or Sec-Fetch-Site with every POST and DELETE. These must name this
  site, whether there are cookies or not; and where a cookie makes the request somebody's, the
  CSRF token that the page got must come back in X-CSRFToken.
- A program without a key (curl, a cookie jar): it sends neither header and never had the page's
  CSRF cookie. No check, for there is no browser that could have been misled.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from webui.access.visitors import COOKIE
from webui.errors import ApiError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})  # "none": typed or bookmarked by the person


class _TokenCheck(CsrfViewMiddleware):
    """Django's own check, told to say the reason rather than to render a page."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def _no_view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def token_problem(request: HttpRequest) -> str | None:
    """Why Django would refuse the request's CSRF token or origin; None if it would not."""
    check = _TokenCheck(_no_view)
    check.process_request(request)
    view: Callable[..., Any] = _no_view
    problem: Any = check.process_view(request, view, (), {})
    return problem or None


def refuse_cross_site(request: HttpRequest) -> None:
    """Returns for a request that this site's page, or no browser at all, has sent.

    Raises:
        ApiError: 403, saying which header is wrong.
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
    somebodys = COOKIE in request.COOKIES or settings.SESSION_COOKIE_NAME in request.COOKIES
    browser = (
        fetched_by is not None or origin is not None or settings.CSRF_COOKIE_NAME in request.COOKIES
    )
    if somebodys and browser and token_problem(request):
        raise ApiError(
            403,
            "csrf_failed",
            "X-CSRFToken must repeat the cookie csrftoken; reload the page, then try again. "
            "Programs use an API key, or leave out the page's cookies.",
        )
