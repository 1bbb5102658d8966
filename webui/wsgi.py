"""The WSGI application that gunicorn serves; it refuses to start with DEBUG on or a weak key."""

import io
import os
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from webui.access.secret_keys import refuse_weak_keys
from webui.database.maintenance import bound_answers
from webui.operations.tracing import start_tracing
from webui.request_limits import MAX_BODY_BYTES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")


class ContentLength:
    """Gives chunked bodies a Content-Length, without which Django does not read them.

    It reads at most one byte more than the limit, so that `BodyLimitMiddleware` refuses a chunked
    body that is too large like any other.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["wsgi.input"] = io.BytesIO(body)
        answer: Iterable[bytes] = self.application(environ, start_response)
        return answer


def make_application() -> ContentLength:
    """Return the site's application.

    Raises:
        ImproperlyConfigured: if DEBUG is on, a key can be guessed, or a library is missing.
    """
    from django.conf import settings

    if settings.DEBUG:
        raise ImproperlyConfigured(
            "DEBUG is on, which shows settings and code to whoever causes an error; unset DEBUG "
            "to serve the site, or use `python manage.py runserver` to work on it"
        )
    refuse_weak_keys(settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS)
    if settings.TRACES_COLLECTOR:
        start_tracing()
    application = get_wsgi_application()
    if settings.LIMITS_URL:
        from webui.access.rate_limits import limiter  # it needs the apps

        limiter()  # fails now if its library is missing, not at the first request
    bound_answers()
    return ContentLength(application)


application = make_application()
