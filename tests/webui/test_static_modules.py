"""The modules that a page preloads exist, and are all that its scripts import.

Without one that exists, a site with collected files answers 500; one that is not named is missing
without a network.
"""

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from webui.collection import views as collection
from webui.recognition import installation as recognition
from webui.wall import views as wall


def test_preloaded_modules_exist() -> None:
    for module in (*recognition.MODULES, *collection.MODULES, *wall.MODULES):
        assert finders.find(module), module


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        ("recognition/page.js", recognition.MODULES),
        ("collection/collect.js", collection.MODULES),
        ("wall/wall.js", wall.MODULES),
    ],
)
def test_every_imported_module_is_named(script: str, modules: Sequence[str]) -> None:
    imported, open_ones = set(), [script]
    while open_ones:
        name = open_ones.pop()
        text = Path(str(finders.find(name))).read_text()
        for found in re.findall(r'from "(\.[^"]+)"', text):
            module = posixpath.normpath(posixpath.join(posixpath.dirname(name), found))
            if module not in imported:
                imported.add(module)
                open_ones.append(module)
    assert imported == set(modules)
