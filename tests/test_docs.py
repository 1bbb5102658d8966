"""Checks that the documentation names only files, headings, commands and objects that exist."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# A path of this repository, in prose or in code; `N` stands for any number.
REPOSITORY_PATH = re.compile(
    r"(?<![\w/.$-])((?:webui|serving|training|tests|deploy|benchmarks|docs|requirements)/[\w./*-]+)"
)
MAKE_TARGET = re.compile(r"(?:^|`|\d )make ([a-z][a-z-]+)", re.MULTILINE)
OUTPUTS = {"training/artifacts/seeds/seed-4.json"}  # of commands that the documentation shows
OBJECT = re.compile(r"`((?:webui|serving|training)(?:\.\w+)+)`")


def path_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a document."""
    headings = HEADING.findall(FENCE.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def repository_paths(text: str) -> Iterator[str]:
    for path in REPOSITORY_PATH.findall(text):
        yield re.sub(r"\bN\b", "*", path.rstrip("./"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=path_of)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=path_of)
def test_paths_of_the_repository_exist(document: Path) -> None:
    text = re.sub(r"https?://\S+", "", document.read_text())
    assert not {path for path in set(repository_paths(text)) - OUTPUTS if not any(ROOT.glob(path))}


@pytest.mark.parametrize("document", DOCUMENTS, ids=path_of)
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(MAKE_TARGET.findall(document.read_text())) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=path_of)
def test_objects_can_be_imported(document: Path) -> None:
    for name in OBJECT.findall(document.read_text()):
        assert resolves(name), name


def resolves(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for part in parts[split:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_code_names_only_pages_that_exist() -> None:
    sources = [
        file
        for package in ("webui", "serving", "training", "tests", "deploy", "benchmarks")
        for suffix in ("py", "html", "js", "css", "toml", "yml")
        for file in (ROOT / package).rglob(f"*.{suffix}")
    ]
    named = {
        page for file in sources for page in re.findall(r"docs/[\w./-]+\.md", file.read_text())
    }
    assert named
    assert not {page for page in named if not (ROOT / page).exists()}
