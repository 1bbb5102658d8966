"""Every state of the site's pages, and the way there: looked at, and checked by axe-core."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.test_answer_texts import PREDICTIONS, png_of_bars, prediction
from tests.browser.visitor import Strokes, answer, draw_by_mouse, press
from tests.harness.bundled_site import PASSWORD, USER

State = Callable[[Page, Strokes], None]
ERROR: dict[str, Any] = {
    "request_id": "7c7647c5-72a7-4971-9d4c-34962b00605f",
    "message": "No model answers just now, so nothing was recorded; please try again.",
}
RECORDED = re.compile("· recorded")


def _draw(page: Page, strokes: Strokes, digit: str = "3") -> None:
    draw_by_mouse(page, strokes[digit])
    answer(page)


def _predict(page: Page, strokes: Strokes, digit: str = "3") -> None:
    draw_by_mouse(page, strokes[digit])
    press(page, "predict it")
    expect(page.locator("#record")).to_contain_text(RECORDED, timeout=30_000)


def _answered(status: int = 201, **reply: Any) -> State:
    """Return the state after the API has answered a prediction as given."""

    def reach(page: Page, strokes: Strokes) -> None:
        page.route(PREDICTIONS, lambda route: route.fulfill(status=status, **reply))
        draw_by_mouse(page, strokes["3"])
        press(page, "predict it")
        if status < 400:
            answer(page)
        else:  # the page sends it again by itself, and shows what it waits for meanwhile
            expect(page.locator("#message")).to_be_visible(timeout=30_000)

    return reach


def empty(_page: Page, _strokes: Strokes) -> None:
    """As the page is opened."""


def waiting(page: Page, strokes: Strokes) -> None:
    held: list[Route] = []
    page.route(PREDICTIONS, lambda route: held.append(route))  # never answered
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    expect(page.locator("#answer")).to_have_attribute("data-state", "waiting")


def corrected(page: Page, strokes: Strokes) -> None:
    _predict(page, strokes)
    page.get_by_role("button", name="it is a 4").click()
    expect(page.locator("#correction-legend")).to_contain_text("Noted")


def all_readings(page: Page, strokes: Strokes) -> None:
    _predict(page, strokes)
    press(page, "show all")


def offline(page: Page, strokes: Strokes) -> None:
    page.context.set_offline(True)
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    expect(page.locator("#message")).to_be_visible(timeout=30_000)


def history(page: Page, strokes: Strokes) -> None:
    for digit in ("3", "7", "5"):
        _predict(page, strokes, digit)
        press(page, "clear it")
    page.locator("#recent-list button").first.click()
    answer(page)


def why(page: Page, strokes: Strokes) -> None:
    _predict(page, strokes)
    press(page, "Why?")
    expect(page.locator("#why-text")).not_to_have_text("Asking the model…", timeout=30_000)


def delete(page: Page, strokes: Strokes) -> None:
    _predict(page, strokes)
    press(page, "delete my drawing")
    expect(page.get_by_role("dialog")).to_be_visible()


def wall(page: Page, strokes: Strokes) -> None:
    for digit in ("3", "7"):
        _predict(page, strokes, digit)
        press(page, "clear it")
    _log_in(page, to="/wall")
    expect(page.locator(".latest li").first).to_be_visible()


def model_versions(page: Page, _strokes: Strokes) -> None:
    _log_in(page, to="/admin/rollout/modelversion/")
    expect(page.get_by_role("heading", name="Model versions")).to_be_visible()


def _log_in(page: Page, *, to: str) -> None:
    page.goto(f"{page.url}admin/login/?next={to}")
    page.get_by_label("Username:").fill(USER)
    page.get_by_label("Password:").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def _at(path: str) -> State:
    """Return the state of another page."""

    def reach(page: Page, _strokes: Strokes) -> None:
        page.goto(page.url.rstrip("/") + path)

    return reach


STATES: dict[str, State] = {
    "empty": empty,
    "live": _draw,
    "waiting": waiting,
    "answer": _predict,
    "corrected": corrected,
    "all readings": all_readings,
    "unsure": _answered(json=prediction()),
    "not a digit": _answered(
        json=prediction(verdict="not_a_digit", digit=None, probabilities=[0.004] * 10 + [0.96])
    ),
    "several digits": _answered(
        json=prediction(
            verdict="not_a_digit",
            digit=None,
            probabilities=[0.004] * 10 + [0.96],
            instance=png_of_bars((5, 8), (19, 22)),
        )
    ),
    "error": _answered(503, json={"error": {"code": "model_unavailable", **ERROR}}),
    "too many": _answered(
        429, json={"error": {"code": "rate_limited", **ERROR}}, headers={"Retry-After": "4"}
    ),
    "offline": offline,
    "history": history,
    "why": why,
    "delete": delete,
    "docs": _at("/api/v1/docs"),
    "collect": _at("/collect"),
    "privacy": _at("/privacy"),
    "wall": wall,
    "wall closed": _at("/wall"),
    "model versions": model_versions,
    "nowhere": _at("/nowhere"),
}
