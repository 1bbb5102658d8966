"""The dashboard in a real browser: empty and with records, accessibility, themes."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.staff import look, staff_page
from tests.browser.visitor import DESKTOP, PHONE
from tests.webui.records.factory import NOON, make_record
from webui.dashboard import statistics
from webui.records.models import Verdict
from webui.records.store import store

# Playwright runs an event loop in the tests' thread, where Django would refuse queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("fresh_store"),
]


@pytest.mark.parametrize(
    ("name", "options"),
    [("desktop", DESKTOP), ("phone", {**PHONE, "color_scheme": "dark"})],
)
def test_the_dashboard(browser: Any, live_server: Any, name: str, options: dict[str, Any]) -> None:
    with staff_page(browser, live_server, User.objects.create_superuser("ada"), **options) as page:
        page.goto("/admin/dashboard/dashboard/")
        expect(page.get_by_text("Nothing has been read yet.")).to_be_visible()
        look(page, f"dashboard-empty-{name}")
        for number in range(150):
            digit = number % 10
            store().append(
                make_record(
                    at=NOON + timedelta(days=number % 9, seconds=number),
                    digit=digit,
                    model_version=2 + number % 2,
                    confidence=0.4 + 0.06 * (number % 10),
                    verdict=Verdict.UNSURE if number % 7 == 0 else Verdict.DIGIT,
                    corrected_label=str((digit + number % 3) % 10) if number % 5 == 0 else "",
                )
            )
        statistics.latest.clear()
        page.reload()
        expect(page.locator("svg.chart")).to_have_count(3)
        page.get_by_text("The figures of these charts").click()
        look(page, f"dashboard-{name}")
