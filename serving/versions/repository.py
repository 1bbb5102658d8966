"""Model versions as directories: numbers, drafts, and appearing complete by one rename.

A model server that polls a directory loads whatever has a number for a name, at once, half
copied or not. So a version is copied under a hidden name beside the others (the same file
system, and no number), tried there, and only then renamed to its number.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import models_config
from serving.models_config import CONFIG_NAME, ModelConfig

CARD = Path("assets.extra") / "model_card.json"  # assets.extra: a SavedModel's own corner
DRAFT_PREFIX = ".draft-"


class InvalidSource(Exception):
    """What should be published is no whole SavedModel directory; says why."""


class Repository:
    """The versions of one model on disk, and its part of `models.config`.

    Args:
        models_dir: holds `models.config` and `NAME/VERSION/`, shared with the model server.
    """

    def __init__(self, *, models_dir: Path, model_name: str) -> None:
        self.models_dir = models_dir
        self.model_name = model_name
        self.model_dir = models_dir / model_name
        self.config_path = models_dir / CONFIG_NAME

    # --- versions ---------------------------------------------------------------------------

    def versions(self) -> list[int]:
        """Version numbers that have a directory, ascending."""
        try:
            names = [entry.name for entry in self.model_dir.iterdir() if entry.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdecimal())

    def version_dir(self, version: int) -> Path:
        return self.model_dir / str(version)

    @contextmanager
    def draft(self, source: Path) -> Iterator[Path]:
        """A hidden copy of a SavedModel directory, gone again unless `install` took it.

        Raises:
            InvalidSource: if the source is no SavedModel directory, holds anything but files
                and directories, or cannot be copied whole.
        """
        check_layout(source)
        self.model_dir.mkdir(parents=True, exist_ok=True)
        holder = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=self.model_dir))
        try:
            copy = holder / "version"
            try:
                shutil.copytree(source, copy)
            except (OSError, shutil.Error) as problem:
                raise InvalidSource(f"{source} could not be copied whole: {problem}") from problem
            check_layout(copy)
            yield copy
        finally:
            shutil.rmtree(holder, ignore_errors=True)

    def install(self, draft: Path, version: int) -> Path:
        """Makes a draft the version: one rename. Its card, if it has one, says the number.

        Raises:
            FileExistsError: if the version has a directory already.
        """
        target = self.version_dir(version)
        if target.exists():
            raise FileExistsError(f"{target} exists")
        card = draft / CARD
        if card.exists():
            document = json.loads(card.read_text(encoding="utf-8"))
            document["version"] = version
            card.write_text(
                json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
        for path in (draft, *draft.rglob("*")):  # the model server may run as somebody else
            path.chmod(0o755 if path.is_dir() else 0o644)
        draft.rename(target)
        return target

    def remove(self, version: int) -> None:
        """Deletes a version's directory, at once for whoever polls, then its files."""
        holder = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=self.model_dir))
        try:
            self.version_dir(version).rename(holder / "version")
        finally:
            shutil.rmtree(holder, ignore_errors=True)

    # --- models.config ------------------------------------------------------------------------

    def config_text(self) -> str:
        """
        Raises:
            ConfigError: if there is none, or it cannot be read.
        """
        return models_config.read_text(self.config_path)

    def config(self) -> ModelConfig:
        """
        Raises:
            ConfigError: if there is none, or it does not name the model.
        """
        return models_config.model_config(self.config_text(), self.model_name)

    def write_config(self, *, versions: Iterable[int], labels: dict[str, int]) -> None:
        """
        Raises:
            ConfigError: if the file cannot be read or written.
            ValueError: if a label names a version that would not be served.
        """
        text = models_config.with_model(
            self.config_text(), self.model_name, versions=sorted(set(versions)), labels=labels
        )
        models_config.write_text(self.config_path, text)

    def restore_config(self, text: str) -> None:
        """Puts back a text that `config_text` gave, if another stands there now.

        Raises:
            ConfigError: if it cannot be written.
        """
        if self.config_text() != text:
            models_config.write_text(self.config_path, text)


def check_layout(version_dir: Path) -> None:
    """That a directory has the parts of a SavedModel, before anything reads them.

    Raises:
        InvalidSource: naming what is missing or does not belong there.
    """
    if not version_dir.is_dir():
        raise InvalidSource(
            f"{version_dir} is no directory; a SavedModel directory holds saved_model.pb "
            "and variables/"
        )
    for path in version_dir.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise InvalidSource(f"{path} is neither a file nor a directory; copy what it means")
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
