"""Load by wrk, with the CPU time that it costs everybody who takes part."""

import json
import resource
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.process_tree import cpu_seconds

SCRIPT = Path(__file__).with_name("post.lua")


class NoWrk(Exception):
    """wrk is not installed."""

    def __str__(self) -> str:
        return "wrk is missing, which makes the load: apt-get install wrk"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A server that reads drawings.

    Attributes:
        url: of the requests.
        bodies: a folder of 64 request bodies, named 0 to 63.
        processes: for each part of the server a process, with all below it.
    """

    name: str
    url: str
    bodies: Path
    content_type: str
    processes: Mapping[str, int]
    cookie: str = ""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a server did under load; times in milliseconds."""

    rate: float  # requests a second
    p50: float
    p99: float
    failed: int  # requests without an answer of 2xx or 3xx
    cpu: Mapping[str, float] = field(default_factory=dict)  # for a request, by part
    generator_cpu: float  # wrk's own, for a request


def put_under_load(subject: Subject, *, clients: int, seconds: float) -> Load:
    """Post drawings over so many connections, each as soon as its last answer is there.

    Raises:
        NoWrk
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise NoWrk
    before = {part: cpu_seconds(pid) for part, pid in subject.processes.items()}
    used = _children_seconds()
    finished = subprocess.run(
        [
            *(wrk, "--threads", "1", "--connections", str(clients), "--duration", f"{seconds:g}s"),
            *("--timeout", "30s", "--latency", "--script", str(SCRIPT), subject.url),
            *("--", str(subject.bodies), subject.content_type, subject.cookie),
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=True,
    )
    measured = json.loads(finished.stdout.splitlines()[-1])
    count = max(measured["requests"], 1)
    return Load(
        rate=measured["requests"] / measured["seconds"],
        p50=measured["p50"],
        p99=measured["p99"],
        failed=measured["failed"],
        cpu={
            part: 1000 * (cpu_seconds(pid) - before[part]) / count
            for part, pid in subject.processes.items()
        },
        generator_cpu=1000 * (_children_seconds() - used) / count,
    )


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)  # of those that have ended: wrk
    return usage.ru_utime + usage.ru_stime
