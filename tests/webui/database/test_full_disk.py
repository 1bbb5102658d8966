"""A site whose database is on a disk that is full: first of its own records, then of others'."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.harness.bundled_site import PASSWORD, USER
from tests.harness.drawings import SEVEN
from tests.harness.fake_model_server import SURE_SEVEN, fake_model_server
from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until

MIB = 2**20
# Adds records of 2 MiB until the store refuses one also after the log is emptied.
FILL = """
import os
from datetime import UTC, datetime, timedelta
from tests.webui.records.factory import make_record
from webui.database.maintenance import erase_deleted
from webui.records.store import StoreUnavailable, store
old = datetime.now(UTC) - timedelta(days=40)
refused = 0
while refused < 2:
    try:
        store().append(make_record(at=old, picture=os.urandom(2 * 2**20)))
        refused = 0
    except StoreUnavailable as problem:
        erase_deleted()
        refused, said = refused + 1, problem
print(said)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 72 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={72 * MIB}", "none", str(place)],
        capture_output=True,
        timeout=60,
    )
    if mounted.returncode:
        pytest.skip("may not mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=60)


@pytest.fixture
def site(disk: Path, tmp_path: Path) -> Iterator[SiteProcess]:
    with fake_model_server() as model:
        model.labels, model.loaded, model.predictions = {"stable": 4}, {4}, [SURE_SEVEN]
        site = SiteProcess(tmp_path, SERVING_URL=model.url, MODELS_DIR=str(tmp_path))
        site.database = disk / "site.sqlite3"
        site.environment["DATABASE_URL"] = f"sqlite:///{site.database}"
        site.succeed("migrate", "--verbosity=0")
        site.succeed(
            *("createsuperuser", "--no-input", f"--username={USER}", "--email="),
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )
        site.start()
        yield site
        site.stop()


class Visitor:
    """A browser: cookies, and the token of the page."""

    def __init__(self, site: SiteProcess) -> None:
        self.url = site.url
        self.session = requests.Session()
        self.session.get(f"{self.url}/", timeout=60)

    def _headers(self) -> dict[str, str]:
        return {"Origin": self.url, "X-CSRFToken": self.session.cookies.get("csrftoken") or ""}

    def predict(self) -> requests.Response:
        return self.session.post(
            f"{self.url}/api/v1/predictions",
            files={"image": ("seven.png", SEVEN)},
            headers=self._headers(),
            timeout=60,
        )

    def delete(self, record_id: str) -> requests.Response:
        return self.session.delete(
            f"{self.url}/api/v1/predictions/{record_id}", headers=self._headers(), timeout=60
        )

    def log_in(self) -> requests.Response:
        page = f"{self.url}/admin/login/?next=/admin/"
        self.session.get(page, timeout=60)
        form = {
            "username": USER,
            "password": PASSWORD,
            "csrfmiddlewaretoken": self.session.cookies.get("csrftoken") or "",
        }
        return self.session.post(
            page, form, headers={"Origin": self.url}, allow_redirects=False, timeout=60
        )


def fill(filler: Path) -> None:
    """Lets a file grow until the disk is full."""
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_deletion_and_login_work_on_a_full_disk(site: SiteProcess, disk: Path) -> None:
    reserve = disk / "site.sqlite3-reserve"
    wait_until(reserve.exists, seconds=60, message="the reserve is kept", details=site.log_end)
    assert reserve.stat().st_mode & 0o777 == 0o600
    visitor = Visitor(site)
    made = [visitor.predict() for _ in range(3)]
    assert [answer.status_code for answer in made] == [201] * 3, made[0].text
    ids = [answer.json()["id"] for answer in made]

    # Full of the site's own records: no more of them, and everything else works.
    assert "are kept for deletions" in site.succeed("shell", "--verbosity=0", "--command", FILL)
    refused = visitor.predict()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
    assert refused.headers["Retry-After"]
    ready = requests.get(f"{site.url}/readyz", timeout=60)
    assert ready.status_code == 503
    assert "full" in ready.json()["store"]["detail"]
    assert visitor.delete(ids[0]).status_code == 204
    assert Visitor(site).log_in().status_code == 302

    # Full to the last byte, of somebody else's file: a clear answer, and nothing is lost.
    filler = disk / "filler"
    fill(filler)
    login = Visitor(site).log_in()
    assert login.status_code == 503
    assert "The disk of the database is full" in login.text
    assert not reserve.exists(), "it is given up"
    assert Visitor(site).log_in().status_code == 302
    assert visitor.delete(ids[1]).status_code == 204
    assert visitor.predict().status_code == 503
    filler.unlink()

    # Pruned: there is room again, in the same file.
    assert "0 others" in site.succeed("prune_records", RECORDS_TTL_DAYS="30")
    last = visitor.predict()
    assert last.status_code == 201, last.text
    assert requests.get(f"{site.url}/readyz", timeout=60).status_code == 200
    kept = {ids[2].replace("-", ""), last.json()["id"].replace("-", "")}
    assert set(site.records()) == kept
