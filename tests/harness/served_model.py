"""A model in a running model server: its files, its client and its version manager."""

from collections.abc import Callable
from pathlib import Path

from serving import models_config
from serving.client import ServingClient, ServingError
from serving.versions.manager import VersionManager
from serving.versions.repository import Repository
from tests.harness.model_server import ModelServerProcess, config_text
from tests.harness.waiting import wait_until


class ServedModel:
    """One model of a model server, which has no other while a test uses it.

    Attributes:
        exports: directory of the SavedModels that can be published, by name.
    """

    def __init__(self, server: ModelServerProcess, exports: Path, *, model_name: str) -> None:
        self.server = server
        self.exports = exports
        self.model_name = model_name
        self.repository = Repository(models_dir=server.models_dir, model_name=model_name)
        self.client = ServingClient(
            base_url=server.url, model_name=model_name, config_file=server.config_path
        )
        self.versions = VersionManager(repository=self.repository, client=self.client)

    def put(self, version: int, name: str) -> None:
        """Installs an export as a version; the server is not asked to load it."""
        self.repository.model_dir.mkdir(exist_ok=True)
        with self.repository.adding(self.exports / name, version):
            pass

    def serve(self, *, versions: dict[int, str], stable: int) -> None:
        """Makes this the server's only model, and returns when its label is resolved."""
        for version, name in versions.items():
            self.put(version, name)
        policy = f"model_version_policy {{ specific {{ versions: {stable} }} }}"
        models_config.write_text(
            self.server.config_path,
            config_text({self.model_name: (self.repository.model_dir, policy)}),
        )
        if self.server.process is None:
            self.server.start()
        self.wait(lambda: bool(self.available()))
        self.repository.write_config(versions=list(versions), labels={})
        self.wait(lambda: self.available() == set(versions))
        self.repository.write_config(versions=list(versions), labels={"stable": stable})
        self.wait(lambda: self.client.ask_label("stable") == stable)

    def wait(self, condition: Callable[[], bool], *, seconds: float = 60) -> None:
        """Waits until the condition is true; an error of the client counts as false."""

        def is_true() -> bool:
            try:
                return condition()
            except ServingError:
                return False

        wait_until(is_true, seconds=seconds, details=lambda: self.server.log.read_text()[-5000:])

    def available(self) -> set[int]:
        """Return the versions that the server has loaded."""
        return {status.version for status in self.client.versions() if status.available}
