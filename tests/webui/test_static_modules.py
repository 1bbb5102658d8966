"""The modules that a page preloads exist: without them, a site with collected files answers 500."""

from django.contrib.staticfiles import finders

from webui.collection import views as collection
from webui.recognition import installation as recognition


def test_preloaded_modules_exist() -> None:
    for module in (*recognition.MODULES, *collection.MODULES):
        assert finders.find(module), module
