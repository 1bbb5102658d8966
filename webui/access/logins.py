"""Guards the admin's login: a rate for each address, a lock for each name and address, a log line.

django-axes counts failed logins in the default database, so all processes and machines share the
count. The rate of an address bounds what guessing costs us: a check of a password takes a good
part of a second of CPU, whether or not the name exists.
"""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from webui.access.addresses import address_of
from webui.access.rate import Rate
from webui.access.rate_limits import seconds_to_wait

LOGIN_RATE = Rate(count=20, seconds=60)  # of an address, whatever the names

logger = structlog.get_logger(__name__)


def login_address(request: HttpRequest) -> str | None:
    """Return the address that django-axes counts: the one of the rate limit, as one address."""
    address = address_of(request).partition("/")[0]  # the first of an IPv6 network
    return None if address == "unknown" else address


@receiver(user_login_failed)
def log_failed_login(
    sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **_more: object
) -> None:
    """Log who could not log in, without password and address.

    A name that nobody has is not logged: people type their password into the wrong field.
    """
    users = get_user_model()
    name = credentials.get(users.USERNAME_FIELD) or ""
    known = users._default_manager.filter(**{users.USERNAME_FIELD: name}).exists()
    logger.warning(
        "login_failed",
        user=name if known else "(nobody has this name)",
        locked=bool(getattr(request, "axes_locked_out", False)),  # django-axes sets it
    )


def _refusal(message: str, *, seconds: float) -> HttpResponse:
    response = HttpResponse(message, status=429, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(math.ceil(seconds))
    response["Cache-Control"] = "no-store"
    return response


def locked_response(
    _request: HttpRequest, _original: HttpResponse | None, _credentials: dict[str, Any] | None
) -> HttpResponse:
    """Return the page for a name that is locked for this address."""
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    return _refusal(
        f"Too many failed logins with this name from your address. Try again in "
        f"{cool_off.total_seconds() / 60:.0f} minutes.",
        seconds=cool_off.total_seconds(),
    )


class LoginRateMiddleware:
    """Answers 429 to an address that sends more logins than `LOGIN_RATE` allows."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        match = request.resolver_match
        if request.method == "POST" and match is not None and match.view_name == "admin:login":
            seconds = seconds_to_wait([(f"login {address_of(request)}", LOGIN_RATE)])
            if seconds:
                return _refusal(
                    f"Too many logins from your address. Try again in {math.ceil(seconds)} s.",
                    seconds=seconds,
                )
        return None
