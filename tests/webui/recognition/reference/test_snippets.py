"""Each program of the page /api/v1/docs does what the page says, against a real site."""

import html
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from playwright._impl._driver import compute_driver_executable

from tests.harness.drawings import SEVEN
from tests.harness.site import SiteProcess
from webui.collection.consent import CURRENT
from webui.recognition.reference.examples import RECORD_ID
from webui.recognition.reference.snippets import KEY, SAVED

SECONDS = 120
CALL = re.compile(r'<section id="([\w-]+)" class="call".*?</section>', re.DOTALL)
PROGRAM = re.compile(
    r'<figure class="program" data-language="(curl|Python|JavaScript)">.*?<code>(.*?)</code>',
    re.DOTALL,
)
# Node.js comes with Playwright.
COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "curl": lambda path: ["bash", str(path)],
    "Python": lambda path: [sys.executable, str(path)],
    "JavaScript": lambda path: [str(compute_driver_executable()[0]), str(path)],
}
ENDINGS = {"curl": ".sh", "Python": ".py", "JavaScript": ".mjs"}
# What a program prints, whatever quotes its language puts around names.
PRINTED = {
    "predict": r"\W?digit\W?: 7\b.*\W?recorded\W?: .stored",
    "predict-batch": r"\W?status\W?: 201\b",
    "read-drawing": r"\W?digit\W?: 7\b",
    "list": r"{id}\W.*\b7\b",
    "read": r"\W?id\W?: .{id}",
    "ink": r"\W?ink\W?: (None|null)",
    "explain": r"\W?same_version\W?: [Tt]rue",
    "correct": r"\W?correction\W?: 7\b",
    "delete": "",
    "picture": "",
    "join-collection": r"\W?drawn\W?: 0\b",
    "collection": r"\W?drawn\W?: 0\b",
    "collect": r"\W?drawn\W?: 1\b",
    "discard-drawing": r"\W?drawn\W?: 0\b",
}
SESSION = "class-4b"
NEW_SESSION = f"""
from webui.collection.models import CollectionSession
CollectionSession.objects.get_or_create(code={SESSION!r}, defaults={{"title": "Class 4b"}})
"""


def programs(site: SiteProcess) -> dict[str, dict[str, str]]:
    """Return the programs that the page shows, by call and language."""
    page = requests.get(f"{site.url}/api/v1/docs", timeout=30)
    assert page.status_code == 200
    return {
        call[1]: {language: html.unescape(text) for language, text in PROGRAM.findall(call[0])}
        for call in CALL.finditer(page.text)
    }


@pytest.fixture(scope="module")
def key(live_site: SiteProcess) -> str:
    live_site.succeed("shell", "-c", NEW_SESSION)
    return live_site.succeed("create_api_key", "a program").strip()


def record(site: SiteProcess, key: str) -> str:
    """Return the id of a new prediction."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/png"}
    made = requests.post(f"{site.url}/api/v1/predictions", SEVEN, headers=headers, timeout=60)
    record_id: str = made.json()["id"]
    return record_id


def take_part(site: SiteProcess, key: str, call: str) -> None:
    """Begin the collection that a call needs, with a drawing if one is to be discarded."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {key}"
    session.delete(f"{site.url}/api/v1/collection", timeout=60)
    if call == "join-collection":
        return
    body = {"consent": CURRENT.version, "code": SESSION}
    assert session.post(f"{site.url}/api/v1/collection", json=body, timeout=60).ok
    if call == "discard-drawing":
        kind = {"Content-Type": "image/png"}
        first = f"{site.url}/api/v1/collection/drawings/0"
        assert session.post(first, SEVEN, headers=kind, timeout=60).ok


@pytest.mark.parametrize("language", COMMANDS)
def test_every_program_works(
    live_site: SiteProcess, key: str, tmp_path: Path, language: str
) -> None:
    (tmp_path / "seven.png").write_bytes(SEVEN)
    for call, written in programs(live_site).items():
        record_id = record(live_site, key)
        if "collect" in call or call == "discard-drawing":
            take_part(live_site, key, call)
        path = tmp_path / f"{call}{ENDINGS[language]}"
        path.write_text(written[language].replace(KEY, key).replace(RECORD_ID, record_id))
        done = subprocess.run(
            COMMANDS[language](path), cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS
        )
        assert done.returncode == 0, f"{call}: {done.stdout}{done.stderr}"
        expected = PRINTED.get(call, "").replace("{id}", record_id)
        assert re.search(expected, done.stdout, re.DOTALL), f"{call}: {done.stdout}"
        if call == "picture":
            assert (tmp_path / SAVED).read_bytes().startswith(b"\x89PNG")
            (tmp_path / SAVED).unlink()
        after = requests.get(
            f"{live_site.url}/api/v1/predictions/{record_id}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        )
        assert after.status_code == (404 if call == "delete" else 200)


def test_the_first_program_of_the_page_needs_no_key(live_site: SiteProcess, tmp_path: Path) -> None:
    (tmp_path / "seven.png").write_bytes(SEVEN)
    page = requests.get(f"{live_site.url}/api/v1/docs", timeout=30).text
    text = html.unescape(PROGRAM.findall(page)[0][1])
    done = subprocess.run(
        ["bash", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS
    )
    assert re.search(PRINTED["predict"], done.stdout), done.stdout + done.stderr


def test_a_program_stops_at_an_error(live_site: SiteProcess, tmp_path: Path) -> None:
    """Each language's program of a call that is refused fails, and shows the code."""
    for language, text in programs(live_site)["read"].items():
        path = tmp_path / f"read{ENDINGS[language]}"
        path.write_text(text.replace(KEY, "dd_unknown"))
        done = subprocess.run(
            COMMANDS[language](path), cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS
        )
        assert done.returncode != 0
        assert re.search("bad_api_key|401", done.stdout + done.stderr)
