"""People who take part in a collection through the API."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.harness.drawings import SEVEN
from webui.collection.consent import CURRENT
from webui.collection.models import CollectionSession

PATH = "/api/v1/collection"
INK = "[[[1.5, 2, 0], [30, 40, 16]]]"


def open_session(code: str = "class-4b", **changed: Any) -> CollectionSession:
    values = {"title": "Class 4b", "drawings_each": 20, **changed}
    return CollectionSession.objects.create(code=code, **values)


def join(client: Client, code: str = "class-4b", **changed: Any) -> Any:
    """Return the answer to a request to take part."""
    body = {"consent": CURRENT.version, "code": code, **changed}
    return client.post(PATH, body, content_type="application/json")


def draw(client: Client, number: int, picture: bytes = SEVEN, ink: str = INK) -> Any:
    """Return the answer to a drawing."""
    form = {"image": SimpleUploadedFile("d.png", picture), "ink": ink}
    return client.post(f"{PATH}/drawings/{number}", form)
