"""The WSGI application that gunicorn serves; it refuses to start as a production site in DEBUG."""

import io
import os
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from webui.request_limits import MAX_BODY_BYTES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")


class AnnouncedBodies:
    """Gives chunked bodies a length, which Django does not read without one.

    At most one byte more than the limit is read; the length then says so and
    `BodyLimitMiddleware` refuses it like any other body that is too large.
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


def make_application() -> AnnouncedBodies:
    """The site, unless it would show its inside to everybody."""
    from django.conf import settings

    if settings.DEBUG:
        raise ImproperlyConfigured(
            "DEBUG is on, which shows settings and code to whoever causes an error; unset DEBUG "
            "to serve the site, or use `python manage.py runserver` to work on it"
        )
    return AnnouncedBodies(get_wsgi_application())


application = make_application()
