"""Paths and methods: contract, section 1."""

import pytest

from tests.harness.rest_client import Client

BODY = {"instances": [1.0]}


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/models/x", "//v1/models/half_plus_two", "/x?y"])
def test_paths_outside_v1(client: Client, path: str) -> None:
    reply = client.get(path)
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "text/html"
    assert reply.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/half_plus_two:predict"),
        ("POST", "/v1/models/half_plus_two"),
        ("PUT", "/v1/models/half_plus_two:predict"),
        ("DELETE", "/v1/models/half_plus_two"),
        ("PATCH", "/v1/models/half_plus_two:predict"),
        ("GET", "/v1/models/half_plus_two/"),
        ("GET", "/v1/models/half_plus_two/version/3"),
        ("GET", "/v1/models/half_plus_two/versions/abc"),
        ("GET", "/v1/models/half_plus_two/versions/3/labels/x"),
        ("POST", "/v1/models/half_plus_two/metadata"),
        ("POST", "/v1/models/half_plus_two:explain"),
        ("POST", "/v1/models/half_plus_two:PREDICT"),
        ("POST", "/v1/models/half_plus_two:predict?a=b"),
        ("GET", "/v1/models/half_plus_two/metadata?a=b"),
        ("GET", "/v1/"),
        ("GET", "/v1/other"),
    ],
)
def test_malformed_requests(client: Client, method: str, path: str) -> None:
    reply = client.ask(method, path, b"{}" if method != "GET" else None)
    assert reply.status == 400
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.error == f"Malformed request: {method} {path}"


def test_head_has_no_body(client: Client) -> None:
    reply = client.ask("HEAD", "/v1/models/half_plus_two")
    assert (reply.status, reply.body) == (400, b"")


def test_paths_ignore_case_but_metadata_does_not(client: Client) -> None:
    assert client.post("/V1/MODELS/half_plus_two:predict", BODY).status == 200
    assert "model_version_status" in client.get("/v1/models/half_plus_two/METADATA").json
    assert "metadata" in client.get("/v1/models/half_plus_two/metadata").json


def test_query_is_part_of_the_name(client: Client) -> None:
    reply = client.get("/v1/models/half_plus_two?a=1")
    assert reply.status == 404
    assert reply.error == "Could not find any versions of model half_plus_two?a=1"


def test_name_is_decoded_after_the_match(client: Client) -> None:
    assert client.predict("half%5Fplus_two", BODY).status == 200
    reply = client.get("/v1/models/a%2Fb%3Ac")
    assert reply.error == "Could not find any versions of model a/b:c"


def test_version_beyond_int64_has_an_empty_body(client: Client) -> None:
    reply = client.get("/v1/models/m/versions/9223372036854775808")
    assert (reply.status, reply.body) == (400, b"")
    assert reply.headers["Content-Type"] == "application/json"
    reply = client.post("/v1/models/m/versions/99999999999999999999:predict", BODY)
    assert (reply.status, reply.body) == (400, b"")


def test_leading_zeros_of_a_version(client: Client) -> None:
    assert client.post("/v1/models/half_plus_two/versions/0003:predict", BODY).status == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/versions/5", "/v1/models/labels/x"])
def test_missing_name(client: Client, path: str) -> None:
    reply = client.get(path)
    assert reply.status == 400
    assert reply.error == "Missing model name in request."


def test_preflight_with_and_without_origin(client: Client) -> None:
    good = client.ask("OPTIONS", "/v1/models/m", headers={"Origin": "http://x.example"})
    assert (good.status, good.body) == (200, b"")
    assert "Access-Control-Allow-Origin" not in good.headers
    bad = client.ask("OPTIONS", "/v1/models/m")
    assert (bad.status, bad.body) == (400, b"")


def test_content_type_of_the_request_is_ignored(client: Client) -> None:
    reply = client.ask(
        "POST",
        "/v1/models/half_plus_two:predict",
        b'{"instances": [1.0]}',
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert reply.json == {"predictions": [2.5]}


def test_unknown_models_versions_and_labels(client: Client) -> None:
    assert (
        client.predict("unknown", BODY).error == "Servable not found for request: Latest(unknown)"
    )
    reply = client.post("/v1/models/half_plus_two/versions/99:predict", BODY)
    assert reply.status == 404
    assert reply.error == "Servable not found for request: Specific(half_plus_two, 99)"
    for name in ("half_plus_two", "unknown"):
        reply = client.post(f"/v1/models/{name}/labels/none:predict", BODY)
        assert reply.status == 400
        assert reply.error == "Unrecognized servable version label: none"


def test_order_of_checks(client: Client) -> None:
    assert client.predict("unknown", b"{").status == 400
    assert client.predict("unknown", {"instances": [], "signature_name": 1}).status == 400
    assert client.predict("unknown", {"instances": []}).status == 404
    for verb in ("classify", "regress"):
        path = f"/v1/models/unknown:{verb}"
        assert client.post(path, {"examples": [1]}).status == 400
        assert client.post(path, {"examples": [{}]}).status == 404
