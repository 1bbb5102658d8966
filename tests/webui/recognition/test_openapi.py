"""The API against its own schema: whatever schemathesis makes up, the answer is as documented."""

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model")]
OPERATIONS = ("predict", "read", "delete", "correct")


def described() -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


def test_every_operation_is_tested_here() -> None:
    paths = described().raw_schema["paths"].values()
    named = {operation["operationId"] for path in paths for operation in path.values()}
    assert named == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_are_as_documented(name: str) -> None:
    results = list(described().get_all_operations())
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(operations) == len(results)
    operation = next(one for one in operations if one.definition.raw["operationId"] == name)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        # That bytes are a picture, no schema can say: made-up ones are rightly refused.
        case.call_and_validate(excluded_checks=[positive_data_acceptance] * (name == "predict"))

    check()
