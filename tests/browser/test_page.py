"""The page in a real browser: drawing with recorded pen strokes, answers, messages, access."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.browser.visitor import (
    DESKTOP,
    PHONE,
    Strokes,
    answer,
    draw_by_finger,
    draw_by_mouse,
    press,
)
from tests.harness.bundled_site import PASSWORD, USER
from tests.harness.site import SiteProcess

pytestmark = [pytest.mark.browser]


def test_every_digit_by_mouse_and_then_the_admin(
    opened: Callable[..., Page], strokes: Strokes, live_site: SiteProcess
) -> None:
    page = opened(**DESKTOP)
    predicted = []
    for digit in sorted(strokes):
        draw_by_mouse(page, strokes[digit])
        press(page, "predict it")
        predicted.append(answer(page).rstrip("?"))
        box = page.locator("#answer").bounding_box()
        canvas = page.locator("#canvas").bounding_box()
        assert box is not None
        assert canvas is not None
        assert box["x"] > canvas["x"] + canvas["width"]  # the answer is at the right
        press(page, "clear it")
        expect(page.locator("#answer")).to_have_attribute("data-state", "empty")
    assert sum(a == b for a, b in zip(predicted, sorted(strokes), strict=True)) >= 9

    draw_by_mouse(page, strokes["7"])
    press(page, "predict it")
    answer(page)
    rows = page.locator("#bars tr:visible")
    assert rows.count() == 3
    press(page, "show all")
    assert rows.count() in (10, 11)
    assert page.locator("#instance").evaluate("i => [i.naturalWidth, i.naturalHeight]") == [28, 28]
    expect(page.locator("#record")).to_contain_text("Model version")
    expect(page.locator("#record")).to_contain_text("recorded")
    page.get_by_role("button", name="it is a 4").click()
    expect(page.locator("#correction-legend")).to_contain_text("Noted: it is a 4")

    page.goto(f"{live_site.url}/admin/")
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.goto(f"{live_site.url}/admin/records/record/")
    table = page.locator("#result_list tbody tr")
    assert table.count() >= len(strokes) + 1
    expect(table.first.locator("img").first).to_be_visible()
    table.first.locator("a").first.click()
    expect(page.locator("#content")).to_contain_text("4")


def test_a_finger_on_a_phone_draws_and_does_not_scroll(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(**PHONE)
    canvas = page.locator("#canvas").bounding_box()
    assert canvas is not None
    assert 280 <= canvas["width"] <= 400
    pixels = page.locator("#canvas").evaluate("c => c.width")
    assert abs(pixels - canvas["width"] * 3) <= 3  # device pixels; the CSS width is a fraction
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    draw_by_finger(page, strokes["3"])
    assert page.evaluate("scrollY") == 0
    press(page, "predict it")
    assert answer(page).rstrip("?") == "3"
    expect(page.locator("#verdict")).to_be_in_viewport()


def test_keys_predict_clear_and_undo(opened: Callable[..., Page], strokes: Strokes) -> None:
    page = opened(**DESKTOP)
    draw_by_mouse(page, strokes["1"])
    page.keyboard.press("Enter")
    answer(page)
    page.keyboard.press("Escape")
    expect(page.locator("#answer")).to_have_attribute("data-state", "empty")
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "Drawing area, empty")
    draw_by_mouse(page, strokes["1"][:1])
    page.keyboard.press("Control+z")
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "Drawing area, empty")


def test_a_blank_sheet_gets_a_message(opened: Callable[..., Page]) -> None:
    page = opened(**DESKTOP)
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("blank")


def test_a_chosen_picture_is_read_and_a_text_is_refused(
    opened: Callable[..., Page], live_site: SiteProcess
) -> None:
    page = opened(**DESKTOP)
    page.locator("#file").set_input_files("tests/data/seven.png")
    expect(page.get_by_role("status")).to_contain_text("Picture taken")
    press(page, "predict it")
    assert answer(page).rstrip("?") == "7"
    text: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator("#file").set_input_files(text)
    expect(page.get_by_role("status")).to_contain_text("not a picture that can be read")


def test_a_visitor_deletes_a_drawing(opened: Callable[..., Page], strokes: Strokes) -> None:
    page = opened(**DESKTOP)
    draw_by_mouse(page, strokes["2"])
    press(page, "predict it")
    answer(page)
    expect(page.locator("#recent-list li")).to_have_count(1)
    page.locator("#delete").dblclick()  # the second click asks nothing and deletes nothing
    page.get_by_role("button", name="keep it").click()
    expect(page.locator("#recent-list li")).to_have_count(1)
    page.locator("#delete").click()
    page.get_by_role("button", name="delete it").click()
    expect(page.get_by_role("status")).to_contain_text("Deleted")
    expect(page.locator("#recent-list li")).to_have_count(0)
    expect(page.locator("#answer")).to_be_focused()
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "Drawing area, empty")


def test_errors_of_the_api_and_an_unreachable_site_get_messages(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(**DESKTOP)
    draw_by_mouse(page, strokes["5"])
    body = {"error": {"code": "x", "message": "No model answers just now.", "request_id": "id-1"}}
    page.route("**/api/v1/predictions", lambda route: route.fulfill(status=503, json=body))
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("No model answers just now.")
    expect(page.get_by_role("status")).to_contain_text("id-1")
    page.unroute("**/api/v1/predictions")
    page.route("**/api/v1/predictions", lambda route: route.abort())
    press(page, "predict it")  # at once, not after the pause
    expect(page.get_by_role("status")).to_contain_text("cannot be reached")
    page.unroute("**/api/v1/predictions")
    page.context.set_offline(True)
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("You are offline")
    page.context.set_offline(False)
    press(page, "predict it")  # the drawing is still there
    answer(page)


def test_a_programming_error_is_logged_and_not_shown(
    browser: Browser, live_site: SiteProcess, strokes: Strokes
) -> None:
    with browser.new_context(**DESKTOP) as context:
        page = context.new_page()
        logged: list[str] = []
        page.on("console", lambda message: logged.append(f"{message.type} {message.text}"))
        page.goto(live_site.url)
        # A prediction without fields raises a TypeError in the page's script.
        page.route("**/api/v1/predictions", lambda route: route.fulfill(status=201, json={}))
        draw_by_mouse(page, strokes["5"])
        press(page, "predict it")
        expect(page.get_by_role("status")).to_have_text(
            "Something went wrong on this page. Please reload it."
        )
    assert len(logged) == 1
    assert logged[0].startswith("error TypeError: ")


def test_the_right_mouse_button_does_not_draw(opened: Callable[..., Page]) -> None:
    page = opened(**DESKTOP)
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 150, box["y"] + 150)
    page.mouse.up(button="right")
    expect(page.locator("#canvas")).to_have_attribute("aria-label", "Drawing area, empty")


CONTRASTS = """() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest("[aria-disabled=true], noscript")) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${node.tagName} ${node.id} ${ratio.toFixed(2)}`);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrasts_names_and_sizes_are_accessible(
    opened: Callable[..., Page], strokes: Strokes, scheme: str
) -> None:
    page = opened(**DESKTOP, color_scheme=scheme, reduced_motion="reduce")
    assert page.evaluate(CONTRASTS) == []  # WCAG 2.2, 1.4.3: at least 4.5 to 1
    draw_by_mouse(page, strokes["6"])
    press(page, "predict it")
    answer(page)
    page.mouse.move(0, 0)
    assert page.evaluate(CONTRASTS) == []
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('button, input, img')]"
        ".filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length"
        " || e.hasAttribute('alt'))).map(e => e.outerHTML)"
    )
    assert unnamed == []
    small = page.evaluate(
        "() => [...document.querySelectorAll('button')].filter(e => e.checkVisibility()"
        " && e.getBoundingClientRect().height < 44).map(e => e.id)"
    )
    assert small == []
