"""The page as a browser keeps it: it opens without a network, and a new deployment is seen."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visitor import DESKTOP, Strokes, answer, draw_by_mouse, press
from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.browser]

READY = "() => navigator.serviceWorker.ready.then(({active}) => active.state)"
CACHES = "() => caches.keys()"
NEW_SHEET = "recognition/page.0123456789ab.css"


@pytest.fixture
def site(live_site: SiteProcess, tmp_path: Path) -> Iterator[SiteProcess]:
    """A site of its own on the live site's database and files, to be deployed anew."""
    site = SiteProcess(tmp_path, SERVING_URL=live_site.environment["SERVING_URL"])
    shutil.copy(live_site.database, site.database)
    shutil.copytree(live_site.environment["STATIC_ROOT"], tmp_path / "static")
    site.start(probe="/healthz")
    yield site
    site.stop()


@pytest.fixture
def page(browser: Browser, site: SiteProcess) -> Iterator[Page]:
    """The page, which the browser has installed."""
    with browser.new_context(**DESKTOP) as context:
        page = context.new_page()
        page.goto(site.url)
        page.evaluate(READY)
        yield page


def deploy(site: SiteProcess) -> None:
    """Starts the site again with another style sheet; the one before is gone."""
    site.stop()
    static = Path(site.environment["STATIC_ROOT"])
    manifest = json.loads((static / "staticfiles.json").read_text())
    before = static / manifest["paths"]["recognition/page.css"]
    text = before.read_text()
    for path in static.glob(f"{before.relative_to(static)}*"):
        path.unlink()
    (static / NEW_SHEET).write_text(f"{text}\nh1 {{ --deployed: again }}")
    manifest["paths"]["recognition/page.css"] = NEW_SHEET
    (static / "staticfiles.json").write_text(json.dumps(manifest))
    site.start(probe="/healthz")


def deployed(page: Page) -> str:
    text: str = page.locator("h1").evaluate(
        "h => getComputedStyle(h).getPropertyValue('--deployed')"
    )
    return text.strip()


def test_it_opens_offline_keeps_no_answer_and_sends_the_drawing_later(
    page: Page, strokes: Strokes
) -> None:
    page.context.set_offline(True)
    page.reload()
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    expect(page.get_by_role("status")).to_contain_text("You are offline")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("You are offline")
    page.context.set_offline(False)
    assert answer(page).rstrip("?") == "3"
    kept = page.evaluate("""async () => {
      const found = [];
      for (const name of await caches.keys()) {
        const requests = await (await caches.open(name)).keys();
        found.push(...requests.map(({url}) => new URL(url).pathname));
      }
      return found;
    }""")
    assert "/" in kept
    assert all(path == "/" or path.startswith("/static/") for path in kept)


def test_a_new_deployment_is_seen_at_the_next_visit_and_then_offline(
    page: Page, site: SiteProcess
) -> None:
    assert deployed(page) == ""
    (before,) = page.evaluate(CACHES)
    deploy(site)
    page.reload()
    assert deployed(page) == "again"  # at once, not at the visit after
    wait_until(
        lambda: before not in page.evaluate(CACHES), seconds=60, message="the new page is installed"
    )
    page.context.set_offline(True)
    page.reload()
    assert deployed(page) == "again"


def test_an_old_page_works_on_while_a_new_one_is_deployed(
    page: Page, site: SiteProcess, strokes: Strokes
) -> None:
    deploy(site)
    draw_by_mouse(page, strokes["3"])
    press(page, "predict it")
    assert answer(page).rstrip("?") == "3"


def test_a_site_that_is_down_shows_the_kept_page(page: Page, site: SiteProcess) -> None:
    site.stop()
    page.reload()
    expect(page.locator("#canvas")).to_be_visible()


def test_the_browser_finds_that_the_page_can_be_installed(
    page: Page, opened: Callable[..., Page]
) -> None:
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getAppManifest")["errors"] == []
    problems = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Only a window that is not private can install a page.
    assert {problem["errorId"] for problem in problems} <= {"in-incognito"}
