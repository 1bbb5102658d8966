"""The site under gunicorn takes its own address from nobody's headers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.harness.site import SiteProcess


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    directory: Path = tmp_path_factory.mktemp("site")
    site = SiteProcess(directory, WEB_CONCURRENCY="1", SERVING_URL="http://127.0.0.1:1")
    site.succeed("migrate", "--verbosity=0")
    site.start(probe="/healthz")
    yield site
    site.stop()


@pytest.mark.parametrize(
    "header",
    ["SCRIPT_NAME", "Script-Name", "X-Script-Name", "X-Forwarded-Prefix", "PATH_INFO", "Path-Info"],
)
@pytest.mark.parametrize("value", ["//evil.example", "/admin", "/"])
def test_no_header_moves_the_site(site: SiteProcess, header: str, value: str) -> None:
    answer = requests.get(
        f"{site.url}/admin/", headers={header: value}, allow_redirects=False, timeout=30
    )
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/admin/login/?next=/admin/"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-Host", "evil.example"), ("X-Host", "evil.example"),
        ("Forwarded", "host=evil.example;proto=https"), ("X-Forwarded-Port", "444"),
        ("X-Forwarded-Proto", "https"), ("X-Forwarded-Ssl", "on"),
        ("X-Forwarded-Protocol", "ssl"), ("X-Original-URL", "/metrics"),
        ("X-Rewrite-URL", "/metrics"), ("X-HTTP-Method-Override", "DELETE"),
        ("X_Forwarded_For", "6.6.6.6"), ("Remote-User", "keeper"), ("REMOTE_USER", "keeper"),
    ],
)  # fmt: skip
def test_no_header_changes_host_scheme_path_method_or_user(
    site: SiteProcess, header: str, value: str
) -> None:
    # The check of the origin compares it with the site's own scheme and host.
    answer = requests.delete(
        f"{site.url}/api/v1/predictions/1e2538d7-e78e-11f1-b4de-b79d5bb442a2",
        headers={header: value, "Origin": site.url},
        timeout=30,
    )
    assert answer.json()["error"]["code"] == "not_found"
    page = requests.get(
        f"{site.url}/admin/", headers={header: value}, allow_redirects=False, timeout=30
    )
    assert (page.status_code, page.headers["Location"]) == (302, "/admin/login/?next=/admin/")
