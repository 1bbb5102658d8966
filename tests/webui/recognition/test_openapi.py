"""Requests that schemathesis generates from the OpenAPI document get documented responses."""

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
OPERATIONS = (
    *("predict", "predict_batch", "read_drawing"),
    *("list", "read", "picture", "ink", "delete", "correct"),
)


# No schema can describe the bytes of a picture, or that of two parameters one is given.
STRICTER = ("predict", "predict_batch", "read_drawing", "list")


def load_schema() -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


def test_every_operation_is_tested() -> None:
    paths = load_schema().raw_schema["paths"].values()
    ids = {operation["operationId"] for path in paths for operation in path.values()}
    assert ids == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_responses_are_as_documented(name: str) -> None:
    results = list(load_schema().get_all_operations())
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(operations) == len(results)
    operation = next(each for each in operations if each.definition.raw["operationId"] == name)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance] * (name in STRICTER))

    check()
