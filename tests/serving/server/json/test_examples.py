"""Classify and regress: contract, section 6."""

from pathlib import Path

import pytest

from tests.harness.model_server import model_server_thread
from tests.harness.rest_client import Client
from tests.serving.server import models

CLASSIFY = "/v1/models/examples:classify"
REGRESS = "/v1/models/examples:regress"


def test_classify(client: Client) -> None:
    reply = client.post(CLASSIFY, {"examples": [{"x": 0.25}, {"x": [1.0]}]})
    assert reply.json == {"results": [[["yes", 0.25], ["no", 0.75]], [["yes", 1.0], ["no", 0.0]]]}
    body = {"signature_name": "scores", "examples": [{"x": 0.5}]}
    assert client.post(CLASSIFY, body).json == {"results": [[["", 0.5]]]}


def test_regress(client: Client) -> None:
    body = {"signature_name": "regress", "examples": [{"x": 0.75}, {"x": 1.0, "n": 3}]}
    assert client.post(REGRESS, body).json == {"results": [1.5, 5.0]}


def test_context(client: Client) -> None:
    body = {
        "signature_name": "regress",
        "context": {"n": 10, "x": 4.0},
        "examples": [{"x": 1.0}, {"n": 1}, {"s": {"b64": "aGk="}}],
    }
    assert client.post(REGRESS, body).json == {"results": [12.0, 9.0, 18.0]}


@pytest.mark.parametrize("path", [CLASSIFY, REGRESS])
def test_errors(client: Client, path: str) -> None:
    def error(body: object) -> str:
        reply = client.post(path, body)
        assert reply.status == 400
        return reply.error

    assert "When method is classify, key 'examples' is expected and was not found" in error({})
    assert "'examples' value is an empty array" in error({"examples": []})
    assert "Expecting 'examples' value to be an list/array" in error({"examples": 1})
    assert error({"examples": [1]}) == "Example must be JSON object but got JSON Number"
    assert error({"examples": [{"x": [1.0, "a"]}]}) == (
        "Unexpected element type in feature: x expecting type: float"
    )
    assert "Feature: x has uint64_t element. Only int64_t is supported." in error(
        {"examples": [{"x": 2**63}]}
    )
    assert "Feature: x has element with unexpected JSON type: Null" in error(
        {"examples": [{"x": None}]}
    )
    assert "unexpected JSON type: Array" in error({"examples": [{"x": [[1.0]]}]})
    assert error({"signature_name": "n", "examples": [{}]}) == (
        "No signature was found with the name: n"
    )
    assert "'signature_name' key must be a string value." in error(
        {"signature_name": 1, "examples": [{}]}
    )
    # A whole number becomes an int64 feature, but parse_example needs a float.
    assert "x" in error({"signature_name": "regress", "examples": [{"x": 2}]})


def test_unsuitable_signatures(client: Client) -> None:
    body = {"signature_name": "plain", "examples": [{"x": 1.0}]}
    assert "No classification inputs found" in client.post(CLASSIFY, body).error
    assert "No regression inputs found" in client.post(REGRESS, body).error
    body = {"signature_name": "regress", "examples": [{"x": 1.0}]}
    assert (
        "Expected classification signature outputs to contain" in client.post(CLASSIFY, body).error
    )
    body = {"examples": [{"x": 1.0}]}
    assert client.post(REGRESS, body).error == "Expected one output Tensor."


def test_method_names(tmp_path: Path) -> None:
    for name, method in (("c", models.CLASSIFY), ("p", models.PREDICT)):
        make = {"serving_default": models.classified}
        models.write_model(tmp_path / name / "1", make, method_name=method)
    body = {"examples": [{"x": 1.0}]}
    for name, status in (("c", 200), ("p", 400)):
        with model_server_thread(
            model_name="m",
            model_base_path=str(tmp_path / name),
            enable_signature_method_name_check=True,
        ) as client:
            reply = client.post("/v1/models/m:classify", body)
            assert reply.status == status
            if status == 400:
                assert reply.error == (
                    "Expected classification signature method_name to be "
                    "tensorflow/serving/classify. Was: tensorflow/serving/predict"
                )
