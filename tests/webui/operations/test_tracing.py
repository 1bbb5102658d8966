"""Traces of a real site, as a collector gets them; and nothing of them while they are off."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.harness import ROOT
from tests.harness.drawings import SEVEN
from tests.harness.fake_model_server import SURE_SEVEN, fake_model_server
from tests.harness.site import SiteProcess
from tests.harness.waiting import wait_until
from webui.operations.tracing import PERSONAL


class _Collector(ThreadingHTTPServer):
    """An OTLP collector that keeps the spans it gets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.spans: list[Any] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[_Collector]:
    with _Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_a_request_and_what_it_asks_the_model_server_are_one_trace(
    tmp_path: Path, collector: _Collector
) -> None:
    with fake_model_server() as model:
        model.predictions = [SURE_SEVEN]
        site = SiteProcess(
            tmp_path,
            SERVING_URL=model.url,
            MODELS_DIR=str(tmp_path),
            WEB_CONCURRENCY="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="200",
        )
        site.succeed("migrate", "--verbosity=0")
        site.start()
        try:
            answer = requests.post(
                f"{site.url}/api/v1/predictions?secret=1",
                files={"image": SEVEN},
                headers={"X-Request-ID": "seen-in-the-logs", "User-Agent": "a-browser/1"},
                timeout=60,
            )
            assert answer.status_code == 201, answer.text
            wait_until(
                lambda: any("request.id" in attributes(span) for span in collector.spans),
                message="the collector has the request",
                details=site.log_end,
            )
        finally:
            site.stop()
    (request,) = [one for one in collector.spans if "request.id" in attributes(one)]  # no probe
    assert attributes(request)["request.id"] == "seen-in-the-logs"
    inner = [one for one in collector.spans if one.parent_span_id == request.span_id]
    assert any(model.url in str(attributes(one).values()) for one in inner)
    assert {one.trace_id for one in inner} == {request.trace_id}
    sent = str(collector.spans)
    assert "a-browser" not in sent
    assert "secret" not in sent
    assert not any(attributes(request).get(name) for name in PERSONAL)


def import_the_site(before: str, after: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Import the site in a process of its own, between two statements."""
    site = SiteProcess(ROOT / "var", **settings)
    return subprocess.run(
        [sys.executable, "-c", f"import sys; {before}; import webui.wsgi; {after}"],
        cwd=ROOT,
        env={**site.environment, "DATABASE_URL": "sqlite:////nonexistent/site.sqlite3"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_while_they_are_off_nothing_of_opentelemetry_is_imported() -> None:
    found = "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    finished = import_the_site("pass", found)
    assert finished.stdout == "[]\n", finished.stderr


def test_without_the_packages_the_error_says_what_to_install() -> None:
    without = "sys.modules['opentelemetry'] = None"
    finished = import_the_site(without, "pass", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert finished.returncode != 0
    assert "install requirements/tracing.txt" in finished.stderr
