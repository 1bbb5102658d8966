"""The stack as a person uses it: the page in a browser, and the record in Cassandra."""

import shutil
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.stack.compose import StackError
from tests.stack.run import Run, expect

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SEVEN = ((0.3, 0.25), (0.7, 0.25), (0.45, 0.78))  # corners, in shares of the canvas


def draw_in_browser(run: Run) -> None:
    """Draws a 7 on the page, which must be read as a 7 and recorded."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise StackError("no Chromium to draw with; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=OPTIONS)
        try:
            prediction = _draw_and_predict(browser.new_page(), run.project.url)
        finally:
            browser.close()
    run.acknowledged.add(prediction["id"])
    run.drawn_id = prediction["id"]
    digit, verdict = prediction["digit"], prediction["verdict"]
    expect(digit == 7, f"a 7 was drawn and read as {digit} ({verdict})")
    run.print(
        f"a drawn 7 is read as {digit} by version {prediction['model']['version']}, "
        f"confidence {prediction['confidence']:.3f}, {prediction['recorded']}"
    )


def _draw_and_predict(page: Page, url: str) -> dict[str, Any]:
    page.goto(url, timeout=30_000)
    box = page.locator("canvas").first.bounding_box()
    if box is None:
        raise StackError("the page shows no canvas")
    side = min(box["width"], box["height"])
    first, *others = [(box["x"] + x * side, box["y"] + y * side) for x, y in SEVEN]
    page.mouse.move(*first)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=12)
    page.mouse.up()
    with page.expect_response("**/api/v1/predictions", timeout=30_000) as waited:
        page.get_by_role("button", name="predict it").click()
    answer = waited.value
    expect(answer.status == 201, f"predict it: {answer.status} {answer.text()}")
    prediction: dict[str, Any] = answer.json()
    return prediction


def find_with_cqlsh(run: Run) -> None:
    """Reads the record with the query that the README gives."""
    query = "USE mnist_key; select * from record_data;"
    rows = run.project.execute("cassandra", "cqlsh", "-e", query)
    expect(run.drawn_id in rows, f"record {run.drawn_id} is not in:\n{rows}")
    run.print(f"record {run.drawn_id} is there")
