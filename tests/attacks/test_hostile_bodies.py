"""Bodies of eight megabytes that JSON's parser would turn into hundreds of megabytes of objects."""

import tracemalloc

import pytest
from django.test import Client

PATH = "/api/v1/predictions"
BODY_BYTES = 8_000_000
MOST_BYTES = 60_000_000  # measured: 32 million, four copies of the body; 270 million before


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["[]", "{}", "1.5", "[1,2,3]"])
def test_many_values_are_refused_before_they_are_parsed(client: Client, value: str) -> None:
    ink = ",".join([value] * (BODY_BYTES // (len(value) + 1) - 20))
    body = f'{{"image": "", "ink": [{ink}]}}'.encode()
    tracemalloc.start()
    try:
        response = client.post(PATH, body, content_type="application/json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code == 400
    assert "more than 400,000 values" in response.json()["error"]["message"]
    assert peak < MOST_BYTES
