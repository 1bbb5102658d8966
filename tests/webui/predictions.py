"""Requests for predictions as the page sends them."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.harness.drawings import SEVEN

PATH = "/api/v1/predictions"


def post(
    client: Client, picture: bytes = SEVEN, *, headers: dict[str, str] | None = None, **fields: Any
) -> Any:
    """Return the answer to a picture, sent with further fields of the form."""
    picture_file = SimpleUploadedFile("d.png", picture)
    return client.post(PATH, {"image": picture_file, **fields}, headers=headers)
