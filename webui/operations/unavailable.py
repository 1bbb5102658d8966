"""The answer to a request that needed the default database while it was locked, full or down."""

import sys

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views import defaults

from webui.database.maintenance import disk_is_full
from webui.database.reserve import give_up_reserve

logger = structlog.get_logger(__name__)

RETRY_SECONDS = 5


def reason_of(problem: Exception) -> str:
    """Returns why the database does not work, without the addresses that its own text may hold."""
    text = str(problem)
    if "locked" in text or "lock timeout" in text:
        return gettext("The database is locked by another process")
    if "full" in text or disk_is_full():
        return gettext("The disk of the database is full")
    return gettext("The database does not answer")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answers 503 with a page that says why if the database did not answer, else 500.

    Django's handler of every exception that nobody caught, also of those outside of views: a
    session is saved after the view. For /api/, `ApiErrorsMiddleware` gives it the API's form.
    """
    problem = sys.exc_info()[1]
    if not isinstance(problem, OperationalError | InterfaceError):
        return defaults.server_error(request)
    logger.error("database_unavailable", problem=str(problem))
    context = {"reason": reason_of(problem), "retry_seconds": RETRY_SECONDS}
    give_up_reserve()  # on a full disk: the next attempt to log in works
    response = HttpResponse(render_to_string("503.html", context), status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    return response
