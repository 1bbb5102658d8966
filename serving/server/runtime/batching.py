"""Combines requests that arrive together into one run of the model (`--enable_batching`).

Follows TensorFlow Serving's `BatchingSession` on a `SharedBatchScheduler`: one queue for each
set of fed and fetched tensors, a batch runs when it is full or its timeout is over, all queues
share the threads, and the parameters file has the same names and defaults.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np

from serving.protos.serving_config_pb2 import BatchingParameters
from serving.server.runtime.saved_model import Array, SavedModel
from serving.server.status import (
    Code,
    StatusError,
    failed_precondition,
    from_exception,
    invalid_argument,
)
from serving.server.versions.config import read_text_proto

MAX_BATCH_SIZE = 1000  # SharedBatchScheduler::QueueOptions
MAX_ENQUEUED_BATCHES = 10

Outcome: TypeAlias = "list[Array] | StatusError"
DoneCallback = Callable[[Outcome], None]


@dataclass(frozen=True)
class BatchingOptions:
    """The fields of BatchingParameters."""

    num_batch_threads: int
    max_batch_size: int = MAX_BATCH_SIZE
    batch_timeout_seconds: float = 0.0
    max_enqueued_batches: int = MAX_ENQUEUED_BATCHES
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    max_execution_batch_size: int = 0  # larger tasks are split; 0: max_batch_size, no splitting


def read_batching_options(file: str, *, processors: int) -> BatchingOptions:
    """Read a BatchingParameters file; `""` stands for the defaults.

    Raises:
        StatusError: the file cannot be read, or a value is not valid.
    """
    parameters = BatchingParameters()
    if file:
        read_text_proto(Path(file), parameters)

    def number(name: str, default: int) -> int:
        value = int(getattr(parameters, name).value) if parameters.HasField(name) else default
        if value < (0 if name == "batch_timeout_micros" else 1):
            raise invalid_argument(f"{name} must be positive; was {value}")
        return value

    size = number("max_batch_size", MAX_BATCH_SIZE)
    split = parameters.enable_large_batch_splitting.value
    execution = number("max_execution_batch_size", size) if split else size
    if execution > size:
        raise invalid_argument(
            f"max_execution_batch_size {execution} is larger than max_batch_size {size}"
        )
    allowed = tuple(parameters.allowed_batch_sizes)
    if allowed:
        if list(allowed) != sorted(set(allowed)) or allowed[0] < 1:
            raise invalid_argument(
                "allowed_batch_sizes entries must be positive and monotonically increasing"
            )
        if allowed[-1] != execution:
            raise invalid_argument(
                "Last entry in allowed_batch_sizes must match max_batch_size; last entry was "
                f"{allowed[-1]}; expected {execution}"
            )
    return BatchingOptions(
        num_batch_threads=number("num_batch_threads", processors),
        max_batch_size=size,
        batch_timeout_seconds=number("batch_timeout_micros", 0) / 1e6,
        max_enqueued_batches=number("max_enqueued_batches", MAX_ENQUEUED_BATCHES),
        allowed_batch_sizes=allowed,
        pad_variable_length_inputs=parameters.pad_variable_length_inputs,
        max_execution_batch_size=execution if split else 0,
    )


@dataclass
class _Task:
    values: Sequence[Array]
    size: int
    done: DoneCallback
    deadline: float


@dataclass
class _Batch:
    opened: float
    tasks: list[_Task] = field(default_factory=list)
    size: int = 0
    closed: bool = False


@dataclass(frozen=True)
class _Key:
    model: SavedModel
    feeds: tuple[str, ...]
    fetches: tuple[str, ...]


class Batcher:
    """Queues of batches, and the threads that run them."""

    def __init__(self, options: BatchingOptions, *, timeout_seconds: float) -> None:
        """Start the threads.

        Args:
            options: the batching parameters.
            timeout_seconds: the time that a task may wait for its run; 0: no limit.
        """
        self._options = options
        self._timeout_seconds = timeout_seconds
        self._queues: dict[_Key, deque[_Batch]] = {}
        self._ready = threading.Condition()
        self._stopped = False
        for index in range(options.num_batch_threads):
            threading.Thread(target=self._run, name=f"batch-{index}", daemon=True).start()

    def submit(
        self,
        model: SavedModel,
        feeds: tuple[str, ...],
        fetches: tuple[str, ...],
        values: Sequence[Array],
        done: DoneCallback,
    ) -> None:
        """Queue one run; a batching thread will call `done` once.

        Raises:
            StatusError: the task cannot be batched, or the queue is full.
        """
        size = _task_size(values)
        options = self._options
        if size > options.max_batch_size:
            raise invalid_argument(
                f"Task size {size} is larger than maximum input batch size {options.max_batch_size}"
            )
        limit = options.max_execution_batch_size
        if limit and size > limit:
            tasks = self._split(values, size, limit, done)
        else:
            tasks = [self._task(values, size, done)]
        self._enqueue(_Key(model, feeds, fetches), tasks)

    def run(
        self,
        model: SavedModel,
        feeds: tuple[str, ...],
        fetches: tuple[str, ...],
        values: Sequence[Array],
    ) -> list[Array]:
        """Queue one run and wait for its outputs.

        Raises:
            StatusError: the run failed, or could not be queued.
        """
        outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.submit(model, feeds, fetches, values, outcomes.put)
        outcome = outcomes.get()
        if isinstance(outcome, StatusError):
            raise outcome
        return outcome

    def stop(self) -> None:
        with self._ready:
            self._stopped = True
            self._ready.notify_all()

    def _task(self, values: Sequence[Array], size: int, done: DoneCallback) -> _Task:
        timeout = self._timeout_seconds or float("inf")
        return _Task(values, size, done, time.monotonic() + timeout)

    def _split(
        self, values: Sequence[Array], size: int, limit: int, done: DoneCallback
    ) -> list[_Task]:
        """Split a task that is too large for one run; `done` is called after the last part."""
        parts = _Parts((size + limit - 1) // limit, done)
        return [
            self._task(
                [value[start : start + limit] for value in values],
                min(limit, size - start),
                parts.callback(index),
            )
            for index, start in enumerate(range(0, size, limit))
        ]

    def _enqueue(self, key: _Key, tasks: list[_Task]) -> None:
        limit = self._options.max_execution_batch_size or self._options.max_batch_size
        with self._ready:
            if self._stopped:
                raise StatusError(Code.UNAVAILABLE, "The server is stopping")
            batches = self._queues.setdefault(key, deque())
            free = self._options.max_enqueued_batches - len(batches)
            fits_last = bool(batches) and batches[-1].size + tasks[0].size <= limit
            if len(tasks) - (1 if fits_last else 0) > free:
                raise StatusError(
                    Code.UNAVAILABLE,
                    "The batch scheduling queue to which this task was submitted is full; task "
                    f"size is {sum(task.size for task in tasks)} but the queue already holds "
                    f"{len(batches)} of {self._options.max_enqueued_batches} batches",
                )
            for task in tasks:
                last = batches[-1] if batches else None
                if last is None or last.closed or last.size + task.size > limit:
                    if last is not None:
                        last.closed = True
                    last = _Batch(opened=time.monotonic())
                    batches.append(last)
                last.tasks.append(task)
                last.size += task.size
                last.closed = last.closed or last.size >= limit
            self._ready.notify()

    def _run(self) -> None:
        while True:
            with self._ready:
                while (due := self._next()) is None:
                    if self._stopped:
                        return
                    self._ready.wait(self._seconds_to_next())
            _run_batch(*due, self._options)
            del due  # holds the model, which may be unloaded while this thread waits

    def _next(self) -> tuple[_Key, _Batch] | None:
        """Remove and return the oldest batch that is full or due."""
        now = time.monotonic()
        chosen: _Key | None = None
        oldest = float("inf")
        for key, batches in self._queues.items():
            first = batches[0]
            due = first.closed or now >= first.opened + self._options.batch_timeout_seconds
            if due and first.opened < oldest:
                chosen, oldest = key, first.opened
        if chosen is None:
            return None
        batch = self._queues[chosen].popleft()
        if not self._queues[chosen]:
            del self._queues[chosen]
        return chosen, batch

    def _seconds_to_next(self) -> float | None:
        """Return the seconds until a queued batch is due; None if none is queued."""
        opened = min((batches[0].opened for batches in self._queues.values()), default=None)
        if opened is None:
            return None
        return max(opened + self._options.batch_timeout_seconds - time.monotonic(), 0.0)


class _Parts:
    """The outcomes of a split task; the last one calls `done` with all, or the first failure."""

    def __init__(self, count: int, done: DoneCallback) -> None:
        self._parts: list[list[Array] | None] = [None] * count
        self._missing = count
        self._failure: StatusError | None = None
        self._done = done
        self._lock = threading.Lock()

    def callback(self, index: int) -> DoneCallback:
        def part_done(outcome: Outcome) -> None:
            with self._lock:
                if isinstance(outcome, StatusError):
                    self._failure = self._failure or outcome
                else:
                    self._parts[index] = outcome
                self._missing -= 1
                if self._missing:
                    return
            self._done(self._failure or self._joined())

        return part_done

    def _joined(self) -> list[Array]:
        parts = [part for part in self._parts if part is not None]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _task_size(values: Sequence[Array]) -> int:
    """Return the common first dimension of a task's tensors (`batching_session.cc`)."""
    if not values:
        raise invalid_argument("Batching session Run() must have at least one input tensor")
    sizes: set[int] = set()
    for value in values:
        if value.ndim == 0:
            raise invalid_argument("Batching Run() input tensors must have at least one dimension")
        sizes.add(value.shape[0])
    if len(sizes) > 1:
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return sizes.pop()


def _run_batch(key: _Key, batch: _Batch, options: BatchingOptions) -> None:
    """Run tasks of equal shapes together, and call every task's `done`."""
    now = time.monotonic()
    groups: dict[tuple[tuple[int, ...], ...], list[_Task]] = {}
    for task in batch.tasks:
        if now > task.deadline:
            task.done(
                StatusError(
                    Code.DEADLINE_EXCEEDED, "Run() timeout exceeded while waiting in batching queue"
                )
            )
            continue
        padded = options.pad_variable_length_inputs
        shapes = tuple((value.ndim,) if padded else value.shape[1:] for value in task.values)
        groups.setdefault(shapes, []).append(task)
    for tasks in groups.values():
        try:
            outcomes: Sequence[Outcome] = _run_group(key, tasks, options)
        except Exception as failure:
            outcomes = [from_exception(failure)] * len(tasks)
        for task, outcome in zip(tasks, outcomes, strict=True):
            task.done(outcome)


def _run_group(key: _Key, tasks: list[_Task], options: BatchingOptions) -> list[list[Array]]:
    size = sum(task.size for task in tasks)
    run_size = next((each for each in options.allowed_batch_sizes if each >= size), size)
    merged = [
        _merged([task.values[index] for task in tasks], run_size) for index in range(len(key.feeds))
    ]
    outputs = key.model.run_tensors(key.feeds, key.fetches, merged)
    if len(tasks) == 1 and run_size == size:
        return [outputs]
    for output in outputs:
        if output.ndim == 0:
            raise failed_precondition("Batched output tensor has 0 dimensions")
        if output.shape[0] != run_size:
            raise failed_precondition(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                "dimension sizes of the input tensors"
            )
    answers: list[list[Array]] = []
    start = 0
    for task in tasks:
        answers.append([output[start : start + task.size] for output in outputs])
        start += task.size
    return answers


def _merged(values: list[Array], size: int) -> Array:
    """Concatenate arrays to `size` rows.

    Missing rows repeat the first row; short rows are padded with their first element.
    """
    if len({value.shape[1:] for value in values}) > 1:
        width = tuple(
            max(each) for each in zip(*(value.shape[1:] for value in values), strict=True)
        )
        values = [_padded(value, width) for value in values]
    missing = size - sum(value.shape[0] for value in values)
    if missing:
        values = [*values, np.repeat(values[0][:1], missing, axis=0)]
    return values[0] if len(values) == 1 else np.concatenate(values)


def _padded(value: Array, width: tuple[int, ...]) -> Array:
    if value.shape[1:] == width:
        return value
    padded = np.empty((value.shape[0], *width), value.dtype)
    padded.fill(value.flat[0] if value.size else (b"" if value.dtype == np.object_ else 0))
    padded[tuple(slice(0, each) for each in value.shape)] = value
    return padded
