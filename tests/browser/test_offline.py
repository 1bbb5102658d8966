"""Without a network, or with a slow site: the drawing is kept, and sent by itself, once."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.accessibility import violations
from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press
from tests.harness.site import SiteProcess

pytestmark = [pytest.mark.browser]

PREDICTIONS = "**/api/v1/predictions"
DRAWN = "Drawing area, with your drawing"
BUSY = {"code": "model_unavailable", "message": "no", "request_id": "id-1"}


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    return opened(live=False, **DESKTOP)


@pytest.fixture
def sent(page: Page) -> list[Request]:
    """The predictions that the page has asked for so far."""
    requests: list[Request] = []
    page.on("request", lambda each: requests.append(each) if is_prediction(each) else None)
    return requests


def is_prediction(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/api/v1/predictions")


def keys(requests: list[Request]) -> set[str]:
    return {request.headers["idempotency-key"] for request in requests}


def test_it_is_sent_by_itself_when_the_network_is_back(
    page: Page, strokes: Strokes, sent: list[Request], live_site: SiteProcess
) -> None:
    before = set(live_site.records())
    draw_by_mouse(page, strokes["3"])
    page.context.set_offline(True)
    press(page, "predict it")
    status = page.get_by_role("status")
    expect(status).to_have_text(
        "You are offline. Your drawing is kept. It is sent again by itself."
    )
    assert violations(page) == []
    page.context.set_offline(False)
    assert answer(page).rstrip("?") == "3"
    expect(status).not_to_be_visible()
    assert len(keys(sent)) == 1
    assert len(set(live_site.records()) - before) == 1


def test_a_request_whose_answer_was_lost_is_recorded_once(
    page: Page, strokes: Strokes, sent: list[Request], live_site: SiteProcess
) -> None:
    lost: list[Route] = []

    def lose_once(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route)
        route.fetch()  # the site answers, and the answer is lost
        route.abort()

    before = set(live_site.records())
    draw_by_mouse(page, strokes["3"])
    page.route(PREDICTIONS, lose_once)
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("cannot be reached")
    assert answer(page).rstrip("?") == "3"
    assert len(sent) == 2
    assert len(keys(sent)) == 1
    assert len(set(live_site.records()) - before) == 1


def test_the_button_sends_it_at_once_in_place_of_after_the_pause_that_the_site_asked_for(
    page: Page, strokes: Strokes, sent: list[Request]
) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=503, json={"error": BUSY}, headers={"Retry-After": "600"})

    draw_by_mouse(page, strokes["3"])
    page.route(PREDICTIONS, refuse)
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("No model answers just now")
    page.wait_for_timeout(2500)  # more than the first pause
    assert len(sent) == 1
    page.unroute(PREDICTIONS)
    press(page, "try now")
    assert answer(page).rstrip("?") == "3"
    assert len(keys(sent)) == 1


def test_another_drawing_is_not_sent_for_the_one_that_waits(
    page: Page, strokes: Strokes, sent: list[Request]
) -> None:
    draw_by_mouse(page, strokes["3"])
    page.context.set_offline(True)
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("You are offline")
    press(page, "clear it")
    expect(page.get_by_role("status")).not_to_be_visible()
    page.context.set_offline(False)
    draw_by_mouse(page, strokes["1"])
    press(page, "predict it")
    assert answer(page).rstrip("?") == "1"
    assert len(keys(sent)) == 2


def test_a_drawing_is_kept_over_a_reload_until_it_is_recorded(page: Page, strokes: Strokes) -> None:
    canvas = page.locator("#canvas")
    draw_by_mouse(page, strokes["3"])
    page.reload()
    expect(canvas).to_have_attribute("aria-label", DRAWN)
    press(page, "predict it")
    assert answer(page).rstrip("?") == "3"
    page.reload()
    expect(canvas).to_have_attribute("aria-label", "Drawing area, empty")


def test_what_waits_is_sent_after_a_reload_with_the_same_key(
    page: Page, strokes: Strokes, sent: list[Request]
) -> None:
    draw_by_mouse(page, strokes["3"])
    page.route(PREDICTIONS, lambda route: route.abort())
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("cannot be reached")
    page.unroute(PREDICTIONS)
    page.reload()
    assert answer(page).rstrip("?") == "3"
    assert len(keys(sent)) == 1


def test_a_chosen_picture_is_kept_too(page: Page) -> None:
    page.locator("#file").set_input_files("tests/data/seven.png")
    expect(page.get_by_role("status")).to_contain_text("Picture taken")
    page.wait_for_function("() => localStorage.getItem('sheet')?.includes('data:image/png')")
    page.reload()
    expect(page.locator("#canvas")).to_have_attribute("aria-label", DRAWN)
    press(page, "predict it")
    assert answer(page).rstrip("?") == "7"


def test_a_failed_reading_says_so_quietly_and_is_repeated(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(**DESKTOP)
    failed: list[Any] = []

    def fail_once(route: Route) -> None:
        if failed:
            route.continue_()
            return
        failed.append(route)
        route.fulfill(status=503, json={"error": BUSY}, headers={"Retry-After": "2"})

    page.route("**/api/v1/readings", fail_once)
    draw_by_mouse(page, strokes["3"])
    expect(page.locator("#answer")).to_have_attribute("data-state", "unread")
    expect(page.locator("#headline")).to_have_text("Not read yet")
    expect(page.locator("#confidence")).to_contain_text("No model answers just now")
    expect(page.get_by_role("status")).not_to_be_visible()
    assert answer(page).rstrip("?") == "3"


def test_a_reading_comes_when_the_network_is_back(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(**DESKTOP)
    page.context.set_offline(True)
    draw_by_mouse(page, strokes["3"])
    expect(page.locator("#confidence")).to_have_text(re.compile("You are offline"))
    page.context.set_offline(False)
    assert answer(page).rstrip("?") == "3"
