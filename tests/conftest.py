"""The harness's fixtures, and a test database like the site's."""

import pytest
from django.conf import settings

pytest_plugins = ["tests.harness.fixtures"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite's test database is a file, as the site's is.

    Django's default is one in memory that threads share. It has no write-ahead log, and a writer
    does not wait for another: threads would meet errors that the site never has.
    """
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(
            tmp_path_factory.mktemp("database") / "test.sqlite3"
        )
