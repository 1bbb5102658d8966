"""Creates, starts and stops the parts of a model server."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import threading
import time
from functools import partial
from pathlib import Path

import uvloop

from serving.protos.serving_config_pb2 import MonitoringConfig
from serving.server.flags import Flags
from serving.server.http.connection import SWEEP_SECONDS, Connection, ServerState
from serving.server.http.listener import CannotListen, bound_socket
from serving.server.http.routes import RestApi
from serving.server.metrics import Metrics
from serving.server.runtime.batching import Batcher, read_batching_options
from serving.server.runtime.saved_model import SavedModel, SessionOptions
from serving.server.runtime.warmup import warm_up
from serving.server.runtime.workers import Workers
from serving.server.status import StatusError, invalid_argument
from serving.server.versions.config import ModelServerConfig, read_text_proto, single_model
from serving.server.versions.manager import ManagerOptions
from serving.server.versions.server_core import ServerCore
from serving.server.versions.state_monitor import ServableId

logger = logging.getLogger(__name__)

METRICS_PATH = "/monitoring/prometheus/metrics"  # prometheus_exporter.cc, kPrometheusPath
BACKLOG = 1024
FINISH_SECONDS = 15.0  # time for requests in progress when the server stops


class ModelServer:
    """A model server, configured by its flags."""

    def __init__(self, flags: Flags) -> None:
        """Read all configuration files.

        Raises:
            StatusError: a file cannot be read, or is not valid.
        """
        self._flags = flags
        self.metrics = Metrics()
        self._config = self._read_config()
        if flags.batching_parameters_file and not flags.enable_batching:
            raise invalid_argument(
                "server_options.batching_parameters_file is set without setting "
                "server_options.enable_batching to true."
            )
        self._batching = (
            read_batching_options(
                flags.batching_parameters_file, processors=len(os.sched_getaffinity(0))
            )
            if flags.enable_batching
            else None
        )
        self._metrics_path = self._read_metrics_path()
        session = flags.tensorflow_session_parallelism
        self._session_options = SessionOptions(
            tags=tuple(flags.saved_model_tags.split(",")),
            intra_op_threads=flags.tensorflow_intra_op_parallelism or session,
            inter_op_threads=flags.tensorflow_inter_op_parallelism or session,
            timeout_ms=max(flags.rest_api_timeout_in_ms, 0),
        )
        self._stop_requested: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._batcher: Batcher | None = None
        self.core: ServerCore | None = None
        self.port = flags.rest_api_port

    def run(self, listener: socket.socket | None = None) -> None:
        """Serve until SIGTERM, SIGINT or `stop`.

        Args:
            listener: a bound socket; None: bind one to the flags' address and port.

        Raises:
            CannotListen: the port is in use or not permitted.
            StatusError: a model did not become available.
        """
        if listener is None:
            listener = bound_socket(self._flags.rest_api_bind_address, self._flags.rest_api_port)
        self.port = listener.getsockname()[1]
        try:
            uvloop.run(self._serve(listener))
        finally:
            self._loop = None
            listener.close()

    def stop(self) -> None:
        """Stop a running server, from any thread."""
        self._stopping.set()
        if self.core is not None:
            self.core.stop()
        loop, requested = self._loop, self._stop_requested
        if loop is not None and requested is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(requested.set)

    async def _serve(self, listener: socket.socket) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stop_requested = asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        # TensorFlow's import creates a million permanent objects. Without this, every full
        # garbage collection visits them and delays all requests for a third of a second.
        gc.freeze()
        flags = self._flags
        self._batcher = batcher = (
            Batcher(self._batching, timeout_seconds=max(flags.rest_api_timeout_in_ms, 0) / 1000)
            if self._batching is not None
            else None
        )
        self.core = core = ServerCore(
            loader=self._load,
            options=ManagerOptions(
                num_load_threads=flags.num_load_threads,
                num_unload_threads=flags.num_unload_threads,
                max_num_load_retries=flags.max_num_load_retries,
                load_retry_interval_micros=flags.load_retry_interval_micros,
            ),
            poll_seconds=flags.file_system_poll_wait_seconds,
            allow_labels_for_unavailable=flags.allow_version_labels_for_unavailable_models,
        )
        if self._stopping.is_set():
            core.stop()
        workers = Workers(flags.rest_api_num_threads)
        try:
            await asyncio.to_thread(core.start, self._config)
            if not self._stopping.is_set():
                api = RestApi(
                    core=core,
                    workers=workers,
                    batcher=batcher,
                    metrics=self.metrics,
                    check_method_names=flags.enable_signature_method_name_check,
                )
                await self._listen(listener, api, loop)
        finally:
            core.stop()
            workers.stop()
            if batcher is not None:
                batcher.stop()

    async def _listen(
        self, listener: socket.socket, api: RestApi, loop: asyncio.AbstractEventLoop
    ) -> None:
        state = ServerState(
            api=api,
            metrics=self.metrics,
            metrics_path=self._metrics_path,
            cors=self._flags.rest_api_enable_cors_support,
            loop=loop,
            loop_thread=threading.get_ident(),
        )
        try:
            server = await loop.create_server(
                lambda: Connection(state), sock=listener, backlog=BACKLOG
            )
        except OSError as error:  # several sockets may bind a port, only one may listen
            raise CannotListen(self.port, error) from None
        if self._flags.model_config_file and self._flags.model_config_file_poll_wait_seconds > 0:
            threading.Thread(target=self._poll_config, name="config-poll", daemon=True).start()
        sweeper = asyncio.create_task(_sweep(state))
        logger.info("Exporting HTTP/REST API at:localhost:%d ...", self.port)
        assert self._stop_requested is not None  # set in _serve  # noqa: S101
        await self._stop_requested.wait()
        sweeper.cancel()
        server.close()
        await _finish(state)

    def _load(self, version: ServableId, directory: Path) -> SavedModel:
        try:
            model = SavedModel(directory, self._session_options)
            try:
                if self._flags.enable_model_warmup:
                    iterations = max(self._flags.num_request_iterations_for_warmup, 1)
                    run = model.run_tensors
                    if self._batcher is not None:
                        run = partial(self._batcher.run, model)
                    count = warm_up(model, directory, run=run, iterations=iterations)
                    if count:
                        logger.info("%s warmed up with %d records", version, count)
            except BaseException:
                model.close()
                raise
        except BaseException:
            self.metrics.record_load(path=str(directory), succeeded=False)
            raise
        self.metrics.record_load(path=str(directory), succeeded=True)
        return model

    def _read_config(self) -> ModelServerConfig:
        if self._flags.model_config_file:
            return read_text_proto(Path(self._flags.model_config_file), ModelServerConfig())
        return single_model(self._flags.model_name, self._flags.model_base_path)

    def _read_metrics_path(self) -> str | None:
        if not self._flags.monitoring_config_file:
            return None
        config = read_text_proto(Path(self._flags.monitoring_config_file), MonitoringConfig())
        prometheus = config.prometheus_config
        return (prometheus.path or METRICS_PATH) if prometheus.enable else None

    def _poll_config(self) -> None:
        """Read the configuration at intervals; errors are logged and change nothing."""
        while not self._stopping.wait(self._flags.model_config_file_poll_wait_seconds):
            try:
                config = self._read_config()
            except StatusError as error:
                logger.error("Failed to read ModelServerConfig file: %s", error.message)
                continue
            assert self.core is not None  # set before polling starts  # noqa: S101
            try:
                self.core.reload(config)
            except StatusError as error:
                logger.error(
                    "PollFilesystemAndReloadConfig failed to ReloadConfig: %s", error.message
                )
            except Exception:
                logger.exception("PollFilesystemAndReloadConfig failed to ReloadConfig")


async def _sweep(state: ServerState) -> None:
    """Close connections whose clients have been silent for too long."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        now = time.monotonic()
        for connection in list(state.connections):
            if connection.is_stale(now):
                connection.close()


async def _finish(state: ServerState) -> None:
    """Close idle connections, and wait up to FINISH_SECONDS for requests in progress."""
    until = time.monotonic() + FINISH_SECONDS
    while True:
        for connection in list(state.connections):
            if not connection.is_busy:
                connection.close()
        if not state.connections or time.monotonic() > until:
            return
        await asyncio.sleep(0.02)
