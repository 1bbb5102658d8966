"""Measures the embedded model server's requests per second, compared with TensorFlow alone.

The limit is a loop that calls the SavedModel's signature directly, one instance a call, without
HTTP, JSON or batching. All parts are measured in turn in the same run, for several rounds, and
the medians are reported, so that other load on the machine affects all parts alike.

    make bench-serving                # or: python benchmarks/model_server.py --rounds 3
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.harness.ports import free_port, is_listening  # noqa: E402
from tests.harness.waiting import wait_until  # noqa: E402

BUNDLED = ROOT / "serving" / "models" / "digits"
BATCHING = ROOT / "serving" / "batching.config"
CONNECTIONS = (1, 8, 32)
DIRECT_LOOP = """
import os, sys, time
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import numpy as np, tensorflow as tf
path, seconds = sys.argv[1], float(sys.argv[2])
signature = tf.saved_model.load(path).signatures["serving_default"]
instance = np.random.default_rng(0).random((1, 28, 28, 1), np.float32)
for _ in range(50):
    signature(image=tf.constant(instance))
latencies = []
until = time.perf_counter() + seconds
while (start := time.perf_counter()) < until:
    signature(image=tf.constant(instance))["probabilities"].numpy()
    latencies.append(time.perf_counter() - start)
latencies.sort()
count = len(latencies)
print(count / seconds, latencies[count // 2] * 1e3, latencies[count * 99 // 100] * 1e3)
"""


@dataclass(frozen=True)
class Measured:
    """Requests a second; the median and the 99th percentile of a request, in milliseconds."""

    rate: float
    p50: float
    p99: float


class LoadClient(asyncio.Protocol):
    """One keep-alive connection that sends a request as soon as the last one is answered."""

    def __init__(self, request: bytes, latencies: list[float]) -> None:
        self.request = request
        self.latencies = latencies
        self.buffer = b""
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self.latencies.append(time.perf_counter() - self.sent_at)
        self.failed += not head.startswith(b"HTTP/1.1 200")
        self.buffer = b""
        self.send()


def request_bytes(port: int) -> bytes:
    """Return a request as the site sends it: 784 pixels, most of them blank, four decimals."""
    rows = [[[round(0.9 * (8 < y < 20 and 12 < x < 16), 4)] for x in range(28)] for y in range(28)]
    body = json.dumps({"instances": [rows]}).encode()
    head = (
        "POST /v1/models/digits:predict HTTP/1.1\r\n"
        f"Host: localhost:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(port: int, connections: int, seconds: float) -> Measured:
    """Send requests on `connections` connections for `seconds`; a failed one ends the benchmark."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    request = request_bytes(port)
    clients = [
        (await loop.create_connection(lambda: LoadClient(request, latencies), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(1)  # warm-up
    latencies.clear()
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    rate = len(latencies) / (time.perf_counter() - start)
    ordered = sorted(latencies)
    for client in clients:
        client.transport.close()
        assert not client.failed, f"{client.failed} requests failed"
    return Measured(rate, ordered[len(ordered) // 2] * 1e3, ordered[len(ordered) * 99 // 100] * 1e3)


def measure_direct(model: Path, seconds: float) -> Measured:
    done = subprocess.run(
        [sys.executable, "-c", DIRECT_LOOP, str(model), str(seconds)],
        check=True,
        capture_output=True,
        text=True,
    )
    return Measured(*map(float, done.stdout.split()))


def measure_server(model: Path, seconds: float, *, batching: bool) -> dict[int, Measured]:
    port = free_port()
    flags = ["--enable_batching", f"--batching_parameters_file={BATCHING}"] if batching else []
    with tempfile.TemporaryDirectory() as base:
        (Path(base) / model.name).symlink_to(model)
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "serving.server", f"--rest_api_port={port}"),
                *("--model_name=digits", f"--model_base_path={base}", *flags),
                "--rest_api_bind_address=127.0.0.1",
            ],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: is_listening(port) or server.poll() is not None)
            assert server.poll() is None, "the server ended"
            return {each: run(port, each, seconds) for each in CONNECTIONS}
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def run(port: int, connections: int, seconds: float) -> Measured:
    import uvloop

    measured: Measured = uvloop.run(load(port, connections, seconds))
    return measured


def median(several: list[Measured]) -> Measured:
    return Measured(
        statistics.median(each.rate for each in several),
        statistics.median(each.p50 for each in several),
        statistics.median(each.p99 for each in several),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    versions = sorted((p for p in BUNDLED.glob("[0-9]*")), key=lambda p: int(p.name))
    parser.add_argument("--model", type=Path, default=versions[-1] if versions else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    arguments = parser.parse_args()
    if arguments.model is None:
        sys.exit(f"no model under {BUNDLED}: name a version's directory with --model")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    model = arguments.model.resolve()
    limits: list[Measured] = []
    plain: list[dict[int, Measured]] = []
    batched: list[dict[int, Measured]] = []
    for _ in range(arguments.rounds):
        limits.append(measure_direct(model, arguments.seconds))
        plain.append(measure_server(model, arguments.seconds, batching=False))
        batched.append(measure_server(model, arguments.seconds, batching=True))
    limit = median(limits)
    print(f"Model {model.name}, medians of {arguments.rounds} rounds, {os.cpu_count()} cores\n")
    print("| | connections | requests/s | of the limit | p50 ms | p99 ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    print(
        f"| signature called directly (the limit) | - | {limit.rate:.0f} | 1.00 | "
        f"{limit.p50:.2f} | {limit.p99:.2f} |"
    )
    for title, rounds in (("embedded server", plain), ("with batching", batched)):
        for connections in CONNECTIONS:
            ratio = statistics.median(
                each[connections].rate / direct.rate
                for each, direct in zip(rounds, limits, strict=True)
            )
            figures = median([each[connections] for each in rounds])
            print(
                f"| {title} | {connections} | {figures.rate:.0f} | {ratio:.2f} | "
                f"{figures.p50:.2f} | {figures.p99:.2f} |"
            )


if __name__ == "__main__":
    main()
