"""The API's reference in a browser: languages, copying, keyboard, phones, both colour schemes."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import violations
from tests.browser.visitor import DESKTOP

pytestmark = [pytest.mark.browser]
PROGRAM = "#predict figure.program"


@pytest.fixture
def reference(opened: Callable[..., Page]) -> Callable[..., Page]:
    def open_reference(**options: Any) -> Page:
        page = opened(**(DESKTOP | options))
        page.get_by_role("link", name="Use via API").click()
        expect(page.get_by_role("heading", name="The API")).to_be_visible()
        return page

    return open_reference


def test_one_language_is_shown_and_remembered(reference: Callable[..., Page]) -> None:
    page = reference()
    expect(page.locator(f"{PROGRAM}[data-language=curl]")).to_be_visible()
    page.locator("#predict").get_by_role("button", name="Python").click()
    for language, shown in (("curl", False), ("Python", True), ("JavaScript", False)):
        for program in page.locator(f".call figure[data-language={language}]").all():
            expect(program).to_be_visible(visible=shown)
    page.reload()
    expect(page.locator(f"{PROGRAM}[data-language=Python]")).to_be_visible()
    expect(page.locator("#list [aria-pressed=true]")).to_have_text("Python")


def test_a_program_is_copied_and_said_so(reference: Callable[..., Page]) -> None:
    page = reference(permissions=["clipboard-read", "clipboard-write"])
    program = page.locator(f"{PROGRAM}[data-language=curl]")
    program.get_by_role("button").click()
    expect(page.get_by_role("status")).to_have_text("Copied: Read a drawing in curl")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == program.locator("code").inner_text()


def test_without_script_every_language_is_shown(reference: Callable[..., Page]) -> None:
    page = reference(java_script_enabled=False)
    for language in ("curl", "Python", "JavaScript"):
        expect(page.locator(f"{PROGRAM}[data-language={language}]")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_it_is_accessible_and_fits(reference: Callable[..., Page], scheme: str, width: int) -> None:
    page = reference(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
