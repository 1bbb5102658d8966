"""The fake model server behind the site, as in the site's own tests."""

from tests.webui.conftest import model

__all__ = ["model"]
