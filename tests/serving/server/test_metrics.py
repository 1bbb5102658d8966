"""The Prometheus page: contract, section 8."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.server.metrics import Metrics
from tests.harness.rest_client import Client

PAGE = "/monitoring/prometheus/metrics"
REQUEST_COUNT = ":tensorflow:serving:request_count_total"  # the parser adds _total to counters
RUNTIME = ":tensorflow:serving:runtime_latency_count"
EXAMPLES = ":tensorflow:serving:request_example_counts"
EXAMPLE_TOTAL = ":tensorflow:serving:request_example_count_total"


def value(client: Client, name: str, **labels: str) -> float:
    """Return a sample's value, 0 for a sample that is not on the page."""
    for family in text_string_to_metric_families(client.get(PAGE).body.decode()):
        for sample in family.samples:
            if (sample.name, sample.labels) == (name, labels):
                return float(sample.value)
    return 0.0


@pytest.mark.parametrize(
    ("model", "instance", "status"),
    [
        ("half_plus_two", 1.0, "OK"),
        ("half_plus_two", "x", "INVALID_ARGUMENT"),
        ("unknown", 1.0, "NOT_FOUND"),
    ],
)
def test_requests_are_counted_by_status(
    client: Client, model: str, instance: object, status: str
) -> None:
    before = value(client, REQUEST_COUNT, model_name=model, status=status)
    client.predict(model, {"instances": [instance]})
    assert value(client, REQUEST_COUNT, model_name=model, status=status) == before + 1


def test_request_latency(client: Client) -> None:
    client.predict("half_plus_two", {"instances": [1.0]})
    reply = client.get(PAGE)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain"
    lines = reply.body.decode().splitlines()
    assert "# TYPE :tensorflow:serving:request_count counter" in lines
    assert "# TYPE :tensorflow:serving:request_latency histogram" in lines
    assert not any(line.startswith("# HELP") for line in lines)
    labels = {"model_name": "half_plus_two", "API": "predict", "entrypoint": "REST"}
    buckets = {
        sample.labels["le"]: sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
        if sample.name == ":tensorflow:serving:request_latency_bucket"
        and sample.labels.items() >= labels.items()
    }
    assert len(buckets) == 34
    assert next(iter(buckets)) == "10"
    assert list(buckets.values()) == sorted(buckets.values())
    count = value(client, ":tensorflow:serving:request_latency_count", **labels)
    assert buckets["+Inf"] == count > 0


@pytest.mark.parametrize(
    ("model", "method", "body", "examples"),
    [
        ("half_plus_two", "predict", {"instances": [1.0]}, 0),
        ("examples", "classify", {"examples": [{"x": 0.25}, {"x": 1.0}]}, 2),
        ("examples", "regress", {"signature_name": "regress", "examples": [{"x": 1.0}] * 3}, 3),
    ],
)
def test_runs_and_examples(
    client: Client, model: str, method: str, body: object, examples: int
) -> None:
    run_labels = {"model_name": model, "API": method.capitalize(), "runtime": "TF1"}
    runs = value(client, RUNTIME, **run_labels)
    total = value(client, EXAMPLE_TOTAL, model=model)
    requests = value(client, f"{EXAMPLES}_count", model=model)
    assert client.post(f"/v1/models/{model}:{method}", body).status == 200
    assert value(client, RUNTIME, **run_labels) == runs + 1
    assert value(client, EXAMPLE_TOTAL, model=model) == total + examples
    assert value(client, f"{EXAMPLES}_count", model=model) == requests + bool(examples)


def test_loads_are_counted(client: Client) -> None:
    assert (
        ':tensorflow:cc:saved_model:load_attempt_count{model_path="'
        in client.get(PAGE).body.decode()
    )


def test_example_limits_are_powers_of_two() -> None:
    metrics = Metrics()
    metrics.record_examples(model="m", count=3)
    lines = metrics.page().decode().splitlines()
    buckets = [line for line in lines if line.startswith(f"{EXAMPLES}_bucket")]
    assert buckets[1:3] == [
        f'{EXAMPLES}_bucket{{le="2",model="m"}} 0.0',
        f'{EXAMPLES}_bucket{{le="4",model="m"}} 1.0',
    ]
    assert len(buckets) == 16


def test_a_model_name_that_is_not_utf8_does_not_break_the_page(client: Client) -> None:
    assert client.predict('a%FF%0A"', {"instances": [1.0]}).status == 404
    name = 'a\N{REPLACEMENT CHARACTER}\n"'
    assert value(client, REQUEST_COUNT, model_name=name, status="NOT_FOUND") == 1


def test_the_path_is_exact(client: Client) -> None:
    reply = client.get(f"{PAGE}?a=b")
    assert reply.status == 400
    assert reply.body.decode() == f"Unexpected path: {PAGE}?a=b. Should be {PAGE}"
