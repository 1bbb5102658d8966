"""A real browser, and the page in it."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.harness.needs import need
from tests.harness.site import SiteProcess

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    need(CHROMIUM is not None, "chromium (apt-get install chromium)")
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        # Tests may run as root, in a container without a GPU; nothing is fetched by itself.
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    }


@pytest.fixture
def opened(browser: Browser, live_site: SiteProcess) -> Iterator[Callable[..., Page]]:
    """Open the page; fail the test if the console has errors or another host was requested."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def check_console(message: Any) -> None:
        # A browser logs every 4xx and 5xx response as an error, expected ones too.
        expected = ("Failed to load resource", "blocked by Playwright")
        if message.type in {"error", "warning"} and not any(
            text in message.text for text in expected
        ):
            wrong.append(message.text)

    def check_host(request: Any) -> None:
        if not request.url.startswith((live_site.url, "data:", "blob:")):
            wrong.append(f"requested {request.url}")

    def open_page(*, live: bool = True, **options: Any) -> Page:
        # A request that a service worker sees cannot be routed; its own tests allow it.
        context = browser.new_context(**{"service_workers": "block", **options})
        contexts.append(context)
        if not live:  # as a visitor who has turned live readings off
            context.add_init_script("localStorage.setItem('live', 'off')")
        page = context.new_page()
        page.on("console", check_console)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", check_host)
        page.goto(live_site.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
