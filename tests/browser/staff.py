"""Staff in a real browser: a page that is logged in, and a look at what it shows."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page

TIMEOUT_MS = 120_000  # for a busy machine
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")  # a folder, to look at what the test sees


@contextmanager
def staff_page(browser: Any, live_server: Any, user: User, **options: Any) -> Iterator[Page]:
    """Open a page of the site as this user; fail if the console has messages."""
    client = Client()
    client.force_login(user)
    context = browser.new_context(base_url=live_server.url, **options)
    context.set_default_timeout(TIMEOUT_MS)
    context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page = context.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda problem: messages.append(str(problem)))
    yield page
    context.close()
    # Browsers request an icon, which the admin does not have.
    assert [text for text in messages if "404" not in text] == []


def look(page: Page, name: str) -> None:
    """Check the accessibility of what is shown, and that nothing sticks out."""
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/{name}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == [], json.dumps(found, indent=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
