"""Publishes, promotes and retires model versions without a failed request.

All of it is done through files (version directories and `models.config` on a volume shared with
the model server, which polls it) and checked over REST, so it works the same with TensorFlow
Serving and with the embedded server. The order of the steps makes it safe:

1. A version is tested, and then appears by rename.
2. It is added to the versions served, and waited for until it is AVAILABLE.
3. Only then does a label move to it, by a second write: a label on a version that is not loaded
   makes the server refuse the whole file, silently.
4. The label is resolved until the server answers with the new version.
5. Only then are versions dropped that no label names; the one that was stable before stays
   loaded, so that rolling back is moving a label.

On any failure the previous file is put back, and the stable version was served all the time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from serving.client import ModelClient, ServingError, VersionNotLoaded, VersionStatus
from serving.labels import CANARY, SHADOW, STABLE
from serving.models_config import ConfigError
from serving.versions.declared_tensors import InvalidModel
from serving.versions.repository import InvalidSource, Repository, check_layout
from serving.versions.smoke_test import (
    SmokeTest,
    check_files,
    run_smoke_test,
    tensorflow_is_available,
)

LOAD_SECONDS = 120.0  # a version's load and warm-up, polls and one retry included
LABEL_MOVE_SECONDS = 30.0  # the server polls its file every second or so, and then moves the label
RESTORE_SECONDS = 10.0
POLL_SECONDS = 0.1
SILENT_SECONDS = 0.5  # without an answer, several polls in a row; a server that loads answers


class VersionChangeError(Exception):
    """A version could not be published, promoted or retired; what is served is unchanged."""


class ChangeRefused(VersionChangeError):
    """The change is not possible in the present state; nothing was begun."""


class ChangeFailed(VersionChangeError):
    """The change was begun, did not succeed, and was undone.

    The message gives the reason, in the model server's words where it reports one.

    Attributes:
        version: the version that failed, if it had a number; the number is not used again.
    """

    def __init__(self, message: str, *, version: int | None = None) -> None:
        super().__init__(message)
        self.version = version


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The versions and labels of `models.config`.

    With another policy than `specific`, the versions are those that the server has loaded.
    """

    versions: tuple[int, ...]
    labels: dict[str, int]

    @property
    def stable(self) -> int | None:
        return self.labels.get(STABLE)

    @property
    def canary(self) -> int | None:
        return self.labels.get(CANARY)

    @property
    def shadow(self) -> int | None:
        return self.labels.get(SHADOW)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A version that was published and is loaded."""

    version: int
    smoke_test: SmokeTest


def _smoke_test_step(version: int) -> str:
    how = "files, then loading it and asking it" if tensorflow_is_available() else "files"
    return f"Testing version {version}: its {how}."


class VersionManager:
    """Changes which versions of one model are served.

    Args:
        repository: the files, shared with the model server.
        client: a client of the model server, or of several that share the files.
        heartbeat: called while waiting, at least every half second; may raise to give up (then
            the change is undone, as with any failure).
        progress: called with a sentence at the beginning of each step that takes seconds.
        load_seconds: the longest wait for a version to be loaded.
        label_seconds: the longest wait for a label to move, or a version to be unloaded.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        client: ModelClient,
        heartbeat: Callable[[], None] = lambda: None,
        progress: Callable[[str], None] = lambda _step: None,
        load_seconds: float = LOAD_SECONDS,
        label_seconds: float = LABEL_MOVE_SECONDS,
    ) -> None:
        self.repository = repository
        self.client = client
        self._heartbeat = heartbeat
        self._progress = progress
        self._load_seconds = load_seconds
        self._label_seconds = label_seconds

    def deployment(self) -> Deployment:
        """Returns what `models.config` serves.

        Raises:
            ChangeRefused: the file cannot be read.
            ServingError: it leaves the versions to the server, and that does not answer.
        """
        try:
            config = self.repository.config()
        except ConfigError as problem:
            raise ChangeRefused(str(problem)) from problem
        versions = config.versions
        if versions is None:
            versions = tuple(
                sorted(status.version for status in self.client.versions() if status.available)
            )
        return Deployment(versions=versions, labels=dict(config.labels))

    def publish(
        self, source: Path, *, version: int | None = None, used: frozenset[int] = frozenset()
    ) -> Published:
        """Copies a SavedModel directory, tests it, numbers it, and waits until it is loaded.

        Args:
            source: a SavedModel directory.
            version: the number it should get; None: the next after all numbers ever used.
            used: numbers used before, beside those on disk and in the server.

        Raises:
            ChangeRefused: the server does not answer, or the number is taken.
            ChangeFailed: the version is invalid, or the server did not load it (or ended while
                it tried).
        """
        deployment = self._checked_deployment()
        taken = used | set(self.repository.versions()) | set(deployment.versions)
        taken |= {status.version for status in self._statuses()}
        if version is not None and version < 1:
            raise ChangeRefused(f"a version is a whole number from 1, not {version}")
        if version in taken:
            raise ChangeRefused(
                f"version {version} has been used; a number names one model for ever, since the "
                f"server does not load a failed one again. Free: {max(taken) + 1}"
            )
        number = version or max(taken, default=0) + 1
        self._progress(f"Copying {source} as version {number}.")
        try:
            with self.repository.adding(source, number) as draft:
                self._progress(_smoke_test_step(number))
                smoke_test = run_smoke_test(draft, heartbeat=self._heartbeat)
        except (InvalidSource, InvalidModel) as problem:
            raise ChangeFailed(f"{source} is not published: {problem}") from problem
        except OSError as problem:
            raise ChangeFailed(f"{source} could not be copied: {problem}") from problem
        try:
            with self._restoring(deployment):
                self._load(number, deployment)
        except BaseException:
            with suppress(OSError):  # a server that is restarted would load it
                self.repository.remove(number)
            raise
        return Published(version=number, smoke_test=smoke_test)

    def promote(self, version: int) -> Deployment:
        """Makes a version the stable one, and loads it first if necessary.

        Its files are checked as `publish` checks them, since the directory may have been put
        there by hand; a version that is not loaded yet passes the whole smoke test.

        If it is the canary or the shadow, the same write removes that label.

        Raises:
            ChangeRefused, ChangeFailed
        """
        deployment = self._checked_deployment()
        if version == deployment.stable:
            raise ChangeRefused(f"version {version} is stable already")
        labels = {
            label: labelled
            for label, labelled in deployment.labels.items()
            if not (label in (CANARY, SHADOW) and labelled == version)
        }
        labels[STABLE] = version
        return self._move(deployment, version, STABLE, labels)

    def start_canary(self, version: int) -> Deployment:
        """Puts the label `canary` on a version, and loads it first if necessary.

        Raises:
            ChangeRefused, ChangeFailed
        """
        return self._start(CANARY, version, why_not_stable="everybody has it already")

    def start_shadow(self, version: int) -> Deployment:
        """Puts the label `shadow` on a version, and loads it first if necessary.

        Raises:
            ChangeRefused, ChangeFailed
        """
        return self._start(SHADOW, version, why_not_stable="a shadow is compared with it")

    def _start(self, label: str, version: int, *, why_not_stable: str) -> Deployment:
        """Puts a label beside `stable` on a version, and loads it first if necessary."""
        deployment = self._checked_deployment()
        if version == deployment.stable:
            raise ChangeRefused(f"version {version} is stable: {why_not_stable}")
        if deployment.labels.get(label) == version:
            return deployment
        return self._move(deployment, version, label, {**deployment.labels, label: version})

    def withdraw_canary(self) -> Deployment:
        """Removes the label `canary`; its version stays loaded.

        Raises:
            ChangeRefused, ChangeFailed
        """
        return self._remove_label(CANARY)

    def withdraw_shadow(self) -> Deployment:
        """Removes the label `shadow`; its version stays loaded.

        Raises:
            ChangeRefused, ChangeFailed
        """
        return self._remove_label(SHADOW)

    def _remove_label(self, label: str) -> Deployment:
        deployment = self._checked_deployment()
        if label not in deployment.labels:
            raise ChangeRefused(f"there is no {label}")
        labels = {k: v for k, v in deployment.labels.items() if k != label}
        with self._restoring(deployment):
            self.repository.write_config(versions=deployment.versions, labels=labels)
            self._wait_for_label(label, None)
        return self.deployment()

    def retire(self, version: int, *, delete: bool = False) -> Deployment:
        """Unloads a version that no label names; with `delete`, deletes its files too.

        Raises:
            ChangeRefused, ChangeFailed
        """
        deployment = self._checked_deployment()
        for label, labelled in deployment.labels.items():
            if labelled == version:
                doing = "is asked" if label == SHADOW else "answers visitors"
                raise ChangeRefused(f"version {version} is {label}; it {doing} now")
        on_disk = version in self.repository.versions()
        if version not in deployment.versions and not (delete and on_disk):
            raise ChangeRefused(f"version {version} is not served")
        if version in deployment.versions:
            remaining = [number for number in deployment.versions if number != version]
            if not remaining:
                raise ChangeRefused(f"version {version} is the only one that is served")
            with self._restoring(deployment):
                self.repository.write_config(versions=remaining, labels=deployment.labels)
                self._wait_until_unloaded(version)
        if delete and on_disk:
            try:
                self.repository.remove(version)
            except OSError as problem:
                raise ChangeFailed(
                    f"version {version} is unloaded, but not deleted: {problem}"
                ) from None
        return self.deployment()

    def _move(
        self, deployment: Deployment, version: int, label: str, labels: dict[str, int]
    ) -> Deployment:
        """Loads a version, sets the labels, waits for one of them, and drops unneeded versions."""
        if version not in self.repository.versions():
            raise ChangeRefused(
                f"there is no version {version}; there are: "
                f"{', '.join(map(str, self.repository.versions())) or 'none'}"
            )
        self._check_version(version)
        with self._restoring(deployment):
            loaded = self._load(version, deployment)
            labels = self._available_labels(labels)
            self._progress(f"Moving the label {label} to version {version}.")
            self.repository.write_config(versions=loaded, labels=labels)
            self._wait_for_label(label, version)
        keep = {*labels.values(), deployment.stable, deployment.canary}
        # A version published after this one may still be promoted.
        keep |= {number for number in loaded if number > version}
        versions = tuple(number for number in loaded if number in keep)
        if versions != loaded:
            self.repository.write_config(versions=versions, labels=labels)
        return Deployment(versions=versions, labels=labels)

    def _check_version(self, version: int) -> None:
        """Checks a version's directory; a loaded version need not be loaded once more.

        Raises:
            ChangeFailed: the version must not be served.
        """
        version_dir = self.repository.version_dir(version)
        self._refuse_failed(version)
        try:
            check_layout(version_dir)
            if self._is_available(version):
                check_files(version_dir)
            else:
                self._progress(_smoke_test_step(version))
                run_smoke_test(version_dir, heartbeat=self._heartbeat)
        except (InvalidSource, InvalidModel) as problem:
            raise ChangeFailed(
                f"version {version} cannot be served: {problem}", version=version
            ) from problem

    def _refuse_failed(self, version: int) -> None:
        for status in self._statuses():
            if status.version == version and status.failed:
                raise ChangeFailed(
                    f"version {version} failed in the model server, which does not try it "
                    f"again: {status.error}. Publish it anew, under a new number",
                    version=version,
                )

    def _load(self, version: int, deployment: Deployment) -> tuple[int, ...]:
        """Adds a version to those served and waits until it is loaded; returns all of them."""
        self._refuse_failed(version)
        versions = tuple(sorted({*deployment.versions, version}))
        if versions != deployment.versions:
            self._progress(f"Loading version {version} in the model server.")
            self.repository.write_config(
                versions=versions, labels=self._available_labels(deployment.labels)
            )
        self._wait_until_available(version)
        return versions

    def _available_labels(self, labels: dict[str, int]) -> dict[str, int]:
        """Returns the labels whose version is loaded, or is being loaded by a server that starts.

        While the file has any other label, the server refuses every change of the file.
        """
        known = {status.version for status in self._statuses() if status.state != "END"}
        return {label: version for label, version in labels.items() if version in known}

    def _wait_until_available(self, version: int) -> None:
        state = "not seen by the server"
        answered = time.monotonic()
        for _ in self._poll(self._load_seconds):
            try:
                statuses = self.client.versions()
            except VersionNotLoaded:  # an answer
                statuses = []
            except ServingError as problem:
                if time.monotonic() - answered < SILENT_SECONDS:
                    continue
                # Restarted with this version in its configuration, the server would try it again.
                raise ChangeFailed(
                    f"the model server stopped answering while it loaded version {version} "
                    f"({problem}), so the version is taken back. Loading it probably ended the "
                    "server's process; the server's log has the reason",
                    version=version,
                ) from problem
            answered = time.monotonic()
            for status in statuses:
                if status.version == version:
                    state = f"in state {status.state}"
                    if status.available:
                        return
                    if status.failed:
                        raise ChangeFailed(
                            f"the model server does not load version {version}: {status.error}",
                            version=version,
                        )
        raise ChangeFailed(
            f"version {version} is {state} after {self._load_seconds:.0f} s. Does the server "
            "poll its configuration (--model_config_file_poll_wait_seconds=1), and see "
            f"{self.repository.model_dir} as its base_path?",
            version=version,
        )

    def _wait_until_unloaded(self, version: int) -> None:
        for _ in self._poll(self._label_seconds):
            if all(s.version != version or s.state == "END" for s in self.client.versions()):
                return
        raise ChangeFailed(f"the model server still serves version {version}", version=version)

    def _wait_for_label(self, label: str, version: int | None) -> None:
        """Waits until each server resolves a label to a version (or, for None, to nothing)."""
        named: set[int | None] = set()
        for _ in self._poll(self._label_seconds):
            named = self._named_by(label)
            if named == {version}:
                return
        reported = " and ".join(sorted(str(one or "nothing") for one in named)) or "not known"
        raise ChangeFailed(
            f"after {self._label_seconds:.0f} s the model server reports that {label!r} is "
            f"{reported}, not {version or 'nothing'}. Does it poll its configuration "
            "(--model_config_file_poll_wait_seconds=1)? Its log has the reason if it refuses a file"
        )

    def _named_by(self, label: str) -> set[int | None]:
        """Returns the version that a label names on each server; none without an answer."""
        try:
            return self.client.named_by(label)
        except ServingError:
            return set()

    def _is_available(self, version: int) -> bool:
        return any(s.version == version and s.available for s in self._statuses())

    def _statuses(self) -> list[VersionStatus]:
        """Returns the server's versions; none if it does not answer now."""
        try:
            return self.client.versions()
        except ServingError:
            return []

    def _poll(self, seconds: float) -> Iterator[None]:
        """Yields at once and then every POLL_SECONDS until the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            yield
            if time.monotonic() > deadline:
                return
            self._heartbeat()
            time.sleep(POLL_SECONDS)

    def _checked_deployment(self) -> Deployment:
        """Returns the deployment, after a check that the model server answers.

        Raises:
            ChangeRefused: the model server does not answer, so that no step could be verified.
        """
        try:
            self.client.versions()
            return self.deployment()
        except ServingError as problem:
            raise ChangeRefused(f"{problem}; nothing was changed") from problem

    @contextmanager
    def _restoring(self, deployment: Deployment) -> Iterator[None]:
        """Restores `models.config` if the block fails, and waits until the server follows it."""
        before = self.repository.config_text()
        try:
            yield
        except BaseException as problem:
            try:
                self.repository.restore_config(before)
            except ConfigError as obstacle:
                problem.add_note(f"and models.config could not be put back: {obstacle}")
                raise
            if isinstance(problem, Exception) and deployment.stable is not None:
                deadline = time.monotonic() + RESTORE_SECONDS
                while self._named_by(STABLE) != {deployment.stable}:
                    if time.monotonic() > deadline:
                        problem.add_note(
                            f"models.config is as it was; the server has not reported yet that "
                            f"version {deployment.stable} is stable"
                        )
                        break
                    time.sleep(POLL_SECONDS)
            if isinstance(problem, ConfigError | ServingError | OSError | ValueError):
                raise ChangeFailed(str(problem)) from problem
            raise
