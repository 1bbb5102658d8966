"""The list of drawings that a shadow read otherwise, on a desktop and a phone."""

import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.staff import TIMEOUT_MS, look, staff_page
from tests.webui.records.factory import make_record
from webui.records.store import store
from webui.rollout.models import ShadowAnswer

# Playwright runs an event loop in the tests' thread, where Django would refuse queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

LIST = "/admin/rollout/shadowanswer/"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("size", SIZES)
def test_disagreements_are_seen_and_lead_to_their_records(
    browser: Any, live_server: Any, size: str
) -> None:
    records = [make_record(digit=number) for number in range(10)]
    for number, record in enumerate(records):
        store().append(record)
        ShadowAnswer.objects.create(
            record_id=record.id,
            recorded_at=record.predicted_at,
            version=3,
            label=str((number + 1) % 10) if number % 3 else "not_a_digit",
            verdict="digit" if number % 3 else "not_a_digit",
            digit=(number + 1) % 10 if number % 3 else None,
            confidence=0.7,
            answered_version=2,
            answered_label=str(number),
            agrees=False,
        )
    width, height = SIZES[size]
    user = User.objects.create_superuser("ada")
    viewport = {"width": width, "height": height}
    with staff_page(browser, live_server, user, viewport=viewport) as page:
        page.goto(LIST)
        expect(page.locator("#result_list tbody tr")).to_have_count(10, timeout=TIMEOUT_MS)
        pictures = page.locator(".record-thumbnail")
        expect(pictures).to_have_count(10)
        assert pictures.first.evaluate("image => image.complete && image.naturalWidth") == 28
        look(page, f"shadow-{size}")
        page.get_by_role("link", name="drawing, to the record").first.click()
        expect(page.locator(".record-facts code").first).to_have_text(
            str(records[-1].id), timeout=TIMEOUT_MS
        )
