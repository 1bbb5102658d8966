"""The version directories of a model, and its part of `models.config`.

A model server that polls a directory loads every entry whose name is a number, at once, even if
it is still being copied. A version is therefore copied under a hidden name beside the others,
tested there, and then renamed to its number.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import models_config
from serving.atomic_files import creating_directory
from serving.models_config import CONFIG_NAME, ModelConfig
from serving.versions.card import CARD, renumber_card


class InvalidSource(Exception):
    """The directory to publish is not a complete SavedModel; the message gives the reason."""


class Repository:
    """The versions of one model on disk, and its part of `models.config`.

    Args:
        models_dir: holds `models.config` and `NAME/VERSION/`; shared with the model server.
        model_name: the model's name in `models.config`.
    """

    def __init__(self, *, models_dir: Path, model_name: str) -> None:
        self.models_dir = models_dir
        self.model_name = model_name
        self.model_dir = models_dir / model_name
        self.config_path = models_dir / CONFIG_NAME

    def versions(self) -> list[int]:
        """Returns the version numbers that have a directory, ascending."""
        try:
            names = [entry.name for entry in self.model_dir.iterdir() if entry.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdecimal())

    def version_dir(self, version: int) -> Path:
        return self.model_dir / str(version)

    @contextmanager
    def adding(self, source: Path, version: int) -> Iterator[Path]:
        """Yields a hidden copy of a SavedModel that becomes the version if the block succeeds.

        Its card, if it has one, gets the version's number.

        Raises:
            InvalidSource: the source is not a SavedModel directory, holds anything but files and
                directories, or cannot be copied completely.
            FileExistsError: the version has a directory already.
        """
        check_layout(source)
        self.model_dir.mkdir(parents=True, exist_ok=True)
        with creating_directory(self.version_dir(version)) as draft:
            try:
                shutil.copytree(source, draft, dirs_exist_ok=True)
            except (OSError, shutil.Error) as error:
                raise InvalidSource(f"{source} could not be copied completely: {error}") from error
            check_layout(draft)
            yield draft
            if (draft / CARD).exists():
                renumber_card(draft, version)
            # The model server may run as another user.
            for path in (draft, *draft.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)

    def remove(self, version: int) -> None:
        """Deletes a version; a rename hides it first, so that no server sees a part of it."""
        hidden = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=self.model_dir))
        try:
            self.version_dir(version).rename(hidden / "version")
        finally:
            shutil.rmtree(hidden, ignore_errors=True)

    def config_text(self) -> str:
        """Returns the text of `models.config`.

        Raises:
            ConfigError: it is missing or cannot be read.
        """
        return models_config.read_text(self.config_path)

    def config(self) -> ModelConfig:
        """Returns the model's part of `models.config`.

        Raises:
            ConfigError: it is missing, cannot be read, or does not name the model.
        """
        return models_config.model_config(self.config_text(), self.model_name)

    def write_config(self, *, versions: Iterable[int], labels: dict[str, int]) -> None:
        """Changes the model's part of `models.config`.

        Raises:
            ConfigError: the file cannot be read or written.
            ValueError: a label names a version that would not be served.
        """
        text = models_config.with_model(
            self.config_text(), self.model_name, versions=sorted(set(versions)), labels=labels
        )
        models_config.write_text(self.config_path, text)

    def restore_config(self, text: str) -> None:
        """Writes a text that `config_text` returned earlier, unless it is there still.

        Raises:
            ConfigError: it cannot be written.
        """
        if self.config_text() != text:
            models_config.write_text(self.config_path, text)


def check_layout(version_dir: Path) -> None:
    """Checks that a directory has the parts of a SavedModel, without reading them.

    Raises:
        InvalidSource: names the part that is missing or does not belong there.
    """
    if not version_dir.is_dir():
        raise InvalidSource(
            f"{version_dir} is not a directory; a SavedModel directory holds saved_model.pb "
            "and variables/"
        )
    for path in version_dir.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise InvalidSource(
                f"{path} is neither a file nor a directory; copy the file that it stands for"
            )
    graph = version_dir / "saved_model.pb"
    if not graph.is_file() or not graph.stat().st_size:
        raise InvalidSource(
            f"{version_dir} has no saved_model.pb (or an empty one); is it still being copied?"
        )
    variables = version_dir / "variables"
    if any(variables.glob("variables.data-*")) != (variables / "variables.index").is_file():
        raise InvalidSource(
            f"{variables} has only one of variables.index and variables.data-*; is it still "
            "being copied?"
        )
