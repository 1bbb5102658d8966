"""The sheet: undo and redo, the latest drawings brought back, files that are dropped."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press

pytestmark = [pytest.mark.browser]

EMPTY, DRAWN = "Drawing area, empty", "Drawing area, with your drawing"
INK = """() => {
  const canvas = document.querySelector("#canvas");
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", {willReadFrequently: true});
  context.drawImage(canvas, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 3 && value > 128).length;
}"""
DROP = """() => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(["no picture"], "a.txt", {type: "text/plain"}));
  const event = new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true});
  document.querySelector("h1").dispatchEvent(event);
  return event.defaultPrevented;
}"""


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    return opened(live=False, **DESKTOP)


def expect_sheet(page: Page, label: str) -> None:
    expect(page.locator("#canvas")).to_have_attribute("aria-label", label)


def recorded(page: Page, strokes: list[list[list[int]]]) -> None:
    draw_by_mouse(page, strokes)
    press(page, "predict it")
    answer(page)


def settled_ink(page: Page) -> int:
    """Return the number of pixels with ink, when the replay has ended."""
    page.wait_for_function(f"""() => {{
      const ink = ({INK})();
      const same = window.inkBefore === ink && ink > 0;
      window.inkBefore = ink;
      return same;
    }}""", polling=1500)  # fmt: skip
    return int(page.evaluate(INK))


def test_clear_and_escape_can_be_undone_and_redone(page: Page, strokes: Strokes) -> None:
    draw_by_mouse(page, strokes["3"])
    press(page, "clear it")
    expect_sheet(page, EMPTY)
    page.keyboard.press("Control+z")
    expect_sheet(page, DRAWN)
    page.keyboard.press("Escape")
    expect_sheet(page, EMPTY)
    page.get_by_role("button", name="undo").click()
    expect_sheet(page, DRAWN)
    page.keyboard.press("Control+Shift+z")
    expect_sheet(page, EMPTY)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    expect_sheet(page, EMPTY)


def test_a_new_stroke_ends_what_can_be_redone(page: Page, strokes: Strokes) -> None:
    draw_by_mouse(page, strokes["1"])
    page.get_by_role("button", name="undo").click()
    expect(page.locator("#redo")).to_have_attribute("aria-disabled", "false")
    draw_by_mouse(page, strokes["1"])
    expect(page.locator("#redo")).to_have_attribute("aria-disabled", "true")


def test_a_picture_is_undone_to_the_ink_before_it(page: Page, strokes: Strokes) -> None:
    draw_by_mouse(page, strokes["1"])
    before = page.evaluate(INK)
    page.locator("#file").set_input_files("tests/data/seven.png")
    expect(page.get_by_role("status")).to_contain_text("Picture taken")
    page.keyboard.press("Control+z")
    assert settled_ink(page) == before


def test_a_drawing_comes_back_from_the_server_after_a_reload(page: Page, strokes: Strokes) -> None:
    recorded(page, strokes["2"])
    headline = page.locator("#headline").inner_text()
    ink = page.evaluate(INK)
    page.reload()
    expect_sheet(page, EMPTY)
    page.locator("#recent-list button").click()
    expect(page.locator("#headline")).to_have_text(headline)
    expect_sheet(page, DRAWN)
    assert page.evaluate(INK) < ink  # the replay draws at the pen's own speed
    assert settled_ink(page) == ink


def test_a_picture_comes_back_after_a_reload(page: Page) -> None:
    page.locator("#file").set_input_files("tests/data/seven.png")
    press(page, "predict it")
    answer(page)
    page.reload()
    page.locator("#recent-list button").click()
    expect_sheet(page, DRAWN)
    assert answer(page).rstrip("?") == "7"


def test_deleting_an_old_drawing_keeps_the_unsent_one(page: Page, strokes: Strokes) -> None:
    recorded(page, strokes["2"])
    press(page, "clear it")
    draw_by_mouse(page, strokes["5"])
    unsent = page.evaluate(INK)
    page.locator("#recent-list button").click()
    answer(page)
    page.locator("#delete").click()
    page.get_by_role("button", name="delete it").click()
    expect(page.get_by_role("status")).to_contain_text("Deleted")
    expect_sheet(page, DRAWN)
    expect(page.locator("#answer")).to_have_attribute("data-state", "changed")
    assert settled_ink(page) == unsent


def test_a_file_dropped_beside_the_sheet_does_not_leave_the_page(page: Page) -> None:
    assert page.evaluate(DROP) is True
    expect(page.get_by_role("status")).to_contain_text("not a picture")
