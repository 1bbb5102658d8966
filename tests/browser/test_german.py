"""The page in a German browser: every text is German, and everything has its place."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.test_layout import OUTSIDE, bottom, phone
from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press

pytestmark = [pytest.mark.browser]

ENGLISH = re.compile(r"\b(the|your|draw|drawing|is|it|not|please|of|and)\b", re.IGNORECASE)


def test_from_drawing_to_deletion(opened: Callable[..., Page], strokes: Strokes) -> None:
    page = opened(live=False, locale="de-DE", **DESKTOP)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    press(page, "erkennen")
    expect(page.get_by_role("status")).to_contain_text("Das Blatt ist leer.")
    draw_by_mouse(page, strokes["3"])
    expect(page.locator("#headline")).to_have_text("Noch nicht gelesen")
    press(page, "erkennen")
    answer(page)
    expect(page.locator("#headline")).to_have_text("Das ist eine 3")
    expect(page.locator("#record")).to_contain_text(re.compile(r"gespeichert \d+\.\d+\.\d+"))
    assert ENGLISH.findall(page.locator("body").inner_text().replace("Use via API", "")) == []
    page.get_by_role("button", name="es ist eine 8").click()
    expect(page.locator("#correction-legend")).to_have_text("Notiert: Es ist eine 8. Danke.")
    press(page, "Warum?")
    expect(page.locator("#why-text")).to_contain_text(re.compile("Am meisten|Keine Stelle"))
    assert violations(page) == []
    press(page, "schließen")
    press(page, "meine Zeichnung löschen")
    press(page, "löschen")
    expect(page.get_by_role("status")).to_contain_text("Gelöscht")


def test_errors_of_the_api_are_translated_by_their_code(
    opened: Callable[..., Page], strokes: Strokes
) -> None:
    page = opened(live=False, locale="de-DE", **DESKTOP)
    error = {"code": "too_large", "message": "The picture may have 5 MB.", "request_id": "id-1"}
    page.route(
        "**/api/v1/predictions", lambda route: route.fulfill(status=413, json={"error": error})
    )
    draw_by_mouse(page, strokes["3"])
    press(page, "erkennen")
    expect(page.get_by_role("status")).to_contain_text("Das Bild ist zu groß.")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (360, 740), (740, 360), (1440, 900)])
def test_everything_has_its_place(
    opened: Callable[..., Page], strokes: Strokes, width: int, height: int
) -> None:
    page = opened(locale="de-DE", **phone(width, height))
    draw_by_mouse(page, strokes["3"])
    press(page, "erkennen")
    answer(page)
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if height != 640:
        assert bottom(page, "#correction") <= height
