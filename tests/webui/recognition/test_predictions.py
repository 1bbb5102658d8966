"""The JSON API on the whole site, with a fake model server."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from serving.preprocessing import decode
from tests.harness.drawings import SEVEN, blank_picture, draw_seven, encoded
from tests.harness.fake_model_server import FakeModelServer
from tests.webui.predictions import PATH, post
from webui.access.keys import create_key, revoke
from webui.access.visitors import COOKIE
from webui.records.models import Record
from webui.records.store import StoreUnavailable, store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model")]
ANSWER = {
    "id", "predicted_at", "verdict", "digit", "confidence", "probabilities", "model", "instance",
    "recorded",
}  # fmt: skip


def error_code(response: Any) -> str:
    error = response.json()["error"]
    assert set(error) == {"code", "message", "request_id"}
    assert error["request_id"] == response["X-Request-ID"]
    assert error["message"]
    found: str = error["code"]
    return found


def test_a_prediction_is_recorded_and_answered(client: Client) -> None:
    ink = [[[1, 2, 0], [3.5, 4, 16]]]
    response = post(client, ink=json.dumps(ink))
    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == ANSWER
    assert (answer["verdict"], answer["digit"], answer["recorded"]) == ("digit", 7, "stored")
    assert answer["confidence"] == pytest.approx(0.91)
    assert answer["model"] == {"name": "digits", "version": 4, "label": "stable"}
    image = Image.open(BytesIO(base64.b64decode(answer["instance"])))
    assert (image.size, image.mode, image.format) == ((28, 28), "L", "PNG")
    at = datetime.fromisoformat(answer["predicted_at"])
    assert at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)

    record = store().get(UUID(answer["id"]))
    assert bytes(record.picture) == SEVEN  # unchanged
    assert bytes(record.instance) == image.tobytes()
    assert record.ink == ink
    assert record.visitor
    assert record.visitor not in response.cookies[COOKIE].value


def test_a_data_url_in_json_is_accepted(client: Client) -> None:
    url = "data:image/png;base64," + base64.b64encode(SEVEN).decode()
    response = client.post(PATH, {"image": url, "ink": None}, content_type="application/json")
    assert response.status_code == 201
    assert bytes(store().get(UUID(response.json()["id"])).picture) == SEVEN


def test_metadata_is_not_recorded(client: Client) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera's maker"
    picture = BytesIO()
    Image.open(BytesIO(SEVEN)).convert("RGB").save(picture, "JPEG", exif=exif, comment=b"at home")
    response = post(client, picture.getvalue())
    recorded = bytes(store().get(UUID(response.json()["id"])).picture)
    assert recorded[:2] == b"\xff\xd8"
    for part in (b"Exif", b"maker", b"at home"):
        assert part in picture.getvalue()
        assert part not in recorded


def test_a_large_picture_waits_for_others_or_is_told_to(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode.MEMORY, "seconds", 0.01)
    large = encoded(Image.new("RGB", (1200, 1200), "white"))
    with decode.MEMORY.reserved(decode.MEMORY.total):
        response = post(client, large)
        assert post(client).status_code == 201
    assert (response.status_code, error_code(response)) == (503, "busy")
    assert int(response["Retry-After"]) >= 1
    assert post(client, large).status_code == 422  # blank


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_three_formats_are_accepted(client: Client, format: str) -> None:
    assert post(client, draw_seven(format=format)).status_code == 201


def test_the_verdicts_unsure_and_not_a_digit(client: Client, model: FakeModelServer) -> None:
    model.predictions = [[0.3, 0.4] + [0.0375] * 8]
    answer = post(client).json()
    assert (answer["verdict"], answer["digit"]) == ("unsure", 1)
    model.predictions = [[0.01] * 10 + [0.9]]
    answer = post(client).json()
    assert (answer["verdict"], answer["digit"], len(answer["probabilities"])) == (
        "not_a_digit", None, 11,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("picture", "status", "word"),
    [
        (b"no picture", 415, "not_a_picture"),
        (b"", 415, "not_a_picture"),
        (blank_picture(), 422, "blank_picture"),
        (draw_seven(format="GIF"), 415, "not_a_picture"),
        (b"x" * (5 * 1024 * 1024 + 1), 413, "too_large"),
        (draw_seven(12_000), 413, "too_large"),
    ],
)
def test_wrong_pictures_are_refused(
    client: Client, picture: bytes, status: int, word: str, model: FakeModelServer
) -> None:
    response = post(client, picture)
    assert (response.status_code, error_code(response)) == (status, word)
    assert model.bodies == []
    assert not Record.objects.exists()


def test_a_body_is_refused_by_its_content_length(client: Client) -> None:
    class Unread(BytesIO):
        def read(self, *_args: Any) -> bytes:
            raise AssertionError("a byte was read")

    environ: dict[str, Any] = {"CONTENT_LENGTH": str(9 * 2**20), "wsgi.input": Unread()}
    response = client.generic("POST", PATH, b"", content_type="application/json", **environ)
    assert (response.status_code, error_code(response)) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        " ", "{", "[]", "null", "NaN", '{"image": 3}', '{"image": "x"}', "[" * 100_000,
        '{"image": "data:image/png;base64,@@"}', '{"image": "data:image/png,abc"}',
        '{"image": "data:image/png;base64,AAAA", "ink": 3}',
        '{"image": "data:image/png;base64,AAAA", "ink": [[[1, 2]]]}',
        '{"image": "data:image/png;base64,AAAA", "ink": [[[1, 2, true]]]}',
        '{"image": "data:image/png;base64,AAAA", "ink": [[[1, 2, 1e9]]]}',
        '{"image": "data:image/png;base64,AAAA", "ink": [[[1, 2, 1e999]]]}',
        '{"image": "data:image/png;base64,AAAA", "ink": [[[1, 2, -1' + "0" * 400 + "]]]}",
        '{"image": "data:image/png;base64,AAAA", "ink": [[[1, 2, 1' + "0" * 5000 + "]]]}",
    ],
)  # fmt: skip
def test_malformed_json_is_refused(client: Client, body: str) -> None:
    response = client.post(PATH, body, content_type="application/json")
    assert (response.status_code, error_code(response)) == (400, "malformed_request")


def test_malformed_forms_are_refused(client: Client) -> None:
    assert error_code(client.post(PATH, {})) == "malformed_request"
    assert error_code(client.post(PATH, {"image": "text"})) == "malformed_request"
    assert error_code(post(client, ink="[[[")) == "malformed_request"
    broken = client.post(PATH, b"--x\r\n", content_type="multipart/form-data; boundary=")
    assert (broken.status_code, error_code(broken)) == (400, "malformed_request")
    assert (
        error_code(client.post(PATH, b"x", content_type="text/plain")) == "unsupported_media_type"
    )


def test_a_number_of_more_than_309_digits_is_refused_with_the_usual_text(client: Client) -> None:
    response = post(client, ink="[[[1, 2, 1" + "0" * 400 + "]]]")
    assert (response.status_code, error_code(response)) == (400, "malformed_request")
    assert (
        "not three numbers [x, y, t_ms] of at most 10000000" in response.json()["error"]["message"]
    )


@pytest.mark.parametrize("sender", ["client", "browser_client"])  # its token is looked up first
def test_too_many_fields_are_refused_in_one_plain_log_line(
    sender: str, request: pytest.FixtureRequest, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    fields = {f"field{number}": "x" for number in range(1001)}
    response = request.getfixturevalue(sender).post(PATH, fields)
    assert (response.status_code, error_code(response)) == (400, "malformed_request")
    assert "more than 1000 fields" in response.json()["error"]["message"]
    lines = [line for line in log_lines() if "POST" in line.get("request", "")]
    assert [(line["event"], "exception" in line) for line in lines] == [("request_finished", False)]


def test_too_many_files_are_refused(client: Client) -> None:
    files = {f"file{number}": SimpleUploadedFile("d.png", b"x") for number in range(101)}
    response = client.post(PATH, files)
    assert (response.status_code, error_code(response)) == (400, "malformed_request")
    assert "more than 100 files" in response.json()["error"]["message"]


@pytest.mark.usefixtures("dead_model")
def test_without_a_model_server_the_answer_is_503(client: Client) -> None:
    response = post(client)
    assert (response.status_code, error_code(response)) == (503, "model_unavailable")
    assert int(response["Retry-After"]) >= 1
    assert not Record.objects.exists()


@pytest.mark.parametrize(
    "predictions",
    [
        [[float("nan")] * 10], [[0.1] * 9], [[0.1] * 12], [[0.5] * 10], [[0.0] * 10],
        [[0.1] * 10] * 2, [[float("inf")] + [0.0] * 9], "words", [],
    ],
)  # fmt: skip
def test_an_unusable_answer_is_not_recorded(
    client: Client, model: FakeModelServer, predictions: Any
) -> None:
    model.predictions = predictions
    response = post(client)
    assert response.status_code == 503
    assert error_code(response).startswith("model_")
    assert response.has_header("Retry-After")
    assert not Record.objects.exists()


def test_a_prediction_that_cannot_be_recorded_is_an_error(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_record: Record) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store(), "append", full)
    response = post(client)
    assert (response.status_code, error_code(response)) == (503, "store_unavailable")
    assert response.has_header("Retry-After")


def test_only_the_visitor_reads_corrects_and_deletes(client: Client) -> None:
    made = post(client).json()
    path = f"{PATH}/{made['id']}"
    stranger = Client()
    for response in (
        stranger.get(path),
        stranger.delete(path),
        stranger.post(f"{path}/correction", {"label": 1}, content_type="application/json"),
    ):
        assert (response.status_code, error_code(response)) == (404, "not_found")

    read = client.get(path).json()
    assert read.pop("correction") is None
    assert read == {name: made[name] for name in ANSWER - {"recorded"}}
    for label in (0, 9, "not_a_digit", None):
        corrected = client.post(
            f"{path}/correction", {"label": label}, content_type="application/json"
        )
        assert (corrected.status_code, corrected.json()["correction"]) == (200, label)
        assert client.get(path).json()["correction"] == label
    deleted = client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert client.get(path).status_code == client.delete(path).status_code == 404


@pytest.mark.parametrize("label", [10, -1, "7", True, 1.5, "digit", [], {}, 10**400, 1e300])
def test_wrong_labels_are_refused(client: Client, label: Any) -> None:
    path = f"{PATH}/{post(client).json()['id']}/correction"
    response = client.post(path, {"label": label}, content_type="application/json")
    assert (response.status_code, error_code(response)) == (400, "malformed_request")


def test_an_api_key_reaches_all_predictions_until_it_is_revoked(client: Client) -> None:
    path = f"{PATH}/{post(client).json()['id']}"
    kept, key = create_key(name="a program")
    program = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"})
    assert program.get(path).status_code == 200
    made = post(program)
    assert made.status_code == 201
    assert COOKIE not in made.cookies
    corrected = program.post(f"{path}/correction", {"label": 3}, content_type="application/json")
    assert corrected.status_code == 200
    assert Record.objects.get(pk=path.rsplit("/", 1)[1]).corrected_by == "API key a program"
    revoke(kept)
    assert (program.get(path).status_code, error_code(program.get(path))) == (401, "bad_api_key")
    assert error_code(Client(headers={"Authorization": "Basic eDp5"}).get(path)) == "bad_api_key"


def test_a_changed_cookie_identifies_nobody(client: Client) -> None:
    path = f"{PATH}/{post(client).json()['id']}"
    client.cookies[COOKIE] = client.cookies[COOKIE].value[:-1] + "!"
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/v1/predictions/abc", 404),
        ("GET", "/api/v1/predictions/00000000-0000-4000-8000-000000000000", 404),
        ("PUT", PATH, 405),
        ("PATCH", PATH, 405),
    ],
)
def test_every_error_has_the_same_form(client: Client, method: str, path: str, status: int) -> None:
    response = client.generic(method, path)
    assert response.status_code == status
    error_code(response)
    if status == 405:
        assert "POST" in response["Allow"]


def test_an_internal_error_shows_no_details(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_arguments: Any) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr("webui.recognition.services.recognise", broken)
    client.raise_request_exception = False
    response = post(client)
    assert (response.status_code, error_code(response)) == (500, "internal_error")
    assert b"inside" not in response.content


def test_a_wrong_host_is_refused(client: Client) -> None:
    response = client.get(PATH, headers={"Host": "evil.example"})
    assert (response.status_code, error_code(response)) == (400, "malformed_request")


def test_only_a_valid_request_id_is_accepted(client: Client) -> None:
    assert client.get(PATH, headers={"X-Request-ID": "abc-1"})["X-Request-ID"] == "abc-1"
    assert client.get(PATH, headers={"X-Request-ID": "a b<"})["X-Request-ID"] != "a b<"


def test_the_model_server_gets_the_request_s_id(client: Client, model: FakeModelServer) -> None:
    response = post(client, headers={"X-Request-ID": "chosen-by-a-proxy"})
    assert response["X-Request-ID"] == "chosen-by-a-proxy"
    assert model.request_ids
    assert set(model.request_ids) == {"chosen-by-a-proxy"}
