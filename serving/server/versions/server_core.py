"""The server without its HTTP part: configuration, models and labels (`ServerCore`)."""

import logging
import threading
from pathlib import Path

from serving.server.status import Code, StatusError, failed_precondition, invalid_argument
from serving.server.versions.config import ModelServerConfig, check_config
from serving.server.versions.loader_harness import Loader, LoaderHarness
from serving.server.versions.manager import AspiredVersionsManager, ManagerOptions
from serving.server.versions.source import FileSystemStoragePathSource, ServableToMonitor
from serving.server.versions.state_monitor import ServableId, ServableStateMonitor

logger = logging.getLogger(__name__)


class ServerCore:
    """The models and labels of one configuration at a time."""

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

    def acquire(self, name: str, *, version: int | None, label: str | None) -> LoaderHarness:
        """Return a loaded version; the caller must call `manager.release`.

        Raises:
            StatusError: INVALID_ARGUMENT for an unknown label, NOT_FOUND if no such version is
                loaded.
        """
        if label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
        return self.manager.acquire(name, version)

    def start(self, config: ModelServerConfig) -> None:
        """Apply the first configuration and wait until every model has a version loaded.

        Raises:
            StatusError: the configuration is not valid, or a model could not be loaded.
        """
        with self._reloading:
            since = self.monitor.now()
            names = self._apply(config)
            self._source.start()
            ended = self._wait(names, since)
            if ended:
                causes = "".join(
                    f"{{{key} due to error: {error}}}, " for key, error in ended.items()
                )
                raise StatusError(
                    Code.UNKNOWN, f"{len(ended)} servable(s) did not become available: {{{causes}}}"
                )
            self.manager.finish_starting()

    def reload(self, config: ModelServerConfig) -> None:
        """Replace the configuration: first the labels, then the models; wait for new models.

        Raises:
            StatusError: the configuration is not valid, and nothing has changed; or a new model
                could not be loaded.
        """
        with self._reloading:
            former = {each.name for each in self._monitored(self._config)}
            since = self.monitor.now()
            new = self._apply(config) - former
            ended = self._wait(new, since)
            if ended:
                causes = "".join(f"{version}, " for version in ended)
                raise StatusError(
                    Code.UNKNOWN, f"Some models did not become available: {{{causes}}}"
                )

    def stop(self) -> None:
        self._stopped.set()
        self._source.stop()
        self.manager.stop()

    def _apply(self, config: ModelServerConfig) -> set[str]:
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
        """Return the new labels; a label may only point to an available version.

        With --allow_version_labels_for_unavailable_models, a new label may point to any version
        (`UpdateModelVersionLabelMap`).
        """
        labels: dict[str, dict[str, int]] = {}
        for model in config.model_config_list.config:
            for label, version in model.version_labels.items():
                in_use = self._labels.get(model.name, {}).get(label)
                is_exempt = self._allow_labels_for_unavailable and in_use in (None, version)
                if not is_exempt and not self.monitor.is_available(ServableId(model.name, version)):
                    raise failed_precondition(
                        f"Request to assign label to version {version} of model {model.name}, "
                        "which is not currently available for inference"
                    )
                labels.setdefault(model.name, {})[label] = version
        return labels

    def _wait(self, names: set[str], since: int) -> dict[ServableId, StatusError | None]:
        """Wait for the models; return the versions of those that could not be loaded."""
        return self.monitor.wait_until_settled(names, since=since, cancelled=self._stopped.is_set)

    def _monitored(self, config: ModelServerConfig | None) -> tuple[ServableToMonitor, ...]:
        if config is None:
            return ()
        return tuple(
            ServableToMonitor(
                name=model.name, base_path=Path(model.base_path), policy=model.model_version_policy
            )
            for model in config.model_config_list.config
        )
