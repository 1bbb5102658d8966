"""Requests to the admin's pages of records, and what their HTML shows."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

from django.test import Client

from tests.webui.records import factory
from tests.webui.staff import staff_client
from webui.records.models import Record
from webui.records.store import store

LIST = "/admin/records/record/"


def page_of(record: Record, view: str = "change") -> str:
    """Returns the path of a record's page."""
    return f"{LIST}{record.id}/{view}/"


def staff(name: str, *permissions: str) -> Client:
    """Returns the client of a staff user with these permissions on records."""
    return staff_client(name, *(f"{one}_record" for one in permissions))


def append_records(count: int, **changed: Any) -> list[Record]:
    """Appends records an hour apart to the site's store, and returns them newest first."""
    return factory.append_records(store(), count, apart=timedelta(hours=1), **changed)


def get(client: Client, path: str, status: int = 200) -> str:
    """Returns the HTML of a page."""
    response = client.get(path)
    assert response.status_code == status, response
    return response.content.decode()


def shown(page: str) -> list[UUID]:
    """Returns the ids in the list's rows, in their order."""
    ids = re.findall(r'name="_selected_action" value="([^"]+)"', page)
    return [UUID(text) for text in ids]


def has_link(page: str, text: str) -> bool:
    return _link(page, text) is not None


def link(page: str, text: str) -> str:
    """Returns where the link with this text leads."""
    found = _link(page, text)
    assert found is not None, text
    return unescape(found[1])


def _link(page: str, text: str) -> re.Match[str] | None:
    return re.search(rf'<a href="([^"]*)"[^>]*>\s*{text}\s*</a>', page)


def messages_of(page: str) -> str:
    """Returns the text of Django's messages on a page."""
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', page, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", found[1])) if found else ""
