"""An answer belongs to exactly the drawing it was given for."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press

pytestmark = [pytest.mark.browser]

NO_ANSWER = "^(empty|changed|waiting)$"
PREDICTIONS = "**/api/v1/predictions"


@pytest.fixture
def answered(opened: Callable[..., Page], strokes: Strokes) -> Page:
    """The page with a drawing of a four, in two strokes, and the answer to it; not live."""
    page = opened(live=False, **DESKTOP)
    draw_by_mouse(page, strokes["4"])
    press(page, "predict it")
    answer(page)
    return page


def expect_no_answer(page: Page, state: str) -> None:
    expect(page.locator("#answer")).to_have_attribute("data-state", state)
    expect(page.locator("#headline")).not_to_contain_text("It is")
    expect(page.get_by_role("button", name="it is a 4")).not_to_be_visible()


def test_it_goes_with_another_stroke_and_returns_when_that_is_undone(
    answered: Page, strokes: Strokes
) -> None:
    before = answered.locator("#headline").inner_text()
    draw_by_mouse(answered, strokes["1"])
    expect_no_answer(answered, "changed")
    answered.get_by_role("button", name="undo").click()
    expect(answered.locator("#headline")).to_have_text(before)


def test_it_goes_with_an_undone_stroke(answered: Page) -> None:
    answered.get_by_role("button", name="undo").click()
    expect_no_answer(answered, "changed")


def test_it_goes_when_the_sheet_is_undone_to_blank(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(live=False, **DESKTOP)
    draw_by_mouse(page, strokes["6"])
    press(page, "predict it")
    answer(page)
    page.get_by_role("button", name="undo").click()
    expect_no_answer(page, "empty")


def test_an_answer_that_comes_after_another_stroke_is_not_shown_for_it(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(live=False, **DESKTOP)
    held: list[Route] = []
    page.route(PREDICTIONS, lambda route: held.append(route))
    draw_by_mouse(page, strokes["6"])
    press(page, "predict it")
    expect(page.locator("#answer")).to_have_attribute("data-state", "waiting")
    draw_by_mouse(page, strokes["1"])
    expect_no_answer(page, "changed")
    with page.expect_response(PREDICTIONS):
        held[0].continue_()
    # It was recorded, so it is among the latest drawings, but it is not the answer to this one.
    expect(page.locator("#recent-list li")).to_have_count(1)
    expect_no_answer(page, "changed")
