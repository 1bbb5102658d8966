"""The language of the pages: the browser's, if there is a translation."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JavaScriptCatalog

# The API's texts are part of its contract, its reference is made from them, and the admin's own
# texts are not translated.
ENGLISH = ("/api/", "/admin/")


class LanguageMiddleware(LocaleMiddleware):
    """Chooses the language of a page by Accept-Language; API and admin stay English."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(ENGLISH):
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE
        else:
            super().process_request(request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path_info.startswith(ENGLISH):
            return response
        return super().process_response(request, response)


def script_catalog() -> dict[str, str]:
    """Return the translations of the scripts' texts into the current language; {} for English.

    It is Django's catalog of the domain "djangojs", which is put into the page that needs it.
    """
    view = JavaScriptCatalog()
    language = translation.get_language() or settings.LANGUAGE_CODE
    view.translation = DjangoTranslation(
        language, domain="djangojs", localedirs=[str(path) for path in settings.LOCALE_PATHS]
    )
    texts: dict[str, Any] = view.get_catalog()
    return {text: translated for text, translated in texts.items() if text}
