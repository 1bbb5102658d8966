"""Middleware: request ids and metrics, errors as JSON, the size limit of bodies, headers."""

import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import is_valid_path

from serving.client import REQUEST_ID
from webui.errors import ApiError, ErrorResponse, general_error
from webui.operations import metrics
from webui.request_limits import MAX_BODY_BYTES

API_PREFIX = "/api/"
VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # safe in a log line and in a header
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Gives each request an id, a proxy's if it sent a valid one, and counts and times it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # In META, because `request.headers` is cached at its first use.
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if VALID_ID.fullmatch(given) else str(uuid.uuid4())
        request.META["HTTP_X_REQUEST_ID"] = request_id  # django-structlog and ErrorResponse read it
        started = time.perf_counter()
        with_id = REQUEST_ID.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            REQUEST_ID.reset(with_id)
        response["X-Request-ID"] = request_id
        route = route_of(request)
        metrics.REQUESTS.labels(route, method_of(request), str(response.status_code)).inc()
        metrics.REQUEST_SECONDS.labels(route).observe(time.perf_counter() - started)
        return response


def route_of(request: HttpRequest) -> str:
    """Return the URL pattern; a path would make a metric of every id and every wrong address."""
    match = request.resolver_match
    if match is None:
        return "static" if request.path.startswith(settings.STATIC_URL) else "unmatched"
    return match.namespace + ":admin" if match.app_name == "admin" else f"/{match.route}"


def method_of(request: HttpRequest) -> str:
    method = request.method or ""
    return method if method in METHODS else "other"


class ApiErrorsMiddleware:
    """Gives every error response under /api/ the API's form, whatever component sent it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path_info.startswith(API_PREFIX):
            return response
        if isinstance(response, ErrorResponse):
            error = response
        else:
            allowed = _allowed(response)
            if allowed and request.method == "OPTIONS":
                return HttpResponse(status=204, headers={"Allow": allowed})
            error = ErrorResponse(request, _explained(request, response.status_code, allowed))
            if allowed:
                error["Allow"] = allowed
        metrics.ERRORS.labels(error.code).inc()
        return error


class HeadMiddleware:
    """Answers HEAD under /api/ as GET; the server sends the headers without the body.

    django-ninja finds the operation by the method, and would document a HEAD beside each GET.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "HEAD" or not request.path_info.startswith(API_PREFIX):
            return self.get_response(request)
        request.method = "GET"
        try:
            return self.get_response(request)
        finally:
            request.method = "HEAD"


def _allowed(response: HttpResponseBase) -> str:
    """Return the value of `Allow` for an address that does not take the method; "" for others."""
    if response.status_code != 405:
        return ""
    methods = {"OPTIONS", *filter(None, response.get("Allow", "").split(", "))}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _explained(request: HttpRequest, status: int, allowed: str) -> ApiError:
    """Return the error of a status; with the methods or the address that would be right."""
    error = general_error(status)
    if status == 405 and allowed:
        error.message = f"This address takes {allowed}, not {(request.method or '')[:20]}."
    path = request.path_info
    if status == 404 and is_valid_path(right := path.rstrip("/").lower()):
        wrong = "no slash at their end" if path.endswith("/") else "no capitals"
        error.message = f"Addresses have {wrong}; use {right}."
    if status == 400 and not _is_allowed_host(request):
        error.message = "The header Host names none of the host names that this site answers to."
    return error


def _is_allowed_host(request: HttpRequest) -> bool:
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


class BodyLimitMiddleware:
    """Refuses a body by its Content-Length, before a byte of it is read.

    `webui.wsgi` gives chunked bodies, which come without one, a Content-Length.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0  # Django reads no body then
        if length <= MAX_BODY_BYTES:
            return self.get_response(request)
        error = ApiError(
            413,
            "too_large",
            f"The request may have {MAX_BODY_BYTES // 2**20} MB at most; send a smaller picture.",
        )
        if request.path_info.startswith(API_PREFIX):
            return ErrorResponse(request, error)
        return HttpResponse(error.message, status=413, content_type="text/plain; charset=utf-8")


class SecurityHeadersMiddleware:
    """Gives every response the headers that no other part has given it, errors and probes included.

    A response without a Content-Security-Policy is no page: it gets the one that allows nothing.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in settings.SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
