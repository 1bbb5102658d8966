"""Access to /metrics: for holders of METRICS_TOKEN only.

A token, because /metrics is on the site's published port, where the address of a peer says little:
behind a proxy, and behind Docker's port, every peer has the proxy's address.
"""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from webui.environment import Environment

LEAST_CHARACTERS = 16  # of a token; more than can be guessed by asking
PLAIN_TEXT = "text/plain; charset=utf-8"


def read_token(environment: Environment) -> str:
    """The value of METRICS_TOKEN; "" turns /metrics off.

    Raises:
        ImproperlyConfigured: if it is so short that it could be guessed.
    """
    token = environment.secret("METRICS_TOKEN").strip()
    if token and len(token) < LEAST_CHARACTERS:
        raise ImproperlyConfigured(
            f"METRICS_TOKEN is {len(token)} characters long; it must be at least "
            f"{LEAST_CHARACTERS} characters, as openssl rand -hex 24 makes them"
        )
    return token


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Return the response to a request that may not read the metrics; None if it may."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(
            "Metrics are off: set METRICS_TOKEN, and have Prometheus send it as a bearer token.\n",
            status=403,
            content_type=PLAIN_TEXT,
        )
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer" and constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return None
    return HttpResponse(
        "Send the site's METRICS_TOKEN: Authorization: Bearer TOKEN\n",
        status=401,
        content_type=PLAIN_TEXT,
        headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
    )
