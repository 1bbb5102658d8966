"""The privacy page in a real browser, and the deletion of everything of a visitor."""

import json
import os
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press
from tests.harness.site import SiteProcess

pytestmark = [pytest.mark.browser]

SCREENSHOTS = os.environ.get("SCREENSHOTS", "")  # a folder, to look at what the test sees


def look(page: Page, name: str) -> None:
    """Check the accessibility of what is shown, and that nothing sticks out at the side."""
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/privacy-{name}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == [], json.dumps(found, indent=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_it_is_accessible_at_every_width(
    opened: Callable[..., Page], live_site: SiteProcess, width: int
) -> None:
    for scheme in ("light", "dark"):
        page = opened(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.get_by_role("link", name="Privacy").click()
        expect(page.get_by_role("heading", name="How to delete")).to_be_visible()
        look(page, f"{width}-{scheme}")


def test_a_visitor_deletes_everything_by_keyboard(
    opened: Callable[..., Page], strokes: Strokes, live_site: SiteProcess
) -> None:
    page = opened(**DESKTOP)
    for digit in ("1", "2"):
        draw_by_mouse(page, strokes[digit])
        press(page, "predict it")
        answer(page)
        expect(page.locator("#record")).to_contain_text("· recorded")
        press(page, "clear it")
    expect(page.locator("#recent-list li")).to_have_count(2)
    page.goto(f"{live_site.url}/privacy")
    page.get_by_label("Yes, delete all of it for good.").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("2 drawings are deleted for good")
    look(page, "deleted")
    page.get_by_role("link", name="Back to drawing").click()
    expect(page.locator("#canvas")).to_be_visible()
    expect(page.locator("#recent")).to_be_hidden()
    mine = page.request.get(f"{live_site.url}/api/v1/predictions")
    assert mine.json()["predictions"] == []
