"""What every request goes through: an id, a size limit, JSON for errors, headers."""

import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.response import HttpResponseNotAllowed

from webui.errors import ApiError, error_response, general_error
from webui.operations import metrics
from webui.request_limits import MAX_BODY_BYTES

API_PREFIX = "/api/"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # what may be in a log line and a header

Next = Callable[[HttpRequest], HttpResponseBase]


class RequestIdMiddleware:
    """Gives each request an id (a proxy's, if it sent a sane one), and counts and times it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        request.META["HTTP_X_REQUEST_ID"] = request_id  # where django-structlog looks
        request.__dict__.pop("headers", None)  # Django keeps a copy of the headers
        request.request_id = request_id  # type: ignore[attr-defined]
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        route = route_of(request)
        metrics.REQUESTS.labels(route, method_of(request), str(response.status_code)).inc()
        metrics.REQUEST_SECONDS.labels(route).observe(time.perf_counter() - started)
        return response


def route_of(request: HttpRequest) -> str:
    """The URL pattern, not the path: ids and guesses must not become metrics of their own."""
    match = request.resolver_match
    if match is None:
        return "static" if request.path.startswith(settings.STATIC_URL) else "unmatched"
    return match.namespace + ":admin" if match.app_name == "admin" else f"/{match.route}"


def method_of(request: HttpRequest) -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return request.method if request.method in known else "other"


class ApiErrorsMiddleware:
    """Whatever refuses a request under /api/, the answer is JSON of the one error shape."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code < 400 or not request.path_info.startswith(API_PREFIX):
            return response
        code = getattr(response, "api_error_code", None)
        if code is None:
            error = general_error(response.status_code)
            code, plain = error.code, response
            response = error_response(request, error)
            if isinstance(plain, HttpResponseNotAllowed) or plain.has_header("Allow"):
                response["Allow"] = plain["Allow"]
        metrics.ERRORS.labels(code).inc()
        return response


class BodyLimitMiddleware:
    """Refuses a body by its announced size, before a byte of it is read.

    A body of unannounced size (chunked) is read up to the limit by `webui.wsgi`, which then
    announces it.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0  # Django takes it for no body
        if length <= MAX_BODY_BYTES:
            return self.get_response(request)
        error = ApiError(
            413,
            "too_large",
            f"The request may have {MAX_BODY_BYTES // 2**20} MB at most; send a smaller picture.",
        )
        if request.path_info.startswith(API_PREFIX):
            return error_response(request, error)
        return HttpResponse(error.message, status=413, content_type="text/plain; charset=utf-8")


class PermissionsPolicyMiddleware:
    """Tells browsers that no page here uses camera, microphone, place or payment."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response
