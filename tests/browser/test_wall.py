"""The wall in a real browser: the code, drawings that come and go, sizes, errors, accessibility."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.visitor import DESKTOP, PHONE, Strokes, answer, draw_by_mouse, press
from tests.harness.drawings import SEVEN
from tests.harness.fixtures import WALL_CODE
from tests.harness.site import SiteProcess

pytestmark = [pytest.mark.browser]

SCREENSHOTS = os.environ.get("SCREENSHOTS", "")  # a folder, to look at what the test sees
REFRESH_MS = 15_000  # two seconds, and what a busy machine needs
SIZES = {
    "360": (360, 740), "768": (768, 1024), "1024": (1024, 768), "1440": (1440, 900),
    "1920": (1920, 1080),
}  # fmt: skip
READINGS = "#readings li"


def look(page: Page, name: str) -> None:
    """Check the accessibility of what is shown, and that nothing sticks out at the side."""
    if SCREENSHOTS:
        page.screenshot(path=f"{SCREENSHOTS}/wall-{name}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found] == [], json.dumps(found, indent=1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(scope="session")
def entered() -> list[Any]:
    """Cookies of a browser in which the code was entered: attempts are limited."""
    return []


@pytest.fixture
def wall(
    opened: Callable[..., Page], live_site: SiteProcess, entered: list[Any]
) -> Callable[..., Page]:
    """Open the wall in a new browser."""

    def open_wall(*, clock: bool = False, **options: Any) -> Page:
        page = opened(**options)
        if clock:  # time passes only when the test says so
            page.clock.install()
        page.context.add_cookies(entered)
        page.goto(f"{live_site.url}/wall")
        if not entered:
            page.get_by_label("Class code").fill(WALL_CODE)
            page.keyboard.press("Enter")
        expect(page.locator(".qr")).to_be_visible()
        entered[:] = page.context.cookies()
        return page

    return open_wall


def pass_time(page: Page, *, seconds: int) -> None:
    page.clock.run_for(seconds * 1000)
    page.wait_for_timeout(200)  # answers of this machine


def draw(page: Page, strokes: list[list[list[int]]]) -> None:
    draw_by_mouse(page, strokes)
    press(page, "predict it")
    answer(page)
    expect(page.locator("#record")).to_contain_text("· recorded")


def test_a_wrong_code_is_said_and_the_right_one_opens(
    opened: Callable[..., Page], live_site: SiteProcess
) -> None:
    page = opened(**PHONE)
    page.goto(f"{live_site.url}/wall")
    look(page, "code")
    page.get_by_label("Class code").fill("class-4b-or-so")
    press(page, "open the wall")
    expect(page.get_by_role("alert")).to_contain_text("not the class code")
    expect(page.get_by_label("Class code")).to_be_focused()
    look(page, "code-wrong")
    page.get_by_label("Class code").fill(WALL_CODE.upper())
    press(page, "open the wall")
    expect(page.locator(".address")).to_contain_text(live_site.url)


def test_drawings_come_and_go_by_themselves(
    opened: Callable[..., Page], wall: Callable[..., Page], strokes: Strokes
) -> None:
    viewer, visitor = wall(**DESKTOP), opened(**DESKTOP)
    draw(visitor, strokes["3"])
    first = viewer.locator(READINGS).first
    expect(first).to_contain_text("It is: 3", timeout=REFRESH_MS)
    expect(viewer.locator("#announced")).to_contain_text("New: It is: 3")
    key = first.get_attribute("data-key")
    visitor.locator("#delete").click()
    visitor.get_by_role("button", name="delete it").click()
    expect(visitor.get_by_role("status")).to_contain_text("Deleted")
    expect(viewer.locator(f'[data-key="{key}"]')).to_have_count(0, timeout=REFRESH_MS)


def test_a_live_reading_is_not_shown(
    opened: Callable[..., Page], wall: Callable[..., Page], strokes: Strokes
) -> None:
    viewer, visitor = wall(**DESKTOP), opened(**DESKTOP)
    before = viewer.locator(READINGS).evaluate_all("all => all.map(each => each.dataset.key)")
    draw_by_mouse(visitor, strokes["5"])
    answer(visitor)
    with viewer.expect_response(lambda response: "/wall/latest" in response.url) as asked:
        pass
    assert asked.value.status in {200, 304}
    after = viewer.locator(READINGS).evaluate_all("all => all.map(each => each.dataset.key)")
    assert after == before


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_phones_and_projectors(
    wall: Callable[..., Page], live_site: SiteProcess, size: str
) -> None:
    made = requests.post(f"{live_site.url}/api/v1/predictions", files={"image": SEVEN}, timeout=60)
    assert made.status_code == 201
    width, height = SIZES[size]
    for scheme in ("light", "dark"):
        page = wall(
            viewport={"width": width, "height": height}, color_scheme=scheme,
            reduced_motion="reduce",
        )  # fmt: skip
        expect(page.locator(READINGS).first).to_be_visible()
        look(page, f"{size}-{scheme}")
    code = page.locator(".qr").bounding_box()
    assert code is not None
    assert abs(code["width"] - code["height"]) < 1
    if width <= height:
        return
    # A projector: all of it at once, and the code for the last row of seats.
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert code["width"] >= 0.3 * height
    for selector in (".address", ".record", "#pause", READINGS):
        box = page.locator(selector).last.bounding_box()
        assert box is not None, selector
        assert box["y"] + box["height"] <= height + 1, selector


def test_without_a_drawing_it_invites(wall: Callable[..., Page]) -> None:
    empty = '<ol class="readings" id="readings"></ol>'
    for scheme in ("light", "dark"):
        page = wall(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
        page.route("**/wall/latest", lambda route: route.fulfill(body=empty))
        expect(page.get_by_text("No drawing yet")).to_be_visible(timeout=REFRESH_MS)
        look(page, f"empty-{scheme}")


def test_an_interruption_is_said_and_ends_by_itself(wall: Callable[..., Page]) -> None:
    page = wall(clock=True, **DESKTOP)
    page.route("**/wall/latest", lambda route: route.fulfill(status=503))
    note = page.locator("#note")
    pass_time(page, seconds=3)
    expect(note).to_be_empty()  # one lost request is not worth a word
    pass_time(page, seconds=6)
    expect(note).to_contain_text("Trying again")
    look(page, "interrupted")
    # After a minute nothing is shown that may have been deleted meanwhile.
    for _ in range(4):
        pass_time(page, seconds=31)
    expect(page.locator(READINGS)).to_have_count(0)
    page.unroute("**/wall/latest")
    pass_time(page, seconds=31)
    expect(note).to_be_empty()


def test_the_keyboard_pauses_it(wall: Callable[..., Page]) -> None:
    page = wall(clock=True, **DESKTOP)
    page.locator("#pause").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pause")).to_have_text("go on")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    pass_time(page, seconds=10)
    assert asked == []
    with page.expect_request("**/wall/latest"):
        page.keyboard.press("Enter")
    expect(page.locator("#pause")).to_have_text("pause")
