"""API keys are created in the admin and by a command, shown once, and revoked."""

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from webui.access.keys import find_key
from webui.access.models import ApiKey

pytestmark = pytest.mark.django_db


def test_staff_create_a_key_that_is_shown_once_and_revoke_it(admin_client: Client) -> None:
    shown = admin_client.post("/admin/recognition/apikey/add/", {"name": "export"})
    assert shown.status_code == 200
    assert "no-store" in shown["Cache-Control"]
    key = shown.content.decode().split('<pre id="api-key">')[1].split("</pre>")[0]
    entry = ApiKey.objects.get()
    assert find_key(key) == entry
    assert entry.created_by == User.objects.get()
    assert key not in str(ApiKey.objects.values())
    page = admin_client.get("/admin/recognition/apikey/").content.decode()
    assert key not in page
    admin_client.post(
        "/admin/recognition/apikey/", {"action": "revoke_keys", "_selected_action": entry.pk}
    )
    assert find_key(key) is None


def test_the_command_prints_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_key", "nightly")
    key = capsys.readouterr().out.strip()
    found = find_key(key)
    assert found is not None
    assert found.name == "nightly"
