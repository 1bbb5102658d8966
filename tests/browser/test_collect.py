"""Prompted collection in a real browser: consent, prompts, progress, leaving, accessibility."""

import os
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.visitor import DESKTOP, PHONE, Strokes, draw_by_finger, draw_by_mouse, press
from tests.harness.site import SiteProcess

pytestmark = [pytest.mark.browser]

SCREENSHOTS = os.environ.get("SCREENSHOTS", "")  # a folder, to look at what the test sees
SIZES: dict[str, dict[str, Any]] = {"desktop": DESKTOP, "phone": PHONE}


@pytest.fixture(scope="module")
def code(live_site: SiteProcess) -> str:
    """The code of an open session, with the fewest drawings."""
    code = f"class-{uuid.uuid4().hex[:6]}"
    live_site.succeed(
        "shell",
        "--command",
        "from webui.collection.models import CollectionSession\n"
        f"CollectionSession.objects.create(code={code!r}, title='Class 4b', drawings_each=10)",
    )
    return code


def look(page: Page, name: str) -> None:
    """Check the accessibility of what is shown, and that nothing sticks out."""
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/collect-{name}.png", full_page=True)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def begin(page: Page, code: str) -> None:
    page.get_by_label("Code of your session").fill(code)
    page.get_by_label("I have read this and agree.").check()
    press(page, "begin")
    expect(page.locator("#prompt")).to_be_visible()


def asked_for(page: Page) -> str:
    return page.locator("#prompt").inner_text()[-1]


@pytest.mark.parametrize("size", SIZES)
def test_a_class_draws_and_one_leaves(
    opened: Callable[..., Page], strokes: Strokes, code: str, size: str
) -> None:
    draw = draw_by_finger if size == "phone" else draw_by_mouse
    page = opened(**SIZES[size], color_scheme="dark" if size == "phone" else "light")
    page.goto(f"{page.url}collect?code={code}")
    look(page, f"{size}-consent")
    begin(page, code)
    for number in range(10):
        expect(page.locator("#count")).to_have_text(f"{number} of 10")
        draw(page, strokes[asked_for(page)])
        if number == 1:
            look(page, f"{size}-prompt")
        press(page, "next")
        expect(page.locator("#next")).to_have_attribute("aria-disabled", "false")
    expect(page.locator("#done")).to_be_focused()
    look(page, f"{size}-done")

    press(page, "draw the last one again")
    expect(page.locator("#count")).to_have_text("9 of 10")
    page.reload()  # everything is kept, and the prompt is the same
    expect(page.locator("#count")).to_have_text("9 of 10")

    press(page, "leave, and delete my drawings")
    look(page, f"{size}-question")
    press(page, "delete them")
    expect(page.locator("#note")).to_have_text("Your drawings are deleted.")
    expect(page.locator("#join")).to_be_visible()
    listed = page.request.get(f"{page.url.split('/collect')[0]}/api/v1/predictions").json()
    assert listed["predictions"] == []


def test_undo_does_not_bring_the_drawing_before_back(
    opened: Callable[..., Page], strokes: Strokes, code: str
) -> None:
    page = opened(**DESKTOP)
    page.goto(f"{page.url}collect?code={code}")
    begin(page, code)
    draw_by_mouse(page, strokes[asked_for(page)])
    press(page, "next")
    expect(page.locator("#count")).to_have_text("1 of 10")
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "Drawing area, empty")
    expect(page.locator("#undo")).to_have_attribute("aria-disabled", "true")


def test_errors_are_told(opened: Callable[..., Page], code: str) -> None:
    page = opened(**DESKTOP)
    page.goto(f"{page.url}collect")
    page.get_by_label("Code of your session").fill("nowhere")
    page.get_by_label("I have read this and agree.").check()
    press(page, "begin")
    expect(page.locator("#note")).to_contain_text("There is no open session with this code")
    page.get_by_label("Code of your session").fill(code)
    press(page, "begin")
    press(page, "next")
    expect(page.locator("#note")).to_contain_text("The sheet is blank")
