"""The OpenAPI document against the running API: schemathesis, and each error provoked."""

from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
OPERATIONS = (
    *("predict", "predict_batch", "read_drawing"),
    *("list", "read", "picture", "ink", "explain", "delete", "correct"),
    *("join_collection", "collection", "leave_collection", "end_collection"),
    *("collect", "discard_drawing"),
)

# No schema can describe the bytes of a picture, or that of two parameters one is given.
STRICTER = ("predict", "predict_batch", "read_drawing", "list", "collect")


def load_schema() -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


@pytest.fixture
def document() -> dict[str, Any]:
    """The document as it is served."""
    document: dict[str, Any] = Client().get("/api/v1/openapi.json").json()
    return document


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations of a document by their ids."""
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def test_every_operation_is_tested(document: dict[str, Any]) -> None:
    assert set(operations(document)) == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_responses_are_as_documented(name: str) -> None:
    """Status, content type, body, error code and headers of what schemathesis sends."""
    results = list(load_schema().get_all_operations())
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(operations) == len(results)
    operation = next(each for each in operations if each.definition.raw["operationId"] == name)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance] * (name in STRICTER))

    check()


def references(part: Any) -> set[str]:
    """Return every `$ref` below a part of the document."""
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(references, part.values()))
    return set().union(*map(references, part)) if isinstance(part, list) else set()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        found: Any = document
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
    schemes = {
        name
        for operation in operations(document).values()
        for each in operation["security"]
        for name in each
    }
    assert schemes == set(document["components"]["securitySchemes"])


def test_every_example_is_of_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if content is None:
                continue
            validator = jsonschema_rs.Draft202012Validator(
                {**content["schema"], "components": document["components"]}
            )
            examples = [each["value"] for each in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            assert examples, f"{operation['operationId']} has no example of a {status}"
            for example in examples:
                validator.validate(example)
                checked += 1
    assert checked > len(OPERATIONS)


@pytest.mark.parametrize(
    ("status", "header"),
    [
        ("401", "WWW-Authenticate"),
        ("429", "Retry-After"),
        ("429", "RateLimit"),
        ("503", "Retry-After"),
        ("201", "Location"),
        ("201", "Idempotent-Replayed"),
        ("201", "RateLimit-Policy"),
        ("409", "X-Request-ID"),
    ],
)
def test_headers_are_documented(document: dict[str, Any], status: str, header: str) -> None:
    assert header in operations(document)["predict"]["responses"][status]["headers"]
