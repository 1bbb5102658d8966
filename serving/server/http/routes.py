"""The REST API: answers a method, a path and a body (`http_rest_api_handler.cc`)."""

import logging
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from serving.server.json.examples import (
    CLASSIFY,
    METHOD_NAMES,
    RunExamples,
    check_method_name,
    classify,
    read_examples,
    regress,
)
from serving.server.json.fast_path import read_predict_fast
from serving.server.json.model_documents import metadata_document, status_document
from serving.server.json.predict_request import check_shapes, read_predict
from serving.server.json.predict_response import write_predict
from serving.server.json.writer import error_body
from serving.server.metrics import Metrics
from serving.server.runtime.batching import Batcher
from serving.server.runtime.saved_model import DEFAULT_SIGNATURE, Array, SavedModel, Signature
from serving.server.runtime.workers import Workers
from serving.server.status import HTTP_STATUS, Code, StatusError, from_exception, invalid_argument
from serving.server.versions.loader_harness import LoaderHarness
from serving.server.versions.server_core import ServerCore

logger = logging.getLogger(__name__)

# http_rest_api_util.cc; matched against path and query before percent-decoding
PREDICTION_PATH = re.compile(
    r"(?i:/v1/models/([^/:]+)(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?"
    r":(classify|regress|predict))"
)
MODEL_PATH = re.compile(
    r"(?i:/v1/models(?:/([^/:]+))?(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?"
    r"(?:/(metadata))?)"
)
INT64_MAX = 2**63 - 1
# Larger bodies are parsed by a worker, because parsing delays all other connections.
INLINE_BODY_BYTES = 128 * 1024
MAX_UNPACKED_BYTES = 100 * 1024 * 1024  # gzip_zlib.h, kMaxUncompressedBytes

JSON = "application/json"
CORS_HEADERS = (
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Methods: POST, GET\r\n"
    "Access-Control-Allow-Headers: Content-Type\r\n"
)


class Answer(NamedTuple):
    """An HTTP status, a body and its content type."""

    status: int
    body: bytes
    content_type: str = JSON


Reply = Callable[[Answer], None]


class Target(NamedTuple):
    """The model, and the version or label, in a path."""

    name: str
    version: int | None
    label: str | None


class _VersionTooLarge(Exception):
    """The version does not fit int64: the only error with an empty body."""


@dataclass
class _Call:
    """One predict, classify or regress request in progress."""

    target: Target
    method: str
    body: bytes
    reply: Reply
    started: float
    run_started: float = 0.0
    harness: LoaderHarness | None = None


class RestApi:
    """Answers all requests below /v1/."""

    def __init__(
        self,
        *,
        core: ServerCore,
        workers: Workers,
        batcher: Batcher | None,
        metrics: Metrics,
        check_method_names: bool,
    ) -> None:
        self._core = core
        self._workers = workers
        self._batcher = batcher
        self._metrics = metrics
        self._check_method_names = check_method_names

    def handle(
        self, method: str, path: str, body: bytes, reply: Reply, *, gzip: bool = False
    ) -> None:
        """Answer a request; must be called on the event loop's thread.

        `reply` is called once, either before `handle` returns or later from another thread.
        """
        started = time.monotonic()
        name = ""
        try:
            if method == "POST":
                matched = PREDICTION_PATH.fullmatch(path)
                if matched is not None:
                    target = _target(*matched.group(1, 2, 3))
                    name = target.name
                    verb = matched.group(4)  # the pattern ignores case, TensorFlow Serving does not
                    if verb in METHOD_NAMES:
                        self._begin(_Call(target, verb, body, reply, started), gzip=gzip)
                        return
            elif method == "GET":
                matched = MODEL_PATH.fullmatch(path)
                if matched is not None:
                    target = _target(*matched.group(1, 2, 3))
                    name = target.name
                    document = self._document(target, metadata=matched.group(4) == "metadata")
                    self._count(name, Code.OK, started, "")
                    reply(Answer(200, document))
                    return
            raise invalid_argument(f"Malformed request: {method} {path}")
        except _VersionTooLarge:
            self._count(name, Code.INVALID_ARGUMENT, started, "")
            reply(Answer(400, b""))
        except StatusError as error:
            self._count(name, error.code, started, "")
            reply(_failure(error))

    def _document(self, target: Target, *, metadata: bool) -> bytes:
        if not target.name:
            raise invalid_argument("Missing model name in request.")
        if not metadata:
            # TensorFlow Serving ignores a label here and returns all versions.
            states = self._core.monitor.versions(target.name)
            return status_document(target.name, target.version, states)
        harness = self._acquire(target)
        try:
            defs = _model(harness).signature_defs
            return metadata_document(target.name, harness.id.version, defs)
        finally:
            self._core.manager.release(harness)

    def _acquire(self, target: Target) -> LoaderHarness:
        return self._core.acquire(target.name, version=target.version, label=target.label)

    def _begin(self, call: _Call, *, gzip: bool) -> None:
        if gzip:
            self._workers.submit(lambda: self._unpack(call))
        elif len(call.body) > INLINE_BODY_BYTES:
            self._workers.submit(lambda: self._read(call, in_worker=True))
        else:
            self._read(call, in_worker=False)

    def _unpack(self, call: _Call) -> None:
        call.body = unpack(call.body)
        self._read(call, in_worker=True)

    def _read(self, call: _Call, *, in_worker: bool) -> None:
        """Read the body and start the run; answer all errors."""
        try:
            if call.method == "predict":
                self._read_predict(call, in_worker=in_worker)
            else:
                self._read_examples(call, in_worker=in_worker)
        except Exception as failure:
            self._fail(call, failure)

    def _find_signature(self, call: _Call, name: str) -> Signature:
        if call.harness is None:
            call.harness = self._acquire(call.target)
        found = _model(call.harness).signatures.get(name or DEFAULT_SIGNATURE)
        if found is None:
            raise invalid_argument(
                f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in signature def'
            )
        return found

    def _read_predict(self, call: _Call, *, in_worker: bool) -> None:
        def find(name: str) -> Signature:
            return self._find_signature(call, name)

        request = read_predict_fast(call.body, find) or read_predict(call.body, find)
        signature, request_format, tensors = request
        check_method_name("predict", signature, enforced=self._check_method_names)
        check_shapes(signature, tensors)
        call.body = b""
        assert call.harness is not None  # set by find()  # noqa: S101
        model = _model(call.harness)
        feeds = tuple(signature.inputs[name].tensor_name for name in tensors)
        fetches = tuple(output.tensor_name for output in signature.outputs.values())
        values = list(tensors.values())

        def done(outcome: list[Array] | Exception) -> None:
            if isinstance(outcome, Exception):
                self._fail(call, outcome)
                return
            self._record_run(call)
            try:
                outputs = dict(zip(signature.outputs, outcome, strict=True))
                body = write_predict(signature, request_format, outputs)
            except Exception as failure:
                self._fail(call, failure)
            else:
                self._succeed(call, body)

        def run() -> None:
            call.run_started = time.monotonic()
            try:
                outcome: list[Array] | Exception = model.run_tensors(feeds, fetches, values)
            except Exception as failure:
                outcome = failure
            done(outcome)

        if self._batcher is not None:
            call.run_started = time.monotonic()
            self._batcher.submit(model, feeds, fetches, values, done)
        else:
            self._run_in_worker(run, in_worker=in_worker)

    def _run_in_worker(self, job: Callable[[], None], *, in_worker: bool) -> None:
        if in_worker:
            job()
        else:
            self._workers.submit(job)

    def _read_examples(self, call: _Call, *, in_worker: bool) -> None:
        name, examples = read_examples(call.body)
        call.body = b""
        call.harness = self._acquire(call.target)
        model = _model(call.harness)
        name = name or DEFAULT_SIGNATURE
        signature = model.signatures.get(name)
        if signature is None:
            raise invalid_argument(f"No signature was found with the name: {name}")
        check_method_name(call.method, signature, enforced=self._check_method_names)

        def work() -> None:
            try:
                answer = (classify if call.method == CLASSIFY else regress)(
                    signature, examples, self._example_runner(call, model)
                )
            except Exception as failure:
                self._fail(call, failure)
            else:
                self._succeed(call, answer)

        self._run_in_worker(work, in_worker=in_worker)

    def _example_runner(self, call: _Call, model: SavedModel) -> RunExamples:
        def run(feed: str, fetches: tuple[str, ...], examples: Array) -> list[Array]:
            call.run_started = time.monotonic()
            run_tensors = model.run_tensors
            if self._batcher is not None:
                run_tensors = partial(self._batcher.run, model)
            outputs = run_tensors((feed,), fetches, [examples])
            self._record_run(call)
            self._metrics.record_examples(model=call.target.name, count=len(examples))
            return outputs

        return run

    def _succeed(self, call: _Call, body: bytes) -> None:
        self._release(call)
        self._count(call.target.name, Code.OK, call.started, call.method)
        call.reply(Answer(200, body))

    def _fail(self, call: _Call, failure: Exception) -> None:
        self._release(call)
        error = from_exception(failure)
        if error.code is Code.INTERNAL and not isinstance(failure, StatusError):
            logger.exception("Request failed", exc_info=failure)
        self._count(call.target.name, error.code, call.started, call.method)
        call.reply(_failure(error))

    def _release(self, call: _Call) -> None:
        harness, call.harness = call.harness, None
        if harness is not None:
            self._core.manager.release(harness)

    def _count(self, name: str, code: Code, started: float, method: str) -> None:
        self._metrics.record_request(
            model=name, api=method, status=code.name, microseconds=_microseconds_since(started)
        )

    def _record_run(self, call: _Call) -> None:
        self._metrics.record_run(
            model=call.target.name,
            api=call.method,
            microseconds=_microseconds_since(call.run_started),
        )


def _microseconds_since(started: float) -> float:
    return (time.monotonic() - started) * 1e6


def preflight(origin: str) -> Answer:
    """Answer OPTIONS below /v1/, with or without the CORS flag (`http_server.cc`)."""
    allowed = "http://" in origin or "https://" in origin
    return Answer(200 if allowed else 400, b"")


def unpack(body: bytes) -> bytes:
    """Unpack a gzip body; empty if it is damaged or unpacks to more than 100 MiB."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, MAX_UNPACKED_BYTES + 1)
    except zlib.error:
        return b""
    if not unpacker.eof or len(text) > MAX_UNPACKED_BYTES:
        return b""
    return text


def _target(name: str | None, version: str | None, label: str | None) -> Target:
    """Return the target of a matched path.

    Raises:
        _VersionTooLarge: the version does not fit int64.
    """
    number: int | None = None
    if version:
        digits = version.lstrip("0") or "0"
        if len(digits) > len(str(INT64_MAX)) or int(digits) > INT64_MAX:
            raise _VersionTooLarge
        number = int(digits)
    return Target(_decoded(name or ""), number, _decoded(label) if label else None)


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    raw = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _model(harness: LoaderHarness) -> SavedModel:
    assert isinstance(harness.servable, SavedModel)  # the only kind of servable  # noqa: S101
    return harness.servable


def _failure(error: StatusError) -> Answer:
    return Answer(HTTP_STATUS.get(error.code, 500), error_body(error.message))
