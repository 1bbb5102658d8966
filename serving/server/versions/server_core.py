"""The server's heart without HTTP: configuration, models, labels (`ServerCore`)."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from serving.server.status import Code, StatusError, failed_precondition, invalid_argument
from serving.server.versions.config import ModelServerConfig, check_config
from serving.server.versions.manager import (
    AspiredVersionsManager,
    Loader,
    LoaderHarness,
    ManagerOptions,
)
from serving.server.versions.source import FileSystemStoragePathSource, ServableToMonitor
from serving.server.versions.state_monitor import ServableId, ServableStateMonitor

logger = logging.getLogger(__name__)


class ServerCore:
    """Models under management by one configuration at a time."""

    def __init__(
        self,
        *,
        loader: Loader,
        options: ManagerOptions,
        poll_seconds: float = 1,
        allow_labels_for_unavailable: bool = False,
    ) -> None:
        self.monitor = ServableStateMonitor()
        self.manager = AspiredVersionsManager(loader=loader, monitor=self.monitor, options=options)
        self._source = FileSystemStoragePathSource(
            poll_seconds=poll_seconds, aspire=self.manager.set_aspired
        )
        self._allow_labels_for_unavailable = allow_labels_for_unavailable
        self._config: ModelServerConfig | None = None
        self._labels: dict[str, dict[str, int]] = {}
        self._reloading = threading.Lock()
        self._stopped = threading.Event()

    # Requests.

    def acquire(self, name: str, *, version: int | None, label: str | None) -> LoaderHarness:
        """A loaded version, held until `manager.release`.

        Raises:
            StatusError: INVALID_ARGUMENT for an unknown label, NOT_FOUND for the rest.
        """
        if label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
        return self.manager.acquire(name, version)

    # Configuration.

    def start(self, config: ModelServerConfig) -> None:
        """Takes up the first configuration and waits until every model has a version loaded.

        Raises:
            StatusError: the configuration cannot be, or a model came to nothing.
        """
        with self._reloading:
            since = self.monitor.now()
            names = self._take_up(config)
            self._source.start()
            self._await(names, since, self._failed_at_start)
            self.manager.finish_starting()

    def reload(self, config: ModelServerConfig) -> None:
        """Makes `config` the whole truth: labels first, then models; new ones are waited for.

        Raises:
            StatusError: it cannot be; then no label has moved and no model has come or gone.
        """
        with self._reloading:
            former = {each.name for each in self._monitored(self._config)}
            since = self.monitor.now()
            new = self._take_up(config) - former
            self._await(new, since, self._failed_at_reload)

    def stop(self) -> None:
        self._stopped.set()
        self._source.stop()
        self.manager.stop()

    def _take_up(self, config: ModelServerConfig) -> set[str]:
        check_config(config, self._config)
        if config.WhichOneof("config") is None:
            logger.info("Taking no action for empty config.")
            return set()
        self._labels = self._checked_labels(config)
        self._config = config
        monitored = self._monitored(config)
        self._source.configure(monitored)
        return {each.name for each in monitored}

    def _checked_labels(self, config: ModelServerConfig) -> dict[str, dict[str, int]]:
        """The new label map; a label may only point to a version that answers now.

        With --allow_version_labels_for_unavailable_models, one that is not in use for another
        version may point anywhere (`UpdateModelVersionLabelMap`).
        """
        labels: dict[str, dict[str, int]] = {}
        for model in config.model_config_list.config:
            for label, version in model.version_labels.items():
                in_use = self._labels.get(model.name, {}).get(label)
                excused = self._allow_labels_for_unavailable and in_use in (None, version)
                if not excused and not self.monitor.is_available(ServableId(model.name, version)):
                    raise failed_precondition(
                        f"Request to assign label to version {version} of model {model.name}, "
                        "which is not currently available for inference"
                    )
                labels.setdefault(model.name, {})[label] = version
        return labels

    def _await(
        self,
        names: set[str],
        since: int,
        complaint: Callable[[dict[ServableId, StatusError | None]], StatusError],
    ) -> None:
        ended = self.monitor.wait_until_settled(names, since=since, given_up=self._stopped.is_set)
        if ended:
            raise complaint(ended)

    def _failed_at_start(self, ended: dict[ServableId, StatusError | None]) -> StatusError:
        causes = "".join(
            f"{{{version} due to error: {error}}}, " for version, error in ended.items()
        )
        return StatusError(
            Code.UNKNOWN, f"{len(ended)} servable(s) did not become available: {{{causes}}}"
        )

    def _failed_at_reload(self, ended: dict[ServableId, StatusError | None]) -> StatusError:
        causes = "".join(f"{version}, " for version in ended)
        return StatusError(Code.UNKNOWN, f"Some models did not become available: {{{causes}}}")

    def _monitored(self, config: ModelServerConfig | None) -> tuple[ServableToMonitor, ...]:
        if config is None:
            return ()
        return tuple(
            ServableToMonitor(
                name=model.name,
                base_path=Path(model.base_path),
                policy=model.model_version_policy,
            )
            for model in config.model_config_list.config
        )
