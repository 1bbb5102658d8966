"""A site with the bundled model versions, as a visitor and a member of staff find it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.versions.bundled import install_bundled
from tests.harness.model_server import ModelServerProcess
from tests.harness.site import SiteProcess

USER, PASSWORD = "keeper", "only-for-these-tests-7301"  # a superuser


@contextmanager
def bundled_site(directory: Path, **settings: str) -> Iterator[SiteProcess]:
    """Run a site and its model server with the bundled versions and a superuser.

    Args:
        directory: of the database, the logs and the models.
        settings: of the site, as environment variables.
    """
    server = ModelServerProcess(directory / "models")
    install_bundled(server.models_dir)
    site = SiteProcess(
        directory, SERVING_URL=server.url, MODELS_DIR=str(server.models_dir), **settings
    )
    try:
        server.start()
        site.succeed("migrate", "--verbosity=0")
        site.succeed("collectstatic", "--verbosity=0", "--no-input")
        site.succeed(
            *("createsuperuser", "--no-input", f"--username={USER}", "--email="),
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )
        site.start()
        yield site
    finally:
        site.stop()
        server.kill()
