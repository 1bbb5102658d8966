"""The driver's statements, as spans of the trace that they belong to."""

from opentelemetry.instrumentation.cassandra import CassandraInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.webui.records.factory import make_record
from webui.records_cassandra.store import CassandraStore


def test_a_record_s_statements_are_spans(store: CassandraStore) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = CassandraInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with provider.get_tracer("test").start_as_current_span("request") as request:
            store.append(make_record())
    finally:
        instrumentor.uninstrument()
    spans = [span for span in exporter.get_finished_spans() if span.parent is not None]
    assert spans
    assert {span.attributes["db.system"] for span in spans if span.attributes} == {"cassandra"}
    assert {span.context.trace_id for span in spans} == {request.get_span_context().trace_id}
