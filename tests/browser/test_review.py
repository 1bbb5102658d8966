"""The review queue in a real browser: keys, buttons on a phone, the grid, accessibility."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from serving.preprocessing import to_instance
from tests.browser.staff import TIMEOUT_MS, look, staff_page
from tests.browser.visitor import DESKTOP, PHONE, Strokes
from tests.webui.records.factory import make_record
from webui.records.models import Verdict
from webui.records.store import store
from webui.review.models import Decision

# Playwright runs an event loop in the tests' thread, where Django would refuse queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

QUEUE = "/admin/review/reviewqueue/"
SIZES: dict[str, dict[str, Any]] = {
    "desktop": DESKTOP,
    "phone": {**PHONE, "color_scheme": "dark"},
}

expect.set_options(timeout=TIMEOUT_MS)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_store"),
]


@pytest.fixture(params=list(SIZES))
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(browser: Any, live_server: Any, size: str) -> Iterator[Page]:
    with staff_page(
        browser, live_server, User.objects.create_superuser("ada"), **SIZES[size]
    ) as opened:
        yield opened


def instance_of(strokes: list[list[list[int]]]) -> bytes:
    """Return the 784 bytes that a model reads of the strokes."""
    picture = Image.new("L", (1100, 1100), 255)
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        pen.line([(x + 50, y + 50) for x, y in stroke], fill=0, width=70)
    return bytes((to_instance(picture) * 255).astype("uint8").tobytes())


@pytest.fixture
def keep(strokes: Strokes) -> Callable[[int], None]:
    """Store drawings of all digits: most read surely, some unsure, some corrected."""

    def store_drawings(count: int) -> None:
        instances = [instance_of(strokes[str(digit)]) for digit in range(10)]
        for number in range(count):
            digit = number % 10
            unsure = number % 4 == 1
            ink = [
                [[x, y, 4 * place] for place, (x, y) in enumerate(stroke)]
                for stroke in strokes[str(digit)]
            ]
            store().append(
                make_record(
                    digit=digit,
                    ink=ink,
                    instance=instances[digit],
                    confidence=0.45 if unsure else 0.995,
                    verdict=Verdict.UNSURE if unsure else Verdict.DIGIT,
                    corrected_label="1" if number % 9 == 0 else "",
                )
            )

    return store_drawings


def shown(page: Page) -> str:
    return page.locator("#drawing").get_attribute("data-id") or ""


def shown_when_ready(page: Page) -> str:
    expect(page.locator("#drawing")).to_be_visible()
    return shown(page)


def press(page: Page, key: str, size: str) -> None:
    """Press a key, or its button on a phone, once a drawing is there, and wait for the next."""
    before = shown_when_ready(page)
    if size == "phone":
        page.locator(f"[data-key='{key}']").tap()
    else:
        page.keyboard.press(key)
    page.wait_for_function(
        "id => document.getElementById('drawing').dataset.id !== id "
        "|| document.getElementById('drawing').hidden",
        arg=before,
    )


def decisions_when_sent(page: Page, count: int) -> dict[str, str]:
    """Return the labels decided on by record, once `count` are stored: the page sends behind."""
    made: dict[str, str] = {}
    for _ in range(100):
        made = {str(one.record_id): one.label for one in Decision.objects.filter(undone_at=None)}
        if len(made) == count:
            break
        page.wait_for_timeout(100)
    assert len(made) == count
    return made


def test_a_hundred_drawings_are_reviewed_with_a_key_each(
    page: Page, size: str, keep: Callable[[int], None]
) -> None:
    count = 100 if size == "desktop" else 15
    keep(count)
    page.goto(QUEUE)
    expect(page.locator("#drawing")).to_be_visible()
    look(page, f"review-queue-{size}")
    pressed = []
    for number in range(count):
        record_id = shown_when_ready(page)
        key = ("Enter", "3", "n", "x")[number % 4]
        pressed.append((record_id, key))
        press(page, key, size)
    expect(page.locator("#empty")).to_be_visible()
    look(page, f"review-empty-{size}")
    made = decisions_when_sent(page, count)
    meant = {"3": "3", "n": "not_a_digit", "x": "rejected"}
    for record_id, key in pressed:
        if key != "Enter":
            assert made[record_id] == meant[key]

    if size == "phone":
        page.locator("[data-key=u]").tap()
    else:
        page.keyboard.press("u")
    expect(page.locator("#drawing")).to_be_visible()
    assert shown(page) == pressed[-1][0]
    assert Decision.objects.filter(undone_at=None).count() == count - 1
    press(page, "7", size)
    expect(page.locator("#empty")).to_be_visible()
    page.wait_for_function("!document.querySelector('#message:not([hidden])')")
    decisions_when_sent(page, count)
    page.reload()
    expect(page.locator("#empty")).to_be_visible()
    assert Decision.objects.get(undone_at=None, record_id=pressed[-1][0]).label == "7"


def test_drawings_are_put_off_and_come_back(
    page: Page, size: str, keep: Callable[[int], None]
) -> None:
    keep(3)
    page.goto(QUEUE)
    first = shown_when_ready(page)
    press(page, "ArrowRight", size)
    second = shown(page)
    press(page, "ArrowLeft", size)
    assert shown(page) == first != second
    press(page, "ArrowRight", size)
    press(page, "Enter", size)
    press(page, "Enter", size)
    assert shown(page) == first  # once nothing else is left


def test_a_grid_is_accepted_but_for_the_marked(
    page: Page, size: str, keep: Callable[[int], None]
) -> None:
    keep(30)
    page.goto(f"{QUEUE}grid/")
    cells = page.locator("#grid li")
    expect(cells).to_have_count(30)
    look(page, f"review-grid-{size}")
    cells.nth(3).locator("label").click()
    changed = cells.nth(5).locator("[name=drawing]").input_value()
    if size == "desktop":
        cells.nth(4).locator("input[type=checkbox]").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("x")
        expect(cells.nth(6).locator("input[type=checkbox]")).to_be_focused()
        page.keyboard.press("Enter")
    else:
        page.get_by_role("button", name="Accept all but the marked").tap()
    expect(page.get_by_text("Decided: 29 drawings.")).to_be_visible()
    shown_when_ready(page)  # the marked one
    expect(page.locator("#reason")).to_have_text("Chosen by you")
    decided = Decision.objects.filter(undone_at=None)
    assert decided.count() == 29
    if size == "desktop":
        assert decided.get(record_id=changed).label == "rejected"
    page.goto(f"{QUEUE}grid/")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 29 drawings.")).to_be_visible()
    expect(cells).to_have_count(30)
