"""Every state, in both colour schemes, on a desktop and on a phone: accessible, and in its place.

With SCREENSHOTS=folder a picture of each is kept there, also of a tablet and of a phone on its
side; `make screenshots` does that, and puts them side by side.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import violations
from tests.browser.states import STATES
from tests.browser.visitor import Strokes

pytestmark = [pytest.mark.browser]

SCREENSHOTS = os.environ.get("SCREENSHOTS", "")
SIZES = {"desktop": (1440, 900), "tablet": (768, 1024), "phone": (360, 740), "side": (740, 360)}
SCHEMES = ("light", "dark")
# What axe-core finds depends on the colours and on what is shown, hardly on both together; with
# SCREENSHOTS it checks every size in every scheme.
CHECKED = {("desktop", "light"), ("phone", "dark")}


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_accessible_and_nothing_sticks_out(
    opened: Callable[..., Page], strokes: Strokes, name: str
) -> None:
    page = opened(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    STATES[name](page, strokes)
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            if not SCREENSHOTS and (size, scheme) not in CHECKED:
                continue
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            if SCREENSHOTS:
                file = f"{name.replace(' ', '-')}.{size}.{scheme}.png"
                page.screenshot(path=Path(SCREENSHOTS) / file)
            assert violations(page) == [], f"{size}, {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
