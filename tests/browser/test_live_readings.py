"""Readings while one draws: not recorded, of the latest drawing, and only if they are on."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press
from tests.harness.site import SiteProcess

pytestmark = [pytest.mark.browser]

READINGS = "**/api/v1/readings"
SETTLED_MS = 1000  # four times the pause after which the page asks


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    return opened(**DESKTOP)


@pytest.fixture
def asked(page: Page) -> list[Request]:
    """The readings that the page has asked for so far."""
    requests: list[Request] = []
    page.on("request", lambda each: requests.append(each) if "/readings" in each.url else None)
    return requests


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#answer")).to_have_attribute("data-state", re.compile(state))


def test_a_reading_comes_by_itself_and_only_a_prediction_is_recorded(
    page: Page, strokes: Strokes, live_site: SiteProcess
) -> None:
    before = set(live_site.records())
    draw_by_mouse(page, strokes["7"])
    assert answer(page).rstrip("?") == "7"
    expect(page.locator("#confidence")).to_contain_text("not recorded")
    expect(page.get_by_role("button", name="it is a 4")).not_to_be_visible()
    assert set(live_site.records()) == before
    press(page, "predict it")
    expect(page.locator("#record")).to_contain_text("· recorded")
    expect(page.get_by_role("button", name="it is a 4")).to_be_visible()
    assert len(set(live_site.records()) - before) == 1


def test_strokes_in_quick_succession_are_one_request(
    page: Page, strokes: Strokes, asked: list[Request]
) -> None:
    draw_by_mouse(page, strokes["4"])  # two strokes
    answer(page)
    assert len(asked) == 1
    page.wait_for_timeout(SETTLED_MS)
    assert len(asked) == 1  # the same drawing is not read again


def test_the_latest_drawing_wins(page: Page, strokes: Strokes) -> None:
    held: list[Route] = []
    page.route(READINGS, lambda route: held.append(route))
    with page.expect_request(READINGS):
        draw_by_mouse(page, strokes["1"])
    draw_by_mouse(page, strokes["1"])
    page.unroute(READINGS)
    press(page, "clear it")
    draw_by_mouse(page, strokes["3"])
    assert answer(page).rstrip("?") == "3"
    page.wait_for_timeout(SETTLED_MS)
    assert page.locator("#glyph").inner_text().rstrip("?") == "3"


def test_the_switch_turns_it_off_and_is_remembered(
    page: Page, strokes: Strokes, asked: list[Request]
) -> None:
    switch = page.get_by_role("switch", name="Read while I draw")
    expect(switch).to_be_checked()
    switch.click()
    page.reload()
    expect(switch).not_to_be_checked()
    draw_by_mouse(page, strokes["3"])
    page.wait_for_timeout(SETTLED_MS)
    expect_state(page, "changed")
    assert asked == []
    switch.click()
    answer(page)
    assert len(asked) == 1


def test_too_many_readings_wait_without_a_message(page: Page, strokes: Strokes) -> None:
    refused: list[Route] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route)
        body = {"error": {"code": "rate_limited", "message": "", "request_id": "x" * 36}}
        route.fulfill(status=429, json=body, headers={"Retry-After": "1"})

    page.route(READINGS, refuse_once)
    draw_by_mouse(page, strokes["3"])
    assert answer(page).rstrip("?") == "3"  # after the second that the site asked for
    assert len(refused) == 1
    expect(page.locator("#message")).not_to_be_visible()
