"""Log lines: one for a request, with a traceback only where the site is at fault."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

Lines = Callable[[], list[dict[str, Any]]]


def test_a_refused_form_is_logged_without_a_traceback(client: Client, log_lines: Lines) -> None:
    fields = {f"field{number}": "x" for number in range(1001)}
    assert client.post("/admin/login/", fields).status_code == 400
    lines = log_lines()
    assert "django.security.TooManyFieldsSent" in {line["logger"] for line in lines}
    assert "Traceback" not in str(lines)


def test_a_wrong_host_is_logged_without_a_traceback(client: Client, log_lines: Lines) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert log_lines()
    assert "Traceback" not in str(log_lines())
