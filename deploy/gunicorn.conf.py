"""gunicorn's settings for the site: `gunicorn -c deploy/gunicorn.conf.py webui.wsgi`.

No --preload: connections to Cassandra that were made before a fork hang, and a process that
starts afresh starts clean.
"""

import atexit
import ctypes
import logging.config
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from webui.environment import Environment
from webui.operations.logs import logging_config
from webui.parent_process import end_with_parent

ROOT = Path(__file__).resolve().parent.parent

MOST_WORKERS = 4  # by default: a prediction waits for the model server, not for our own CPU

_environment = Environment(os.environ)
_host = _environment.host("HOST", default="127.0.0.1")
_port = _environment.integer("PORT", default=8000, least=1, most=65535)
bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
chdir = str(ROOT)

workers = _environment.integer(
    "WEB_CONCURRENCY",
    default=min(MOST_WORKERS, multiprocessing.cpu_count() + 1),
    least=1,
    most=256,
)
worker_class = "webui.http_server.worker.BufferingWorker"  # slow clients hold no thread
threads = _environment.integer("WEB_THREADS", default=8, least=1, most=256)
worker_connections = 800  # of a worker; most systems allow a process 1,024 open files
timeout = 60  # seconds without a heartbeat from a worker; the model server gets 10
graceful_timeout = 15  # seconds for running requests when told to stop
keepalive = 5  # seconds; under a threaded worker a waiting connection holds no thread
max_requests = 50_000  # then a worker is replaced: a leak anywhere stays small
max_requests_jitter = 5_000

# What a request line and its headers may hold; bodies are limited by the site itself.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190


# The site itself decides which proxy to believe (webui/access/addresses.py). gunicorn takes the
# scheme from a header, and SCRIPT_NAME, which is part of every address on the site, from nobody.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

accesslog = None  # the site logs each request itself, as JSON with its id
errorlog = None  # its lines go the way of the site's, as JSON
loglevel = "warning"
control_socket_disable = True
proc_name = "drawn-digits"

# Heartbeats of workers are files; on a disk they would wait for it.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

# A directory of this start alone: counters of the rate limit and of the metrics. Workers
# inherit the names, before they import prometheus-client, which reads its own at import.
if not _environment.text("RUNTIME_DIR"):
    _made = tempfile.mkdtemp(prefix="drawn-digits-")
    os.environ["RUNTIME_DIR"] = _made
    _owner = os.getpid()

    def _remove() -> None:
        if os.getpid() == _owner:  # not when a worker ends
            shutil.rmtree(_made, ignore_errors=True)

    atexit.register(_remove)
_metrics = _environment.directory("RUNTIME_DIR", default=ROOT / "var" / "run") / "metrics"
if _environment.text("PROMETHEUS_MULTIPROC_DIR") != str(_metrics):
    shutil.rmtree(_metrics, ignore_errors=True)  # counts of an earlier start
    _metrics.mkdir(parents=True, mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)


def on_starting(_server: Any) -> None:
    """Have gunicorn's own lines logged like the site's: as JSON."""
    logging.config.dictConfig(logging_config())


def post_fork(_server: Any, _worker: Any) -> None:
    """Have a worker end with its master, even if the master is killed."""
    end_with_parent()


M_MMAP_THRESHOLD = -3  # mallopt(3)
MMAP_BYTES = 1024 * 1024


def return_large_blocks() -> None:
    """Let glibc give every block of a megabyte back to the system as soon as it is freed.

    By default a large block that is freed raises the threshold, up to 32 MB, and a thread then
    keeps up to 64 MB of what it once used: measured under 24 clients with bodies of 7 MB.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)


def post_worker_init(_worker: Any) -> None:
    """Start what works while nobody draws: the spool's replay, pruning, and the canary's watch."""
    return_large_blocks()
    from webui.records.prune_timer import PruneTimer
    from webui.records.store import store
    from webui.rollout.canary_timer import CanaryTimer

    store()
    PruneTimer().start()
    CanaryTimer().start()


def child_exit(_server: Any, worker: Any) -> None:
    """Drop a dead worker's gauges; its counters are kept."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)
