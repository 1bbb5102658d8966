"""The REST API: from a method, a path and a body to an answer (`http_rest_api_handler.cc`)."""

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
    RunExamples,
    check_method_name,
    classify,
    read_examples,
    regress,
)
from serving.server.json.fast_path import read_predict_fast
from serving.server.json.model_documents import metadata_document, status_document
from serving.server.json.predict_request import Format, check_shapes, read_predict
from serving.server.json.predict_response import write_predict
from serving.server.json.writer import error_body
from serving.server.metrics import Metrics
from serving.server.runtime.batching import Batcher, Outcome
from serving.server.runtime.saved_model import (
    DEFAULT_SIGNATURE,
    Array,
    SavedModel,
    Signature,
    Tensors,
)
from serving.server.runtime.workers import Workers
from serving.server.status import (
    HTTP_STATUS,
    Code,
    StatusError,
    from_exception,
    invalid_argument,
)
from serving.server.versions.manager import LoaderHarness
from serving.server.versions.server_core import ServerCore

logger = logging.getLogger(__name__)

# http_rest_api_util.cc; matched against path and query, before any decoding
PREDICTION_PATH = re.compile(
    r"(?i:/v1/models/([^/:]+)(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?"
    r":(classify|regress|predict))"
)
MODEL_PATH = re.compile(
    r"(?i:/v1/models(?:/([^/:]+))?(?:(?:/versions/([0-9]+))|(?:/labels/([^/:]+)))?"
    r"(?:/(metadata))?)"
)
INT64_MAX = 2**63 - 1
# Beyond this many bytes reading a body holds up the other connections; a worker does it.
INLINE_BODY = 128 * 1024
MOST_UNPACKED = 100 * 1024 * 1024  # gzip_zlib.h, kMaxUncompressedBytes

JSON = "application/json"
CORS_HEADERS = (
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Methods: POST, GET\r\n"
    "Access-Control-Allow-Headers: Content-Type\r\n"
)


class Answer(NamedTuple):
    """An HTTP status, a body and its type."""

    status: int
    body: bytes
    content_type: str = JSON


Reply = Callable[[Answer], None]


class Target(NamedTuple):
    """Which version of which model a path names."""

    name: str
    version: int | None
    label: str | None


class _VersionTooLarge(Exception):
    """A version beyond int64: the one error with an empty body."""


@dataclass
class _Call:
    """One predict, classify or regress request on its way."""

    target: Target
    method: str
    body: bytes
    reply: Reply
    started: float
    held: LoaderHarness | None = None


class RestApi:
    """Answers everything below /v1/. `handle` is called on the event loop's thread."""

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
        """Answers by calling `reply` once, now or later, from this thread or another."""
        started = time.monotonic()
        name = ""
        try:
            if method == "POST":
                matched = PREDICTION_PATH.fullmatch(path)
                if matched is not None:
                    target = _target(*matched.group(1, 2, 3))
                    name = target.name
                    if matched.group(4) in ("classify", "regress", "predict"):
                        call = _Call(target, matched.group(4), body, reply, started)
                        self._begin(call, gzip=gzip)
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
            # A label is not looked at here; all versions come back.
            states = self._core.monitor.versions(target.name)
            return status_document(target.name, target.version, states)
        managed = self._acquire(target)
        try:
            defs = _model(managed).signature_defs
            return metadata_document(target.name, managed.id.version, defs)
        finally:
            self._core.manager.release(managed)

    def _acquire(self, target: Target) -> LoaderHarness:
        return self._core.acquire(target.name, version=target.version, label=target.label)

    # predict, classify, regress

    def _begin(self, call: _Call, *, gzip: bool) -> None:
        if gzip:
            self._workers.submit(lambda: self._unpack(call))
        elif len(call.body) > INLINE_BODY:
            self._workers.submit(lambda: self._read(call, in_worker=True))
        else:
            self._read(call, in_worker=False)

    def _unpack(self, call: _Call) -> None:
        call.body = unpack(call.body)
        self._read(call, in_worker=True)

    def _read(self, call: _Call, *, in_worker: bool) -> None:
        """Reads the body and starts the run; every failure is answered here."""
        try:
            if call.method == "predict":
                self._read_predict(call, in_worker=in_worker)
            else:
                self._read_examples(call, in_worker=in_worker)
        except Exception as failure:
            self._fail(call, failure)

    def _find_signature(self, call: _Call, name: str) -> Signature:
        if call.held is None:
            call.held = self._acquire(call.target)
        found = _model(call.held).signatures.get(name or DEFAULT_SIGNATURE)
        if found is None:
            raise invalid_argument(
                f'Serving signature name: "{name or DEFAULT_SIGNATURE}" not found in signature def'
            )
        return found

    def _read_predict(self, call: _Call, *, in_worker: bool) -> None:
        def find(name: str) -> Signature:
            return self._find_signature(call, name)

        signature, made, tensors = read_predict_fast(call.body, find) or read_predict(
            call.body, find
        )
        check_method_name("predict", signature, enforced=self._check_method_names)
        check_shapes(signature, tensors)
        call.body = b""
        managed = call.held
        assert managed is not None  # find() was called  # noqa: S101
        model = _model(managed)
        if self._batcher is not None:
            feeds = tuple(signature.inputs[name].tensor_name for name in tensors)
            fetches = tuple(output.tensor_name for output in signature.outputs.values())

            started = time.monotonic()

            def done(outcome: Outcome) -> None:
                if isinstance(outcome, StatusError):
                    self._fail(call, outcome)
                    return
                self._record_run(call, started)
                try:
                    outputs = dict(zip(signature.outputs, outcome, strict=True))
                    self._succeed(call, write_predict(signature, made, outputs))
                except Exception as failure:
                    self._fail(call, failure)

            self._batcher.submit(model, feeds, fetches, list(tensors.values()), done)
        elif in_worker:
            self._predict(call, model, signature, made, tensors)
        else:
            self._workers.submit(lambda: self._predict(call, model, signature, made, tensors))

    def _predict(
        self,
        call: _Call,
        model: SavedModel,
        signature: Signature,
        made: Format,
        tensors: Tensors,
    ) -> None:
        started = time.monotonic()
        try:
            outputs = model.run(signature, tensors)
            self._record_run(call, started)
            body = write_predict(signature, made, outputs)
        except Exception as failure:
            self._fail(call, failure)
        else:
            self._succeed(call, body)

    def _read_examples(self, call: _Call, *, in_worker: bool) -> None:
        request = read_examples(call.body)
        call.body = b""
        call.held = self._acquire(call.target)
        model = _model(call.held)
        name = request.signature_name or DEFAULT_SIGNATURE
        signature = model.signatures.get(name)
        if signature is None:
            raise invalid_argument(f"No signature was found with the name: {name}")
        check_method_name(call.method, signature, enforced=self._check_method_names)

        def work() -> None:
            try:
                answer = (classify if call.method == CLASSIFY else regress)(
                    signature, request.serialized, self._example_runner(call, model)
                )
            except Exception as failure:
                self._fail(call, failure)
            else:
                self._succeed(call, answer)

        if in_worker:
            work()
        else:
            self._workers.submit(work)

    def _example_runner(self, call: _Call, model: SavedModel) -> RunExamples:
        def run(feed: str, fetches: tuple[str, ...], examples: Array) -> list[Array]:
            started = time.monotonic()
            run_tensors = model.run_tensors
            if self._batcher is not None:
                run_tensors = partial(self._batcher.run, model)
            outputs = run_tensors((feed,), fetches, [examples])
            self._record_run(call, started)
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
            logger.exception("request failed", exc_info=failure)
        self._count(call.target.name, error.code, call.started, call.method)
        call.reply(_failure(error))

    def _release(self, call: _Call) -> None:
        held, call.held = call.held, None
        if held is not None:
            self._core.manager.release(held)

    def _count(self, name: str, code: Code, started: float, method: str) -> None:
        self._metrics.record_request(
            model=name, api=method, status=code.name, microseconds=_microseconds_since(started)
        )

    def _record_run(self, call: _Call, started: float) -> None:
        self._metrics.record_run(
            model=call.target.name, api=call.method, microseconds=_microseconds_since(started)
        )


def _microseconds_since(started: float) -> float:
    return (time.monotonic() - started) * 1e6


def preflight(origin: str) -> Answer:
    """OPTIONS below /v1/, with or without the CORS flag (`http_server.cc`)."""
    allowed = "http://" in origin or "https://" in origin
    return Answer(200 if allowed else 400, b"")


def unpack(body: bytes) -> bytes:
    """A gzip body unpacked; empty when it cannot be, or would be more than 100 MiB."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, MOST_UNPACKED + 1)
    except zlib.error:
        return b""
    if not unpacker.eof or len(text) > MOST_UNPACKED:
        return b""
    return text


def _target(name: str | None, version: str | None, label: str | None) -> Target:
    """Raises: _VersionTooLarge."""
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


def _model(managed: LoaderHarness) -> SavedModel:
    assert isinstance(managed.servable, SavedModel)  # the loader makes nothing else  # noqa: S101
    return managed.servable


def _failure(error: StatusError) -> Answer:
    return Answer(HTTP_STATUS[error.code], error_body(error.message))
