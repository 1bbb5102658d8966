"""A visitor's hands in a real browser: recorded pen strokes, by mouse and by finger."""

import re
from typing import Any

from playwright.sync_api import Page, expect

Strokes = dict[str, list[list[list[int]]]]
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}


def placed(page: Page, strokes: list[list[list[int]]]) -> list[list[tuple[float, float]]]:
    """Return the strokes in the middle of the canvas, in pixels of the window."""
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    xs = [x for stroke in strokes for x, _ in stroke]
    ys = [y for stroke in strokes for _, y in stroke]
    factor = 0.6 * box["width"] / max(max(xs) - min(xs), max(ys) - min(ys), 1)
    left = box["x"] + box["width"] / 2 - (max(xs) + min(xs)) / 2 * factor
    top = box["y"] + box["height"] / 2 - (max(ys) + min(ys)) / 2 * factor
    return [[(left + x * factor, top + y * factor) for x, y in stroke] for stroke in strokes]


def draw_by_mouse(page: Page, strokes: list[list[list[int]]]) -> None:
    for stroke in placed(page, strokes):
        page.mouse.move(*stroke[0])
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def draw_by_finger(page: Page, strokes: list[list[list[int]]]) -> None:
    """Draw with touch events, which a browser would turn into scrolling if the page let it."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, points: list[dict[str, float]]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    for stroke in placed(page, strokes):
        touch("touchStart", [{"x": stroke[0][0], "y": stroke[0][1]}])
        for x, y in stroke[1:]:
            touch("touchMove", [{"x": x, "y": y}])
        touch("touchEnd", [])


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def answer(page: Page) -> str:
    expect(page.locator("#answer")).to_have_attribute(
        "data-state", re.compile("^(digit|unsure|not_a_digit)$"), timeout=30_000
    )
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    return page.locator("#glyph").inner_text()
