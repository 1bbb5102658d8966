"""The page's texts for an answer, an error and a correction, and its announcements."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from serving.preprocessing import instance_png
from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press

pytestmark = [pytest.mark.browser]

PREDICTIONS = "**/api/v1/predictions"


def png_of_bars(*columns: tuple[int, int]) -> str:
    """A 28x28 instance with a tall bar in each range of columns, as the API gives it."""
    instance = np.zeros((28, 28), dtype=np.float32)
    for left, right in columns:
        instance[4:24, left:right] = 1
    return base64.b64encode(instance_png(instance)).decode()


def prediction(**fields: Any) -> dict[str, Any]:
    return {
        "id": "1e2538d7-e78e-11f1-b4de-b79d5bb442a2",
        "predicted_at": "2026-11-23T22:35:00Z",
        "verdict": "unsure",
        "digit": 3,
        "confidence": 0.91,
        "probabilities": [0, 0, 0, 0.91, 0, 0, 0, 0, 0.06, 0.03, 0],
        "model": {"name": "digits", "version": 2, "label": "stable"},
        "instance": png_of_bars((12, 15)),
        "recorded": "stored",
        **fields,
    }


@pytest.fixture
def answered(opened: Callable[..., Page], strokes: Strokes) -> Callable[..., Page]:
    """A page whose drawing the API has answered as given."""

    def answer_with(status: int = 201, **answer: Any) -> Page:
        page = opened(live=False, **DESKTOP)
        page.route(PREDICTIONS, lambda route: route.fulfill(status=status, **answer))
        draw_by_mouse(page, strokes["3"])
        press(page, "predict it")
        return page

    return answer_with


def test_an_unsure_answer_does_not_contradict_itself(answered: Callable[..., Page]) -> None:
    page = answered(json=prediction())
    expect(page.locator("#headline")).to_have_text("It may be a 3")
    expect(page.locator("#confidence")).to_have_text(
        "91 % is too little to be sure. Next: an 8, 6 %."
    )


def test_it_is_an_eight(answered: Callable[..., Page]) -> None:
    page = answered(json=prediction(verdict="digit", digit=8, confidence=0.97))
    expect(page.locator("#headline")).to_have_text("It is an 8")
    expect(page.get_by_role("button", name="it is an 8", exact=True)).to_be_visible()


def test_too_many_predictions_get_a_plain_sentence(answered: Callable[..., Page]) -> None:
    error = {"code": "rate_limited", "message": "more than 120/m", "request_id": "x" * 36}
    page = answered(429, json={"error": error}, headers={"Retry-After": "4"})
    expect(page.get_by_role("status")).to_have_text(
        "That was too much at once. More is possible in 4 s. It is sent again by itself."
    )


def test_the_three_likeliest_readings_and_all_of_them(answered: Callable[..., Page]) -> None:
    page = answered(json=prediction())
    expect(page.locator("#bars tr:visible th")).to_have_text(["3", "8", "9"])
    press(page, "show all")
    names = [*map(str, range(10)), "none"]
    expect(page.locator("#bars tr:visible th")).to_have_text(names)
    press(page, "show all")
    expect(page.locator("#bars tr:visible th")).to_have_text(["3", "8", "9"])


@pytest.mark.parametrize(
    ("columns", "headline", "detail"),
    [
        ([(4, 8), (18, 22)], "Several digits", "One digit at a time, please."),
        ([(4, 8), (11, 14), (18, 22)], "Several digits", "One digit at a time, please."),
        ([(8, 20)], "That is not a digit", "90 % sure. If it is one, draw it larger and plainer."),
    ],
)
def test_several_digits_are_told_from_what_is_no_digit(
    answered: Callable[..., Page], columns: list[tuple[int, int]], headline: str, detail: str
) -> None:
    instance = png_of_bars(*columns)
    page = answered(
        json=prediction(verdict="not_a_digit", digit=None, confidence=0.9, instance=instance)
    )
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#confidence")).to_have_text(detail)


def test_waiting_is_announced(opened: Callable[..., Page], strokes: Strokes) -> None:
    page = opened(live=False, **DESKTOP)
    held: list[Route] = []
    page.route(PREDICTIONS, lambda route: held.append(route))
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    live = page.locator("[aria-live=polite]", has=page.locator("#headline"))
    expect(live).to_contain_text("Reading…")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "true")
    while not held:  # the page says that it waits before it sends
        page.wait_for_timeout(20)
    held[0].continue_()
    answer(page)


@pytest.mark.parametrize(
    ("key", "noted"),
    [
        ("y", "Noted: it is a 3. Thank you."),
        ("8", "Noted: it is an 8. Thank you."),
        ("n", "Noted: it is not a digit. Thank you."),
    ],
)
def test_one_key_says_what_it_was_and_that_is_announced(
    opened: Callable[..., Page], strokes: Strokes, key: str, noted: str
) -> None:
    page = opened(**DESKTOP)
    draw_by_mouse(page, strokes["3"])
    assert answer(page).rstrip("?") == "3"
    page.keyboard.press(key)  # a reading is not recorded, so there is nothing to correct
    press(page, "predict it")
    expect(page.locator("#record")).to_contain_text("· recorded")
    announced = page.locator("legend[aria-live=polite]")
    expect(announced).to_have_text("Was it right? If not, what is it?")
    page.keyboard.press(key)
    expect(announced).to_have_text(noted)
    page.keyboard.press(key)  # takes it back
    expect(announced).to_have_text("Was it right? If not, what is it?")


def test_one_tap_says_that_it_was_right(opened: Callable[..., Page], strokes: Strokes) -> None:
    page = opened(**DESKTOP)
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    answer(page)
    press(page, "yes")
    expect(page.locator("#correction-legend")).to_have_text("Noted: it is a 3. Thank you.")
    expect(page.get_by_role("button", name="yes", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
