"""Every part of the page has its place: on phones, before an answer comes and after."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press

pytestmark = [pytest.mark.browser]

# Of the page with everything it fetches, as sent; 34,800 are measured, and 36,900 in German.
MOST_BYTES = 60_000
SHIFTS = """() => {
  window.shifts = [];
  const keep = (list) => window.shifts.push(...list.getEntries().map((entry) => entry.value));
  new PerformanceObserver(keep).observe({type: "layout-shift", buffered: true});
}"""
OUTSIDE = """() => [...document.querySelectorAll("button, label, canvas")]
  .filter((node) => node.checkVisibility() && node.getBoundingClientRect().width > 1)
  .filter((node) => {
    const {left, right} = node.getBoundingClientRect();
    const sheet = node.closest(".sheet")?.getBoundingClientRect();
    return left < 0 || right > innerWidth || (sheet && right > sheet.right);
  })
  .map((node) => node.id || node.textContent)"""


def phone(width: int, height: int) -> dict[str, Any]:
    size = {"width": width, "height": height}
    return {"viewport": size, "is_mobile": True, "has_touch": True}


def bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["y"] + box["height"]


@pytest.mark.parametrize(("width", "height"), [(360, 740), (740, 360)])
def test_sheet_answer_and_correction_are_in_one_screen_of_a_phone(
    opened: Callable[..., Page], strokes: Strokes, width: int, height: int
) -> None:
    page = opened(**phone(width, height))
    assert bottom(page, "#predict") <= height
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    answer(page)
    for selector in ("#canvas", "#undo", "#clear", "#verdict", "#bars", "#correction"):
        assert bottom(page, selector) <= height, selector
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize(
    ("width", "height"), [(320, 640), (360, 740), (740, 360), (768, 1024), (1440, 900)]
)
def test_nothing_sticks_out(
    opened: Callable[..., Page], strokes: Strokes, width: int, height: int
) -> None:
    page = opened(live=False, **phone(width, height))
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    answer(page)
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), [(360, 740), (740, 360), (768, 1024), (1440, 900)])
def test_nothing_moves_when_an_answer_comes(
    opened: Callable[..., Page], strokes: Strokes, width: int, height: int
) -> None:
    page = opened(**phone(width, height))
    page.evaluate(SHIFTS)
    draw_by_mouse(page, strokes["3"])
    answer(page)
    press(page, "predict it")
    expect(page.locator("#record")).to_contain_text("· recorded")
    draw_by_mouse(page, strokes["1"])
    answer(page)
    press(page, "clear it")
    press(page, "predict it")  # a message
    page.wait_for_timeout(300)
    assert sum(page.evaluate("window.shifts")) == 0


@pytest.mark.parametrize("path", ["", "privacy", "api/v1/docs"])
def test_nothing_moves_while_a_page_loads(opened: Callable[..., Page], path: str) -> None:
    page = opened(**phone(360, 740))
    page.goto(page.url + path)
    page.evaluate(SHIFTS)  # what moved before is in the observer's buffer
    page.wait_for_load_state("networkidle")
    assert sum(page.evaluate("window.shifts")) == 0


def test_the_page_is_small_and_its_modules_do_not_load_in_a_chain(
    opened: Callable[..., Page],
) -> None:
    page = opened(**DESKTOP)
    page.wait_for_load_state("networkidle")
    entries = page.evaluate("""() => performance.getEntries()
      .filter(({entryType}) => ["navigation", "resource"].includes(entryType))
      .map(({name, transferSize, initiatorType}) => [name, transferSize, initiatorType])""")
    assert 0 < sum(size for _, size, _ in entries) <= MOST_BYTES
    preloaded = page.locator("link[rel=modulepreload]").evaluate_all("all => all.map(l => l.href)")
    scripts = {name for name, _, _ in entries if name.endswith(".js")}
    assert scripts - set(preloaded) == {page.locator("script").evaluate("script => script.src")}


def test_the_page_is_compressed_and_has_an_icon(opened: Callable[..., Page]) -> None:
    page = opened(**DESKTOP)
    response = page.reload()
    assert response is not None
    assert response.headers["content-encoding"] == "gzip"
    icon = page.request.get(page.url + "favicon.ico")
    assert icon.ok
    assert icon.body()[:4] == b"\0\0\1\0"  # an ICO file


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (360, 740), (740, 360)])
def test_an_unknown_address_leads_back_to_the_page(
    opened: Callable[..., Page], width: int, height: int
) -> None:
    page = opened(**phone(width, height))
    response = page.goto(page.url + "nowhere")
    assert response is not None
    assert response.status == 404
    expect(page.get_by_role("heading")).to_be_in_viewport()
    page.get_by_role("link", name="here").click()
    expect(page.locator("#canvas")).to_be_visible()
