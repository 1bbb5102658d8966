"""Requests that share a run: contract, section 8."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.server.runtime.batching import Batcher, BatchingOptions, Outcome, read_batching_options
from serving.server.runtime.saved_model import SavedModel, SessionOptions
from serving.server.status import Code, StatusError
from serving.versions.declared_tensors import MAX_BATCH
from tests.harness.model_server import config_text, model_server_thread
from tests.harness.rest_client import Client
from tests.serving.server import models


class RecordingModel:
    """A model that doubles its input and records the shapes; a test can block it."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()

    def run_tensors(self, feeds: Any, fetches: Any, values: Any) -> list[Any]:
        self.entered.set()
        self.go.wait(30)
        self.sizes.append(values[0].shape)
        return [values[0] * 2]


BATCHERS: list[Batcher] = []


@pytest.fixture(autouse=True)
def stop_batchers() -> Iterator[None]:
    yield
    while BATCHERS:
        BATCHERS.pop().stop()


class Batched:
    def __init__(self, options: BatchingOptions, *, timeout_seconds: float = 0) -> None:
        self.model = RecordingModel()
        self.batcher = Batcher(options, timeout_seconds=timeout_seconds)
        BATCHERS.append(self.batcher)
        self.outcomes: dict[int, Outcome] = {}
        self.changed = threading.Condition()

    def submit(self, number: int, values: Any) -> None:
        def done(outcome: Outcome) -> None:
            with self.changed:
                self.outcomes[number] = outcome
                self.changed.notify_all()

        model: Any = self.model
        self.batcher.submit(model, ("x:0",), ("y:0",), [np.array(values, np.float32)], done)

    def wait(self, count: int) -> dict[int, Outcome]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.outcomes) >= count, timeout=30)
            return dict(self.outcomes)


def blocked(options: BatchingOptions, **more: Any) -> Batched:
    """Return a batcher whose only thread is blocked by a first task, so that tasks queue."""
    batched = Batched(options, **more)
    batched.model.go.clear()
    batched.submit(0, [0])
    assert batched.model.entered.wait(30)
    return batched


def values(outcome: Outcome) -> Any:
    assert not isinstance(outcome, StatusError)
    return outcome[0].tolist()


def test_queued_tasks_run_together() -> None:
    batched = blocked(BatchingOptions(num_batch_threads=1, max_batch_size=4))
    for number, value in enumerate([[1], [2, 3], [4], [5]], start=1):
        batched.submit(number, value)
    batched.model.go.set()
    outcomes = batched.wait(5)
    assert [values(outcomes[each]) for each in range(1, 5)] == [[2], [4, 6], [8], [10]]
    assert batched.model.sizes == [(1,), (4,), (1,)]


def test_timeout_and_allowed_batch_sizes() -> None:
    options = BatchingOptions(
        num_batch_threads=1, max_batch_size=8, batch_timeout_seconds=0.2, allowed_batch_sizes=(4, 8)
    )
    batched = Batched(options)
    batched.submit(1, [1])
    batched.submit(2, [2, 3])
    outcomes = batched.wait(2)
    assert (values(outcomes[1]), values(outcomes[2])) == ([2], [4, 6])
    assert batched.model.sizes == [(4,)]


def test_different_shapes_run_separately_or_padded() -> None:
    batched = blocked(BatchingOptions(num_batch_threads=1, max_batch_size=8))
    batched.submit(1, [[1, 2]])
    batched.submit(2, [[3]])
    batched.model.go.set()
    outcomes = batched.wait(3)
    assert (values(outcomes[1]), values(outcomes[2])) == ([[2, 4]], [[6]])
    padding = BatchingOptions(
        num_batch_threads=1, max_batch_size=8, pad_variable_length_inputs=True
    )
    batched = blocked(padding)
    batched.submit(1, [[1, 2]])
    batched.submit(2, [[3]])
    batched.model.go.set()
    outcomes = batched.wait(3)
    assert (values(outcomes[1]), values(outcomes[2])) == ([[2, 4]], [[6, 6]])
    assert batched.model.sizes[1:] == [(2, 2)]


def test_full_queue() -> None:
    batched = blocked(
        BatchingOptions(num_batch_threads=1, max_batch_size=1, max_enqueued_batches=2)
    )
    batched.submit(1, [1])
    batched.submit(2, [2])
    with pytest.raises(StatusError) as raised:
        batched.submit(3, [3])
    assert raised.value.code is Code.UNAVAILABLE
    batched.model.go.set()
    batched.wait(3)


def test_tasks_time_out_in_the_queue() -> None:
    batched = blocked(BatchingOptions(num_batch_threads=1, max_batch_size=1), timeout_seconds=0.05)
    batched.submit(1, [1])
    threading.Event().wait(0.1)
    batched.model.go.set()
    late = batched.wait(2)[1]
    assert isinstance(late, StatusError)
    assert late.code is Code.DEADLINE_EXCEEDED


def test_large_tasks_are_split() -> None:
    options = BatchingOptions(num_batch_threads=1, max_batch_size=10, max_execution_batch_size=3)
    batched = Batched(options)
    batched.submit(1, list(range(8)))
    assert values(batched.wait(1)[1]) == [each * 2 for each in range(8)]
    assert batched.model.sizes == [(3,), (3,), (2,)]


def test_parameters(tmp_path: Path) -> None:
    assert read_batching_options("", processors=2) == BatchingOptions(num_batch_threads=2)
    file = tmp_path / "batching.config"
    file.write_text(
        "max_batch_size { value: 8 } batch_timeout_micros { value: 1500 } "
        "max_enqueued_batches { value: 3 } num_batch_threads { value: 5 } "
        "allowed_batch_sizes: 4 allowed_batch_sizes: 8 pad_variable_length_inputs: true "
        'thread_pool_name { value: "x" }'
    )
    assert read_batching_options(str(file), processors=2) == BatchingOptions(
        num_batch_threads=5,
        max_batch_size=8,
        batch_timeout_seconds=0.0015,
        max_enqueued_batches=3,
        allowed_batch_sizes=(4, 8),
        pad_variable_length_inputs=True,
    )
    for text, message in (
        ("max_batch_size { value: 0 }", "max_batch_size must be positive"),
        ("allowed_batch_sizes: 4 max_batch_size { value: 8 }", "Last entry"),
        ("allowed_batch_sizes: [8, 4] max_batch_size { value: 4 }", "monotonically"),
        ("nonsense: 1", "Invalid protobuf file"),
    ):
        file.write_text(text)
        with pytest.raises(StatusError, match=message):
            read_batching_options(str(file), processors=2)


def test_bundled_parameters() -> None:
    bundled = Path(__file__).parents[4] / "serving" / "batching.config"
    assert read_batching_options(str(bundled), processors=2).max_batch_size == MAX_BATCH


@pytest.fixture(scope="module")
def batching_client(
    several_models: dict[str, tuple[Path, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    directory = tmp_path_factory.mktemp("batching")
    names = ("half_plus_two", "two", "echo_float", "scalar_output", "reshaped", "examples", "table")
    config = directory / "models.config"
    config.write_text(config_text({name: several_models[name] for name in names}))
    monitoring = directory / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    parameters = directory / "batching.config"
    parameters.write_text("max_batch_size { value: 4 } batch_timeout_micros { value: 1000 }")
    with model_server_thread(
        model_config_file=str(config),
        enable_batching=True,
        batching_parameters_file=str(parameters),
        monitoring_config_file=str(monitoring),
    ) as client:
        yield client


def test_rest_requests(batching_client: Client) -> None:
    client = batching_client
    assert client.predict("half_plus_two", {"instances": [1, 2]}).json == {
        "predictions": [2.5, 3.0]
    }
    body = {"inputs": {"a": [1], "b": [2]}}
    assert client.predict("two", body).json == {"outputs": {"sum": [3.0], "difference": [-1.0]}}
    for name, sent, message in (
        (
            "half_plus_two",
            {"instances": [1, 2, 3, 4, 5]},
            "Task size 5 is larger than maximum input batch size 4",
        ),
        (
            "two",
            {"inputs": {"a": [1], "b": [1, 2]}},
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
        (
            "echo_float",
            {"inputs": 1},
            "Batching Run() input tensors must have at least one dimension",
        ),
    ):
        reply = client.predict(name, sent)
        assert (reply.status, reply.error) == (400, message)
    reply = client.predict("reshaped", {"instances": [1, 2, 3]})
    assert reply.status == 400
    assert "fold" in reply.error
    reply = client.post("/v1/models/examples:classify", {"examples": [{"x": 0.25}]})
    assert reply.json == {"results": [[["yes", 0.25], ["no", 0.75]]]}
    assert client.predict("table", {"instances": ["two"]}).json == {"predictions": [2]}


def test_runtime_latency_is_recorded(batching_client: Client) -> None:
    batching_client.predict("half_plus_two", {"instances": [1]})
    page = batching_client.get("/monitoring/prometheus/metrics").body.decode()
    labels = 'API="Predict",model_name="half_plus_two",runtime="TF1"'
    assert f":tensorflow:serving:runtime_latency_count{{{labels}}}" in page


def test_concurrent_requests_get_their_own_answers(batching_client: Client) -> None:
    def ask(number: int) -> Any:
        return batching_client.predict("half_plus_two", {"instances": [number]}).json

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(120)))
    assert answers == [{"predictions": [number / 2 + 2]} for number in range(120)]


def test_parameters_without_the_flag_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(StatusError, match="batching_parameters_file is set without setting"),
        model_server_thread(model_base_path="/x", batching_parameters_file=str(tmp_path / "x")),
    ):
        pass


def test_saved_model(tmp_path: Path) -> None:
    directory = models.write_model(tmp_path / "1", {"serving_default": models.half_plus_two})
    model = SavedModel(directory, SessionOptions())
    outputs = model.run(model.signatures["serving_default"], {"x": np.array([1.0], np.float32)})
    assert outputs["y"].tolist() == [2.5]
    model.close()
