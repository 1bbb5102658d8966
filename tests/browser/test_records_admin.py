"""The admin of records in a real browser, on a desktop and a phone, with its security policy."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.staff import TIMEOUT_MS, staff_page
from tests.webui.records.factory import NOON, make_record
from webui.records.models import Record
from webui.records.store import RecordNotFound, store

# Playwright runs an event loop in the tests' thread, where Django would refuse queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
LIST = "/admin/records/record/"

expect.set_options(timeout=TIMEOUT_MS)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, browser: Any, live_server: Any) -> Iterator[Page]:
    """A page of the site as a superuser."""
    width, height = SIZES[request.param]
    with staff_page(
        browser,
        live_server,
        User.objects.create_superuser("ada"),
        viewport={"width": width, "height": height},
    ) as opened:
        yield opened


def fits(page: Any) -> bool:
    """Return whether the page needs no horizontal scrolling."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture
def kept() -> list[Record]:
    made = [
        make_record(at=NOON + number * timedelta(minutes=1), digit=number % 10)
        for number in range(60)
    ]
    for record in made:
        store().append(record)
    return made[::-1]


def test_a_person_pages_filters_corrects_and_deletes(page: Page, kept: list[Record]) -> None:
    page.goto(LIST)
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(50)
    assert fits(page)
    first = page.locator(".record-thumbnail").first
    assert first.evaluate("image => image.complete && image.naturalWidth") == 28

    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(10)
    page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(50)

    page.get_by_label("One day").fill("2026-03-13")
    page.get_by_role("listitem").filter(has_text="One day").get_by_role("button").click()
    expect(page.get_by_text("No record fits these filters.")).to_be_visible()
    page.get_by_label("One day").fill("2026-03-14")
    page.get_by_role("listitem").filter(has_text="One day").get_by_role("button").click()
    page.locator("#changelist-filter").get_by_role("link", name="3", exact=True).click()
    expect(rows).to_have_count(6)

    record = next(record for record in kept if record.digit == 3)
    expect(rows.first).to_contain_text(f"{record.predicted_at:%H:%M:%S}")
    page.locator(".field-time a").first.click()
    expect(page.locator(".record-facts code").first).to_have_text(str(record.id))
    assert page.url.split("?")[0].endswith(f"{LIST}{record.id}/change/")
    assert fits(page)
    for picture in (".record-picture", ".record-instance"):
        loaded = page.locator(picture).evaluate("image => image.complete && image.naturalWidth > 0")
        assert loaded, picture
    expect(page.locator("meter")).to_have_count(11)
    expect(page.locator(".record-ink polyline")).to_have_count(2)

    page.get_by_role("radio", name="8").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".field-corrected").first).to_have_text("to 8")
    assert store().get(record.id).corrected_label == "8"

    page.locator(".action-checkbox input").first.check()
    page.locator("select[name=action]").select_option("delete_selected")
    page.get_by_role("button", name="Go").click()
    sure = page.get_by_role("button", name="Yes, I’m sure")
    expect(sure).to_be_visible()
    assert fits(page)
    sure.click()
    expect(page.get_by_text("Successfully deleted 1 record")).to_be_visible()
    with pytest.raises(RecordNotFound):
        store().get(record.id)
