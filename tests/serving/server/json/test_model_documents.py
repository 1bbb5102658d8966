"""Status and metadata: contract, sections 4 and 5."""

from tests.harness.rest_client import Client


def test_status(client: Client) -> None:
    expected = {
        "model_version_status": [
            {
                "version": "3",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
    for path in ("", "/versions/3", "/labels/unknown"):
        reply = client.get(f"/v1/models/half_plus_two{path}")
        assert reply.status == 200
        assert reply.json == expected
    assert client.get("/v1/models/x").error == "Could not find any versions of model x"
    for name in ("half_plus_two", "x"):
        reply = client.get(f"/v1/models/{name}/versions/99")
        assert reply.status == 404
        assert reply.error == f"Could not find version 99 of model {name}"


def test_metadata(client: Client) -> None:
    reply = client.get("/v1/models/half_plus_two/metadata")
    assert reply.json["model_spec"] == {
        "name": "half_plus_two",
        "signature_name": "",
        "version": "3",
    }
    definition = reply.json["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert definition["inputs"]["x"] == {
        "dtype": "DT_FLOAT",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        "name": "Placeholder:0",
    }
    assert definition["method_name"] == "tensorflow/serving/predict"
    assert definition["defaults"] == {}
    assert client.get("/v1/models/half_plus_two/versions/3/metadata").json == reply.json


def test_unknown_rank(client: Client) -> None:
    document = client.get("/v1/models/echo_float/metadata").json["metadata"]["signature_def"]
    shape = document["signature_def"]["serving_default"]["inputs"]["x"]["tensor_shape"]
    assert shape == {"dim": [], "unknown_rank": True}


def test_errors_of_metadata(client: Client) -> None:
    assert client.get("/v1/models/x/metadata").error == "Servable not found for request: Latest(x)"
    reply = client.get("/v1/models/half_plus_two/versions/9/metadata")
    assert reply.error == "Servable not found for request: Specific(half_plus_two, 9)"
    reply = client.get("/v1/models/half_plus_two/labels/x/metadata")
    assert (reply.status, reply.error) == (400, "Unrecognized servable version label: x")
