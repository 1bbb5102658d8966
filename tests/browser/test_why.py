"""The explanation of an answer: asked for on demand, for the answer and for the runner-up."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.accessibility import violations
from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press

pytestmark = [pytest.mark.browser]

EXPLANATIONS = "**/api/v1/predictions/*/explanation"
# Pixels of the map with the colour of discs (for) and of rings (against).
MARKS = """() => {
  const canvas = document.querySelector("#why-map");
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const count = (r, g, b) => {
    let found = 0;
    for (let i = 0; i < data.length; i += 4)
      found += data[i] === r && data[i + 1] === g && data[i + 2] === b;
    return found;
  };
  return [count(0x56, 0xb4, 0xe9), count(0xe6, 0x9f, 0)];
}"""


def explained(page: Page, strokes: list[list[list[int]]]) -> None:
    """Has a drawing predicted, and opens its explanation."""
    draw_by_mouse(page, strokes)
    press(page, "predict it")
    answer(page)
    expect(page.locator("#record")).to_contain_text("· recorded")
    press(page, "Why?")


def test_the_map_is_asked_for_on_demand_and_once(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(**DESKTOP)
    asked: list[Request] = []
    page.on("request", lambda each: asked.append(each) if "explanation" in each.url else None)
    draw_by_mouse(page, strokes["7"])
    answer(page)
    expect(page.get_by_role("button", name="Why?")).not_to_be_visible()  # a reading has no record
    press(page, "predict it")
    expect(page.get_by_role("button", name="Why?")).to_be_visible()
    assert asked == []
    press(page, "Why?")
    dialog = page.get_by_role("dialog", name="Why?")
    expect(dialog.get_by_role("button", name="the answer: a 7")).to_have_attribute(
        "aria-pressed", "true"
    )
    text = page.locator("#why-text").inner_text()
    assert re.search(r"Most depends on the ink|No single part decides", text)
    assert page.locator("#why-map").get_attribute("aria-label") == text
    page.wait_for_function(f"() => ({MARKS})()[0] > 500")
    page.get_by_role("button", name=re.compile("the runner-up: ")).click()
    expect(page.locator("#why-text")).not_to_have_text(text)
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(page.locator("#canvas")).to_have_attribute("aria-label", re.compile("with your"))
    press(page, "Why?")
    expect(page.locator("#why-text")).to_have_text(text)
    assert len(asked) == 1


def test_ink_that_speaks_against_is_ringed_and_another_version_is_named(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(**DESKTOP)
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    answer(page)
    expect(page.locator("#record")).to_contain_text("· recorded")
    rows = [[0.0] * 28 for _ in range(28)]
    rows[5][5:9] = [0.4, 0.2, -0.4, -0.2]
    part = {"label": 3, "probability": 0.9, "lowest": 0.2, "highest": 0.95, "map": rows}
    body = {
        "model": {"name": "digits", "version": 77, "label": "stable"},
        "same_version": False,
        "answer": part,
        "runner_up": {**part, "label": "not_a_digit", "probability": 0.05},
    }
    page.route(EXPLANATIONS, lambda route: route.fulfill(json=body))
    press(page, "Why?")
    expect(page.locator("#why-text")).to_have_text(
        "Most depends on the ink at the top left: without it, a 3 falls from 90 % to 20 %."
    )
    expect(page.locator("#why-note")).to_contain_text("version 77 explains")
    page.wait_for_function(f"() => ({MARKS})().every((count) => count > 10)")
    page.get_by_role("button", name="the runner-up: not a digit").click()
    expect(page.locator("#why-text")).to_contain_text("rises from 5 % to 95 %")


def test_a_failure_is_said_in_its_place(opened: Callable[..., Page], strokes: Strokes) -> None:
    page = opened(**DESKTOP)
    error = {"code": "model_unavailable", "message": "no", "request_id": "id-1"}
    page.route(EXPLANATIONS, lambda route: route.fulfill(status=503, json={"error": error}))
    explained(page, strokes["3"])
    expect(page.locator("#why-text")).to_contain_text("No model answers just now")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(360, 740), (740, 360), (1440, 900)])
def test_it_is_accessible_and_fits(
    opened: Callable[..., Page], strokes: Strokes, scheme: str, width: int, height: int
) -> None:
    page = opened(viewport={"width": width, "height": height}, color_scheme=scheme)
    explained(page, strokes["3"])
    expect(page.locator("#why-text")).to_contain_text("a 3")
    assert violations(page) == []
    box = page.locator("#why-dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["height"] <= height
