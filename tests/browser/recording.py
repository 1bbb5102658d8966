"""`make recording`: records docs/recording.webp, from a drawing to its record in the admin.

A site of its own with the bundled models is drawn on in Chromium, with recorded pen strokes. Each
frame is a screenshot with the pointer drawn in, and is shown for a fixed time, so the recording is
the same on a slow machine.
"""

import io
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, ViewportSize, expect, sync_playwright

from tests.browser.visitor import answer, placed
from tests.harness import ROOT
from tests.harness.bundled_site import PASSWORD, USER, bundled_site
from tests.harness.drawings import recorded_strokes

TARGET = ROOT / "docs" / "recording.webp"
SIZE: ViewportSize = {"width": 1040, "height": 660}
NARROW_ADMIN = "localStorage.setItem('django.admin.navSidebarIsOpen', 'false')"
DIGIT = "3"
PEN_FRAMES = 18  # of all strokes together
PEN_MS = 90
LOOK_MS = 1500  # for what is read
MOVE_FRAMES, MOVE_MS = 5, 60
QUALITY = 70  # of WebP; text stays sharp
MOST_BYTES = 2_000_000
POINTER = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))


@dataclass
class Recording:
    """Frames and their times, with the pointer where the mouse is."""

    page: Page
    x: float = 520
    y: float = 600
    frames: list[Image.Image] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)

    def take(self, *, ms: int) -> None:
        """Add a frame."""
        frame = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        corners = [(self.x + x, self.y + y) for x, y in POINTER]
        ImageDraw.Draw(frame).polygon(corners, fill="black", outline="white")
        self.frames.append(frame)
        self.times_ms.append(ms)

    def move(self, x: float, y: float) -> None:
        self.page.mouse.move(x, y)
        self.x, self.y = x, y

    def glide(self, target: Locator) -> None:
        """Move to the middle of an element, visibly."""
        box = target.bounding_box()
        assert box is not None
        left, top = self.x, self.y
        to_x, to_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for number in range(1, MOVE_FRAMES + 1):
            share = number / MOVE_FRAMES
            self.move(left + (to_x - left) * share, top + (to_y - top) * share)
            self.take(ms=MOVE_MS)

    def save(self, path: Path) -> None:
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.times_ms, loop=0,
            quality=QUALITY, method=6,
        )  # fmt: skip


def log_in(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/")
    page.get_by_label("Username").fill(USER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#user-tools")).to_be_visible()


def draw(recording: Recording) -> None:
    strokes = placed(recording.page, recorded_strokes()[DIGIT])
    every = max(1, sum(len(stroke) for stroke in strokes) // PEN_FRAMES)
    for stroke in strokes:
        recording.move(*stroke[0])
        recording.page.mouse.down()
        for number, point in enumerate(stroke[1:], 1):
            recording.move(*point)
            if number % every == 0:
                recording.take(ms=PEN_MS)
        recording.page.mouse.up()
        recording.take(ms=PEN_MS)


def record(page: Page, url: str) -> Recording:
    """Draw, read while drawing, predict, and find the record in the admin."""
    log_in(page, url)
    page.goto(url)
    recording = Recording(page)
    recording.take(ms=LOOK_MS // 2)
    draw(recording)
    answer(page)
    page.wait_for_timeout(600)  # the moment of the answer is over
    recording.take(ms=LOOK_MS)
    recording.glide(page.locator("#predict"))
    page.locator("#predict").click()
    expect(page.locator("#record")).to_contain_text("· recorded")
    page.wait_for_timeout(600)
    recording.take(ms=2 * LOOK_MS)
    page.goto(f"{url}/admin/records/record/")
    first = page.locator("#result_list tbody tr a").first
    expect(first).to_be_visible()
    recording.take(ms=LOOK_MS)
    recording.glide(first)
    first.click()
    page.wait_for_load_state("networkidle")
    recording.take(ms=2 * LOOK_MS)
    return recording


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("make recording needs chromium (apt-get install chromium)", file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="digits-recording-") as directory,
        bundled_site(Path(directory)) as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(viewport=SIZE, color_scheme="light")
        context.add_init_script(NARROW_ADMIN)
        recording = record(context.new_page(), site.url)
        browser.close()
    recording.save(TARGET)
    size = TARGET.stat().st_size
    print(
        f"{TARGET.relative_to(ROOT)}: {len(recording.frames)} frames, "
        f"{sum(recording.times_ms) / 1000:.0f} s, {size:,} bytes"
    )
    if size > MOST_BYTES:
        print(f"that is more than {MOST_BYTES:,} bytes; lower QUALITY", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
