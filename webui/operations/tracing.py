"""Traces by OpenTelemetry: of each request, what was asked of the model server and of Cassandra.

They are off, and nothing of OpenTelemetry is imported, unless OTEL_EXPORTER_OTLP_ENDPOINT names a
collector. Its other variables (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, …) count as usual.
"""

import os
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from opentelemetry.trace import Span

NAME = "drawn-digits"
NOT_TRACED = "healthz,readyz,metrics"
# Attributes of a request's span that name the visitor, or hold what stands behind the address.
PERSONAL = (
    "client.address", "client.port", "net.peer.ip", "net.peer.port", "http.user_agent",
    "user_agent.original", "url.query", "http.target", "http.url", "url.full",
)  # fmt: skip


def start_tracing() -> None:
    """Trace this process; called before Django reads its middleware.

    OpenTelemetry reads the collector's address from the environment by itself.

    Raises:
        ImproperlyConfigured: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.cassandra import CassandraInstrumentor
        from opentelemetry.instrumentation.django import DjangoInstrumentor
        from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as problem:
        raise ImproperlyConfigured(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed ({problem}); "
            "install requirements/tracing.txt, or unset the variable"
        ) from problem
    os.environ.setdefault("OTEL_SERVICE_NAME", NAME)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(excluded_urls=NOT_TRACED, response_hook=_complete)
    URLLib3Instrumentor().instrument()
    CassandraInstrumentor().instrument()


def _complete(span: "Span", _request: HttpRequest, response: HttpResponse) -> None:
    """Give a request's span the id that its log lines have, and take what names the visitor."""
    span.set_attribute("request.id", response.get("X-Request-ID", ""))
    for name in PERSONAL:
        span.set_attribute(name, "")
