"""The page that answers with status 503 while the record store is unavailable."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse

from webui.errors import RETRY_SECONDS
from webui.records.store import StoreUnavailable, store

Response = TypeVar("Response", bound=HttpResponseBase)

log = logging.getLogger(__name__)


def unavailable_as_503(view: Callable[..., Response]) -> Callable[..., Response | HttpResponse]:
    """Wraps an admin view, so that StoreUnavailable becomes a page with status 503."""

    @wraps(view)
    def answer(
        self: "ModelAdmin[Any]", request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Response | HttpResponse:
        try:
            return view(self, request, *args, **kwargs)
        except StoreUnavailable as problem:
            log.warning("the record store is unavailable: %s", problem)
            return _answer_unavailable(self, request)

    return answer


def _answer_unavailable(admin: "ModelAdmin[Any]", request: HttpRequest) -> HttpResponse:
    try:
        pending = store().pending()
    except StoreUnavailable:
        pending = 0
    response = TemplateResponse(
        request,
        "admin/records/unavailable.html",
        {
            **admin.admin_site.each_context(request),
            "title": "Records cannot be read just now",
            "opts": admin.opts,
            "pending": pending,
            "retry_after": RETRY_SECONDS,
        },
        status=503,
    )
    response["Retry-After"] = str(RETRY_SECONDS)
    return response
